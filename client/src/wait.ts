import { type Connection, dataOf } from './connection.ts'
import { VisionError } from './errors.ts'
import { pause, retryAfter } from './send.ts'
import { type Batch, hasEnded, type Job } from './types.ts'
import { withSignal } from './upload.ts'

export interface WaitOptions<T> {
  readonly signal?: AbortSignal | undefined
  /** Gives up after this long, in milliseconds, with `client.timed_out`; never if left out. */
  readonly timeoutMs?: number | undefined
  /** Called with every state that is seen. */
  readonly onChange?: ((state: T) => void) | undefined
}

/** How long the API may hold each call, in seconds: its maximum. */
const waitSeconds = 25
const pollMs = 2_000

/** Waits until a job has ended, by calls that the API answers when something changes. */
export function waitForJob(on: Connection, jobId: number, options: WaitOptions<Job> = {}): Promise<Job> {
  const read = (header: Header, signal?: AbortSignal) =>
    on.api.GET('/v1/jobs/{jobId}', { params: { path: { jobId }, header }, ...withSignal(signal) })
  return waitUntil(read, hasEnded, options)
}

/** Waits until every job of a batch has ended; in a batch without jobs there is nothing to wait for. */
export function waitForBatch(on: Connection, batchId: number, options: WaitOptions<Batch> = {}): Promise<Batch> {
  const read = (header: Header, signal?: AbortSignal) =>
    on.api.GET('/v1/batches/{batchId}', { params: { path: { batchId }, header }, ...withSignal(signal) })
  // One without jobs would be waited for, although it is known at once.
  return waitUntil(read, ({ ended, jobs }) => ended || jobs === 0, options, { looksFirst: true })
}

type Header = { readonly Prefer?: string; readonly 'If-None-Match'?: string }

/** @throws VisionError `client.timed_out`, what the calls throw, or the signal's reason */
async function waitUntil<T>(
  read: (header: Header, signal?: AbortSignal) => Promise<{ data?: T; response: Response }>,
  isOver: (state: T) => boolean,
  { signal, timeoutMs, onChange }: WaitOptions<T>,
  { looksFirst = false } = {},
): Promise<T> {
  const late = new VisionError('client.timed_out', `It did not end within ${timeoutMs} ms, and continues.`)
  const limit = new AbortController()
  // The longest delay of a timer is 31 bits of milliseconds: 24.8 days.
  const timer =
    timeoutMs === undefined || timeoutMs >= 2 ** 31 ? undefined : setTimeout(() => limit.abort(late), timeoutMs)
  const both = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal
  try {
    for (let etag: string | null = null, waits = !looksFirst; ; waits = true) {
      const header = { ...(waits && { Prefer: `wait=${waitSeconds}` }), ...(etag && { 'If-None-Match': etag }) }
      const { response, data } = await read(header, both)
      if (response.status !== 304) {
        const state = await dataOf(Promise.resolve({ ...(data !== undefined && { data }) }))
        onChange?.(state)
        if (isOver(state)) return state
        etag = response.headers.get('etag')
      }
      // Where nothing waits, or no more of the caller's calls may, the answer comes at once.
      if (waits && !response.headers.has('preference-applied'))
        await pause(retryAfter(response.headers) ?? pollMs, both)
    }
  } finally {
    clearTimeout(timer)
  }
}
