import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorCodes, VisionError } from '../../core/domain/errors.ts'
import { LeaseLost, LeaseUncertain } from '../../core/domain/run.ts'
import { providerOutcomeOf } from '../../core/providers/availability/circuit-breaker.ts'
import { callOutcomeOf, outcomeOf, Stopped } from '../../core/worker/run/outcome.ts'

const run = { attempt: 1, failures: 0, maxRetries: 3 }
const usual = { circuitOpen: false, retry: { baseMs: 1_000, capMs: 60_000, random: () => 0 }, providerWaitMs: 30_000 }
const awake = { aborted: false, frozen: false }

/**
 * What each code leads to: the job's outcome, its outcome while the provider's circuit is open, what the provider's circuit
 * hears, and the outcome of the permit where the worker was suspended during the call.
 */
type Row = readonly [job: string, whileOpen: string, provider: string, permitIfFrozen: 'ends' | 'is cut off']

// A request that is refused never reaches a worker: if one does, trying again would not help.
const request: Row = ['failed', 'failed', 'ignored', 'ends']
const badImage: Row = ['failed', 'failed', 'ignored', 'ends']
const slowImage: Row = ['retried', 'postponed', 'ignored', 'is cut off']
const refusedJob: Row = ['failed', 'failed', 'success', 'ends']
const badAnswer: Row = ['retried', 'postponed', 'success', 'ends']
const silence: Row = ['retried', 'postponed', 'transient', 'is cut off']
const ours: Row = ['retried', 'postponed', 'ignored', 'ends']

const ofProvider = {
  blocked: refusedJob,
  rejected: refusedJob,
  refused: ['retried', 'postponed', 'transient', 'ends'],
  misfit: badAnswer,
  invalid_answer: refusedJob,
  blank_answer: badAnswer,
  cut_off: badAnswer,
  recited: badAnswer,
  timed_out: silence,
  unavailable: silence,
  overloaded: ['postponed', 'postponed', 'transient', 'ends'],
  rate_limited: ['postponed', 'postponed', 'rate-limited', 'ends'],
  quota_exhausted: ['postponed', 'postponed', 'quota-exhausted', 'ends'],
  insufficient_balance: ['postponed', 'postponed', 'fatal', 'ends'],
  misconfigured: ['postponed', 'postponed', 'fatal', 'ends'],
} as const satisfies Record<string, Row>

type OfStep<Step extends string> = { [Kind in keyof typeof ofProvider as `${Step}.${Kind}`]: Row }
const ofStep = <Step extends string>(step: Step) =>
  Object.fromEntries(Object.entries(ofProvider).map(([kind, row]) => [`${step}.${kind}`, row])) as OfStep<Step>

const table: Record<ErrorCode, Row> = {
  'request.invalid': request,
  'request.unauthenticated': request,
  'request.forbidden': request,
  'request.not_found': request,
  'request.method_not_allowed': request,
  'request.too_large': request,
  'request.unsupported_type': request,
  'auth.unavailable': request,
  'job.not_found': request,
  'job.not_cancellable': request,
  'job.not_retryable': request,
  'idempotency.mismatch': request,
  'limit.jobs_per_day': request,
  'limit.jobs_waiting': request,
  'limit.spend_per_day': request,
  'limit.uploads_per_day': request,
  'limit.upload_bytes_per_day': request,
  'limit.estimates_per_minute': request,
  'limit.webhook_requests_per_minute': request,
  'upload.not_found': request,
  'key.not_found': request,
  'key.too_many': request,
  'webhook.not_found': request,
  'webhook.too_many': request,
  'webhook.invalid_url': request,
  'webhook.too_many_secrets': request,
  'webhook.disabled': request,
  'webhook.delivery_not_found': request,
  'text.not_found': request,
  'text.not_ready': request,
  'text.too_many': request,
  'text.too_many_revisions': request,
  'batch.not_found': request,
  'batch.closed': request,
  'batch.full': request,
  'batch.too_many': request,
  'brand.not_found': request,
  'brand.too_many': request,
  'brand.too_many_versions': request,
  'request.precondition_failed': request,
  'request.precondition_required': request,
  'database.unavailable': ['released', 'released', 'ignored', 'ends'],
  'job.expired': ['failed', 'failed', 'ignored', 'ends'],
  'worker.lost': ours,
  'internal.error': ours,
  'image.invalid_url': badImage,
  'image.forbidden_address': badImage,
  'image.unknown_host': badImage,
  'image.not_found': badImage,
  'image.upload_missing': badImage,
  'image.refused': badImage,
  'image.too_large': badImage,
  'image.unsupported_type': badImage,
  'image.malformed': badImage,
  'image.truncated': badImage,
  'image.too_many_pixels': badImage,
  'image.unsupported_encoding': badImage,
  'image.invalid_response': badImage,
  'image.untrusted_server': badImage,
  'image.too_many_redirects': badImage,
  'image.unreachable': slowImage,
  'image.timed_out': slowImage,
  'storage.unavailable': ['postponed', 'postponed', 'ignored', 'ends'],
  ...ofStep('analysis'),
  ...ofStep('content'),
}

