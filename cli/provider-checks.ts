import { keyOf, type ProviderConfig } from '../core/platform/config/providers.ts'
import type { ProviderEntry } from '../core/providers/entry.ts'
import { registry } from '../core/providers/registry.ts'
import { type Finding, notChecked, ok, wrong } from './finding.ts'

const limitMs = 10_000
const mostBytes = 1_000_000

/**
 * Asks each provider for its models, which costs nothing: whether it accepts the key, and has the model. Gemini:
 * https://ai.google.dev/api/models#method:-models.get; the others: `GET /models` of the OpenAI API.
 *
 * @param providers their configuration by name
 */
export async function checkProviderKeys(
  providers: Readonly<Record<string, ProviderConfig>>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const entry of registry) {
    const config = providers[entry.name]
    const check = `key of ${entry.title}`
    if (config?.apiKey === undefined) {
      findings.push({ check, ...notChecked(`${keyOf(entry.name, 'API_KEY')} is not set here`) })
    } else {
      findings.push({ check, ...(await ask(entry, config, config.apiKey)) })
    }
  }
  return findings
}

async function ask(entry: ProviderEntry, { baseUrl, model }: ProviderConfig, apiKey: string) {
  const isGemini = entry.wire === 'gemini'
  const base = baseUrl.replace(/\/+$/, '')
  const key = (name: string) => keyOf(entry.name, name)
  const unknownModel = wrong(`accepts the key, but has no model ${model}`, `Set ${key('MODEL')} to one of its models.`)
  try {
    const response = await fetch(isGemini ? `${base}/v1beta/models/${encodeURIComponent(model)}` : `${base}/models`, {
      headers: isGemini ? { 'x-goog-api-key': apiKey } : { authorization: `Bearer ${apiKey}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(limitMs),
    })
    const text = await readText(response)
    const { status } = response
    // Gemini refuses the key of a project without billing by 403, with this reason.
    if (status === 402 || (status === 403 && text.includes('BILLING_DISABLED'))) {
      return wrong(
        `accepts the key, and wants to be paid (${status})`,
        `Top up the balance, or enable billing, of the account of ${key('API_KEY')}; then resume --provider ${entry.name}.`,
      )
    }
    // A key that is wrong is 400 at Gemini, with a reason of its own.
    if (status === 401 || status === 403 || (status === 400 && text.includes('API_KEY_INVALID'))) {
      return wrong(`refuses the key (${status})`, `Set ${key('API_KEY')} to a key of this provider that is valid.`)
    }
    if (status === 404 && isGemini) return unknownModel
    if (status !== 200) {
      return wrong(
        `it answers ${status}`,
        `Try again later; if it persists, check ${key('BASE_URL')} and its status page.`,
      )
    }
    return isGemini || namesModel(text, model) ? ok(`accepts the key, and has ${model}`) : unknownModel
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException }
    const why = name === 'TimeoutError' ? `did not answer within ${limitMs / 1000} s` : (cause?.code ?? message)
    return wrong(why, `Look at ${key('BASE_URL')} and the outbound connections of this network.`)
  }
}

/** At most a megabyte: the answer is untrusted. */
async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > mostBytes) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function namesModel(text: string, model: string): boolean {
  try {
    const { data } = JSON.parse(text) as { data?: unknown }
    return Array.isArray(data) && data.some((one) => one?.id === model)
  } catch {
    return false
  }
}
