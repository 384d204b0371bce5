import { nextMidnight } from './next-midnight.ts'
import {
  type Classified,
  durationMs,
  isRecord,
  type LimitRefusal,
  longest,
  type RefusalRules,
  retryAfter,
  waitIn,
} from './refusals.ts'

/** Daily quotas are reset at midnight there: https://ai.google.dev/gemini-api/docs/rate-limits */
const quotaZone = 'America/Los_Angeles'

/**
 * Gemini's refusals. Most are a 400 INVALID_ARGUMENT, distinguished only by the message:
 * https://ai.google.dev/gemini-api/docs/troubleshooting
 */
export const geminiRules: RefusalRules = {
  ours: /generation_?config|response[ _]?(mime|schema|json)|controlled generation|json schema|max_?output_?tokens/i,
  rejected: new RegExp(
    [
      'process input image|input image|image (is|was) (not |in)valid|invalid image|image too|corrupt',
      'unsupported (mime ?type|image)|mime ?type',
      '(input|prompt) (token count|is too long)|token count .{0,40}exceeds|exceeds the maximum number of tokens',
      'request payload size exceeds|payload too large',
    ].join('|'),
    'i',
  ),
  unpaid:
    /prepay|prepaid|credits? (are|is|have been) (depleted|exhausted)|spend(ing)? (cap|limit)|billing_disabled|requires billing/i,
  // A file that was just uploaded is not available yet.
  passing: /access the file|file .{0,80}(not in an active state|may not exist)/i,
  misconfigured: new RegExp(
    [
      'failed_precondition|unauthenticated|permission_denied',
      'api[ _]key|service_disabled|consumer_(invalid|suspended)|location is not supported|free tier|billing',
      'unknown name|cannot find field|is not (enabled|supported|found|allowed) for|model name|unexpected model|unsupported model',
      'developer instruction|json mode|too many states|schema|generation_?config|thinking|safety_?setting|temperature|max_?output_?tokens|media_?resolution|out of range',
    ].join('|'),
    'i',
  ),
  rateLimit,
}

/**
 * Of Gemini's many reasons for a 429, only a per-minute limit passes within minutes. A daily quota returns at midnight,
 * despite RetryInfo. An empty balance, a spent cap, and a limit of 0, which means that the plan does not include the model,
 * never do.
 */
function rateLimit({ error, headers }: LimitRefusal, now: number): Classified | undefined {
  const { message, details } = error
  if (geminiRules.unpaid?.test(message)) return { kind: 'insufficient_balance' }
  const violations = details.flatMap(({ violations: list }) => (Array.isArray(list) ? list.filter(isRecord) : []))
  const nothingAllowed = violations.some(({ quotaValue }) => quotaValue === '0' || quotaValue === 0)
  if (nothingAllowed || /limit: ?0(?![\d.])/.test(message)) return { kind: 'misconfigured' }
  const quotas = violations.map(({ quotaId }) => String(quotaId ?? ''))
  if (quotas.some((id) => /per_?day/i.test(id)) || /per[ _]?day|daily (limit|quota)/i.test(message)) {
    return { kind: 'quota_exhausted', retryAfterMs: nextMidnight(now, quotaZone) - now }
  }
  const told = details.map(({ retryDelay }) => delayMs(retryDelay))
  return { kind: 'rate_limited', retryAfterMs: longest(retryAfter(headers, now), waitIn(message), ...told) }
}

/** A google.protobuf.Duration, in milliseconds: a text like `38.1s`, or, from some gateways, an object. */
function delayMs(delay: unknown): number | undefined {
  return durationMs(isRecord(delay) ? `${String(delay.seconds)}s` : String(delay ?? ''))
}
