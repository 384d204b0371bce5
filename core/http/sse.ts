import { WatchCut } from '../live/watch.ts'

/** One event as it goes over the wire: the id, and the data with its type. */
export type WireEvent = readonly [id: string, data: { readonly type: string }, ...rest: unknown[]]

/** A connection on which nothing happens carries a comment so often, in milliseconds, so that nobody between drops it. */
export const heartbeatMs = 15_000
/** Who takes nothing for so long, in milliseconds, has gone, though the connection may not know. */
const stallMs = 60_000
/** After a connection that ended, a client waits so long before it comes back, in milliseconds. */
const retryMs = 1_000
/** After its place was taken: two clients that take each other's place shall not do so every second. */
const replacedRetryMs = 30_000

/** After too many came at once: by then those that were replaced have ended. */
const crowdedRetryMs = 5_000

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // nginx would collect the events otherwise.
  'x-accel-buffering': 'no',
  // The URL may hold a ticket.
  'referrer-policy': 'no-referrer',
} as const

/**
 * Events as the text of server-sent events. The next event is taken when the reader has taken the last, so that nothing
 * piles up here; heartbeats fill the time between.
 *
 * @param left called when the reader goes away, or reads no more
 * @param onError told of what broke the stream off, other than a cut
 */
export function toEventStream(
  events: AsyncIterable<WireEvent>,
  { left, onError }: { readonly left: () => void; readonly onError: (error: unknown) => void },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const iterator = events[Symbol.asyncIterator]()
  let next: Promise<string | undefined> | undefined
  let opened = false
  let stalled: NodeJS.Timeout | undefined

  const take = async (): Promise<string | undefined> => {
    try {
      const { done, value } = await iterator.next()
      return done ? undefined : frame(value)
    } catch (error) {
      if (error instanceof WatchCut) return farewell(error)
      // The client comes back by itself, and is told in a status what is wrong.
      onError(error)
      return undefined
    }
  }
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        clearTimeout(stalled)
        if (opened) next ??= take()
        const text = next ? await orHeartbeat(next) : `retry: ${retryMs}\n\n`
        opened = true
        if (text !== heartbeat) next = undefined
        if (text === undefined) return controller.close()
        controller.enqueue(encoder.encode(text))
        stalled = setTimeout(() => {
          controller.error(new Error('the reader has stalled'))
          left()
        }, stallMs)
      },
      cancel: () => {
        clearTimeout(stalled)
        left()
      },
    },
    { highWaterMark: 0 },
  )
}

const heartbeat = ': still here\n\n'

async function orHeartbeat(next: Promise<string | undefined>): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(resolve, heartbeatMs, heartbeat)
  try {
    return await Promise.race([next, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** One event as text. JSON has no line breaks of its own, so the data is one line. */
export function frame([id, data]: WireEvent): string {
  return `id: ${id}\nevent: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** What a client is told that may come back. An event without data is never dispatched, hence the empty object. */
function farewell({ reason }: WatchCut): string {
  if (reason === 'replaced') return `retry: ${replacedRetryMs}\n: a younger stream of the same user took the place\n\n`
  // Not a 429, after which an EventSource never comes back.
  if (reason === 'crowded')
    return `retry: ${crowdedRetryMs}\n: too many streams of the same user were opened at once\n\n`
  return 'event: reconnect\ndata: {}\n\n'
}
