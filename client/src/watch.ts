import { EventSourceParserStream } from 'eventsource-parser/stream'
import { type Connection, dataOf } from './connection.ts'
import { isVisionError } from './errors.ts'
import { pause, retryAfter } from './send.ts'
import { hasEnded, type Job, type JobEvent } from './types.ts'
import { withSignal } from './upload.ts'
import { waitForJob } from './wait.ts'

const reconnectMs = 1_000
const longestReconnectMs = 15_000

/**
 * Tells what happens to a job, until it has ended: by its stream, and where nothing streams by waiting for its changes. Nothing is told
 * twice, and nothing is lost with a connection.
 *
 * @throws what the calls throw, or the signal's reason
 */
export async function* watchJob(on: Connection, jobId: number, signal?: AbortSignal): AsyncGenerator<JobEvent> {
  let version = 0
  for (let failures = 0; ; ) {
    const job = await dataOf(on.api.GET('/v1/jobs/{jobId}', { params: { path: { jobId } }, ...withSignal(signal) }))
    if (hasEnded(job)) {
      if (job.version > version) yield lastEventOf(job)
      return
    }
    if (job.eventsUrl === null) {
      yield* pollJob(on, job, signal)
      return
    }
    try {
      for await (const event of streamOf(on, job.eventsUrl, version, signal)) {
        failures = 0
        version = event.version
        yield event
        if (['completed', 'failed', 'cancelled', 'deleted'].includes(event.type)) return
      }
    } catch (error) {
      signal?.throwIfAborted()
      // A stream that does not open is tried again for a while; whether the job is still there is seen above.
      if (isVisionError(error) && error.code !== 'client.unreachable' && failures >= 3) throw error
    }
    await pause(Math.min(longestReconnectMs, reconnectMs * failures++), signal)
  }
}

/** The events after a version, until the stream ends. */
async function* streamOf(on: Connection, url: string, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent> {
  const headers = { accept: 'text/event-stream', ...(after > 0 && { 'last-event-id': String(after) }) }
  // The link holds a ticket, and may be at another server: the key is not for that.
  const response = await on.fetch(url, { headers, ...withSignal(signal) })
  if (response.status === 204 || response.body === null) return
  if (!response.ok) {
    await response.body.cancel()
    await pause(retryAfter(response.headers) ?? reconnectMs, signal)
    return
  }
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  const reader = events.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      // What has no id tells of the stream, not of the job.
      if (value.id !== undefined) yield { type: value.event, ...JSON.parse(value.data) } as JobEvent
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Without a stream: a `status` for every change that is seen, and the last event. */
async function* pollJob(on: Connection, first: Job, signal?: AbortSignal): AsyncGenerator<JobEvent> {
  const seen: Job[] = [first]
  let wake = () => {}
  let failure: { readonly error: unknown } | undefined
  const onChange = (job: Job) => {
    if (job.version > (seen.at(-1)?.version ?? first.version)) seen.push(job)
    wake()
  }
  const stop = new AbortController()
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  waitForJob(on, first.jobId, { signal: both, onChange }).catch((error: unknown) => {
    failure = { error }
    wake()
  })
  try {
    for (let told = 0; ; ) {
      const job = seen[told]
      if (job === undefined) {
        if (failure) throw failure.error
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      told++
      if (hasEnded(job)) {
        yield lastEventOf(job)
        return
      }
      yield { type: 'status', ...stateOf(job) }
    }
  } finally {
    stop.abort()
  }
}

function stateOf({ jobId, version, status, step, progress, attempt, failures, nextTryAt, error }: Job) {
  return { jobId, version, status, step, progress, attempt, failures, nextTryAt, error }
}

/** What the stream would have told last of a job that has ended. */
function lastEventOf(job: Job): JobEvent {
  const state = stateOf(job)
  if (job.status === 'completed') return { type: 'completed', ...state, content: job.outputs.content }
  if (job.status === 'cancelled') return { type: 'cancelled', ...state }
  const missing = job.outputs.texts.filter((text) => text.status !== 'completed')
  return {
    type: 'failed',
    ...state,
    missing: missing.map(({ textId, outputFormat, language, error }) => ({ textId, outputFormat, language, error })),
  }
}
