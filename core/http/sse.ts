import { withTimeout } from '../platform/async.ts'

/** One event as it goes over the wire: the id, and the data with its type. */
export type WireEvent = readonly [id: string, data: { readonly type: string }, ...rest: unknown[]]

/** The result of a streaming procedure. */
export interface EventStream<Event = WireEvent> extends AsyncIterable<Event, void> {
  /** There is nothing to send now or later. */
  readonly complete: boolean
  /** The message to the client when the stream was closed before it was complete; undefined for any other error. */
  readonly closingOf: (error: unknown) => Closing | undefined
}

/** The last event of a stream to which the client may reconnect. */
export interface Closing {
  /** The delay before the client reconnects, in milliseconds, and its reason; at once if left out. */
  readonly retry?: { readonly afterMs: number; readonly because: string }
}

/** How often an idle connection carries a comment, in milliseconds, so that no proxy drops it. */
export const heartbeatMs = 15_000
/** A reader that consumes nothing for this long, in milliseconds, has left, even if the connection is still open. */
const stallMs = 60_000
/** How long a client waits before it reconnects, in milliseconds. */
const retryMs = 1_000

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // nginx would buffer the events otherwise.
  'x-accel-buffering': 'no',
  // The URL may contain a ticket.
  'referrer-policy': 'no-referrer',
} as const

export interface EventStreamOptions {
  /** As an `EventStream` has it. */
  readonly closingOf: EventStream['closingOf']
  /** Called when the reader leaves or stops reading. */
  readonly left: () => void
  /** Called with the error that broke off the stream, other than a closing. */
  readonly onError: (error: unknown) => void
}

/**
 * Serialises events as server-sent events. The next event is requested once the reader has consumed the last one, so that
 * nothing is buffered here; heartbeats fill the pauses.
 */
export function toEventStream(
  events: AsyncIterable<WireEvent>,
  { closingOf, left, onError }: EventStreamOptions,
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
      const closing = closingOf(error)
      if (closing) return closingFrame(closing)
      // The client reconnects by itself, and then gets the status of the error.
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

function orHeartbeat(next: Promise<string | undefined>): Promise<string | undefined> {
  return withTimeout<string | undefined>(heartbeatMs, next, () => heartbeat)
}

/** One event as text. JSON has no line breaks of its own, so the data is one line. */
export function frame([id, data]: WireEvent): string {
  return `id: ${id}\nevent: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Not a 429, after which an EventSource never reconnects. An event without data is not dispatched, hence the `{}`. */
function closingFrame({ retry }: Closing): string {
  return retry ? `retry: ${retry.afterMs}\n: ${retry.because}\n\n` : 'event: reconnect\ndata: {}\n\n'
}
