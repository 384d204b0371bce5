import type { Closing } from '../../http/sse.ts'
import { StreamClosed } from '../../live/slots/connections.ts'

/** The message to a client whose stream was closed before it was complete; undefined for any other error. */
export function closingOf(error: unknown): Closing | undefined {
  return error instanceof StreamClosed ? (retries[error.reason] ?? {}) : undefined
}

const retries: Partial<Record<StreamClosed['reason'], Closing>> = {
  // Two clients that replace each other must not do so every second.
  replaced: { retry: { afterMs: 30_000, because: 'a younger stream of the same user took the place' } },
  // By then the replaced ones have ended.
  crowded: { retry: { afterMs: 5_000, because: 'too many streams of the same user were opened at once' } },
}