test('every code of the table of errors has an outcome here', () => {
  expect(Object.keys(table).sort()).toEqual(Object.keys(errorCodes).sort())
})

describe.each(Object.entries(table) as [ErrorCode, Row][])('%s', (code, [job, whileOpen, provider, permitIfFrozen]) => {
  const error = new VisionError(code)

  test(`the job is ${job}, or ${whileOpen} while the circuit is open`, () => {
    expect(outcomeOf(error, run, usual)).toMatchObject({ kind: job, error })
    expect(outcomeOf(error, run, { ...usual, circuitOpen: true })).toMatchObject({ kind: whileOpen, error })
  })

  test('the job fails for good where it costs a retry and none is left, and only there', () => {
    const last = outcomeOf(error, { ...run, failures: 3 }, usual)
    expect(last.kind).toBe(job === 'retried' ? 'failed' : job)
  })

  test(`the circuit hears ${provider}, and the permit ${permitIfFrozen} where the worker stood still`, () => {
    expect(callOutcomeOf(error, awake)).toEqual({ error })
    expect(providerOutcomeOf(code)).toBe(provider)
    const frozen = callOutcomeOf(error, { ...awake, frozen: true })
    expect('stopped' in frozen ? 'is cut off' : 'ends').toBe(permitIfFrozen)
  })
})

test('what must stop costs the job nothing and tells nothing of its provider', () => {
  const identity = { jobId: 7, attempt: 1 }
  expect(outcomeOf(new LeaseLost(identity), run, usual)).toEqual({ kind: 'lost' })
  for (const thrown of [new Stopped('the deadline is near'), new LeaseUncertain(identity)]) {
    expect(outcomeOf(thrown, run, { ...usual, circuitOpen: true })).toEqual({ kind: 'released' })
  }
  const stopped = new Stopped('there is no permit')
  expect(callOutcomeOf(stopped, awake)).toEqual({ stopped })
  const error = new VisionError('analysis.misconfigured')
  expect(callOutcomeOf(error, { ...awake, aborted: true })).toEqual({ stopped: error })
})

test('what is no error of ours is ours to answer for: a retry, with the reason', () => {
  const outcome = outcomeOf(new TypeError('x is undefined'), run, usual)
  expect(outcome).toMatchObject({
    kind: 'retried',
    error: { code: 'internal.error', detail: 'TypeError: x is undefined' },
  })
})

describe('the wait', () => {
  const delayOf = (code: ErrorCode, changes: Partial<typeof run> = {}, retryAfterMs?: number, random = 0) => {
    const options = { ...usual, retry: { ...usual.retry, random: () => random } }
    const outcome = outcomeOf(
      new VisionError(code, { ...(retryAfterMs && { retryAfterMs }) }),
      { ...run, ...changes },
      options,
    )
    return 'delayMs' in outcome ? outcome.delayMs : undefined
  }

  test('for a provider doubles with the attempts, four times at most, and varies', () => {
    const waits = [1, 2, 3, 5, 50].map((attempt) => delayOf('content.rate_limited', { attempt }))
    expect(waits).toEqual([30_000, 60_000, 120_000, 480_000, 480_000])
    expect(delayOf('content.rate_limited', {}, undefined, 0.5)).toBe(45_000)
  })

  test('is at least what the provider asks for, and a day at most', () => {
    expect(delayOf('content.rate_limited', { attempt: 5 }, 90_000)).toBe(90_000)
    expect(delayOf('content.rate_limited', { attempt: 5 }, 1_000)).toBe(30_000)
    for (const code of ['content.rate_limited', 'content.timed_out'] as const) {
      expect(delayOf(code, {}, 864_000_000)).toBe(86_400_000)
    }
  })
})
