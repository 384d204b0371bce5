import type { PollerConfig } from '../../core/platform/config/poller.ts'
import { keyOf } from '../../core/platform/config/providers.ts'
import { registry } from '../../core/providers/registry.ts'
import type { Environment } from '../database/run-command.ts'
import { createLetteringReader } from '../emulators/providers/lettering.ts'
import { startProviderEmulators } from '../emulators/providers/server.ts'
import { placeOf } from './check-bucket.ts'
import type { Part, RunningPart } from './part.ts'

/** Slow enough to see a job's progress. */
const defaultLatencyMs = 400

/**
 * The providers that serve a step: real where their keys are in the environment, else emulated by what speaks their wire.
 *
 * @param options.latencyMs what the emulated ones take to answer, in milliseconds
 * @param options.reads whether the emulated Gemini reads the lettering of images
 */
export async function startProviders(
  env: Environment,
  serving: Pick<PollerConfig, 'ANALYSIS_PROVIDER' | 'CONTENT_PROVIDER'>,
  {
    latencyMs = defaultLatencyMs,
    reads = true,
  }: { readonly latencyMs?: number | undefined; readonly reads?: boolean | undefined } = {},
): Promise<RunningPart & { readonly parts: readonly Part[] }> {
  const providers = registry
    .filter(({ name }) => name === serving.ANALYSIS_PROVIDER || name === serving.CONTENT_PROVIDER)
    .map(({ name, wire }) => ({ name, wire, key: keyOf(name, 'API_KEY'), url: keyOf(name, 'BASE_URL') }))
  const missing = providers.filter(({ key }) => !env[key])
  const emulators =
    missing.length > 0
      ? await startProviderEmulators({ baseLatencyMs: latencyMs, ...(reads && { lettering: createLetteringReader() }) })
      : undefined
  const settings: Record<string, string> = {}
  if (emulators) {
    const urls = { gemini: emulators.geminiBaseUrl, openai: emulators.deepseekBaseUrl }
    for (const { wire, key, url } of missing) {
      settings[key] = 'emulated'
      settings[url] = urls[wire]
    }
  }
  return {
    settings,
    stop: async () => emulators?.stop(),
    parts: providers.map(
      ({ name, key, url }): Part =>
        settings[key]
          ? { name, kind: 'emulated', what: `at ${settings[url]}; for the real one set ${key} in .env` }
          : { name, kind: 'real', what: `${env[url] ? placeOf(env[url]) : 'the public API'}, which costs money` },
    ),
  }
}
