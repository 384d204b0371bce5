/** A share of a budget that somebody holds. */
export interface Share {
  /** Gives a part back, once less turns out to be enough. */
  shrinkTo(bytes: number): void
  /** Gives all of it back; doing it twice is no harm. */
  release(): void
}

/** A number of bytes that is shared out: who asks for more than is left waits, in the order of asking. */
export interface ByteBudget {
  /** @throws the signal's reason, if it is aborted while waiting */
  take(bytes: number, signal: AbortSignal): Promise<Share>
}

interface Waiter {
  readonly bytes: number
  readonly start: () => void
}

/** @param total in bytes; one share larger than it is given out when nothing else is */
export function createByteBudget(total: number): ByteBudget {
  let taken = 0
  const waiting: Waiter[] = []

  const serve = () => {
    // In order, or a large image would wait for ever behind small ones.
    for (let next = waiting[0]; next && (taken === 0 || taken + next.bytes <= total); next = waiting[0]) {
      waiting.shift()
      taken += next.bytes
      next.start()
    }
  }

  const share = (bytes: number): Share => {
    let held = bytes
    const shrinkTo = (rest: number) => {
      if (rest >= held) return
      taken -= held - rest
      held = rest
      serve()
    }
    return { shrinkTo, release: () => shrinkTo(0) }
  }

  return {
    take: async (bytes, signal) => {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<Share>()
      const abort = () => {
        waiting.splice(waiting.indexOf(waiter), 1)
        reject(signal.reason)
        serve()
      }
      const waiter: Waiter = {
        bytes,
        start: () => {
          signal.removeEventListener('abort', abort)
          resolve(share(bytes))
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      waiting.push(waiter)
      serve()
      return promise
    },
  }
}
