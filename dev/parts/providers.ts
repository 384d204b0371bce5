import type { Environment } from '../database/run-command.ts'
import { startProviderEmulators } from '../emulators/providers/server.ts'
import { placeOf } from './check-bucket.ts'
import type { Part, RunningPart } from './part.ts'

/** Slow enough to see a job's progress. */
const defaultLatencyMs = 400

/** The providers whose keys are in the environment, and emulators of those whose are not. */
export async function startProviders(
  env: Environment,
  latencyMs = defaultLatencyMs,
): Promise<RunningPart & { readonly parts: readonly Part[] }> {
  const providers = [
    { name: 'gemini', key: 'GEMINI_API_KEY', url: 'GEMINI_BASE_URL', model: 'GEMINI_MODEL' },
    { name: 'deepseek', key: 'DEEPSEEK_API_KEY', url: 'DEEPSEEK_BASE_URL', model: 'DEEPSEEK_MODEL' },
  ] as const
  const missing = providers.filter(({ key }) => !env[key])
  const emulators = missing.length > 0 ? await startProviderEmulators({ baseLatencyMs: latencyMs }) : undefined
  const settings: Record<string, string> = {}
  if (emulators) {
    for (const { name, key, url } of missing) {
      settings[key] = 'emulated'
      settings[url] = name === 'gemini' ? emulators.geminiBaseUrl : emulators.deepseekBaseUrl
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
