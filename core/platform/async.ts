import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for work or for a signal, whichever comes first; the work itself continues.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function race<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    // The loser's rejection must not surface as unhandled.
    for (const loser of [work, aborted]) loser.catch(() => undefined)
  }
}

/**
 * Waits for work up to a time limit, in milliseconds; late work itself continues.
 *
 * @param onLate called when the time is over: returns a value in place of the work's, or throws
 */
export async function withTimeout<T>(milliseconds: number, work: Promise<T>, onLate: () => T): Promise<T> {
  const { promise: late, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => {
    try {
      resolve(onLate())
    } catch (error) {
      reject(error)
    }
  }, milliseconds)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    for (const loser of [work, late]) loser.catch(() => undefined)
  }
}

/** Makes something once, for all calls; after a failure the next call tries again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    if (made === undefined) {
      const making = make()
      made = making
      making.catch(() => {
        made = undefined
      })
    }
    return made
  }
}

/** Work that is repeated. */
export interface Repeating {
  /** Starts no more work; resolves when the work under way has ended. */
  stop(): Promise<void>
}

/**
 * Repeats work, with a wait before each run that begins when the last run has ended.
 *
 * @param waitMs the wait before each run, in milliseconds
 * @param work must not reject
 */
export function every(waitMs: () => number, work: () => Promise<unknown>): Repeating {
  const stopping = new AbortController()
  const { signal } = stopping
  const loop = async () => {
    while (!signal.aborted) {
      await delay(waitMs(), undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await work()
    }
  }
  const looping = loop()
  return {
    stop: () => {
      stopping.abort()
      return looping
    },
  }
}

/** Resolves after a time in milliseconds, or as soon as one of the promises resolves or one of the signals is aborted. */
export async function pause(
  milliseconds: number,
  wakers: readonly Promise<void>[],
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> {
  if (signals.some((signal) => signal?.aborted)) return
  const controller = new AbortController()
  const wake = () => controller.abort()
  for (const signal of signals) signal?.addEventListener('abort', wake, { once: true })
  for (const waker of wakers) void waker.then(wake)
  try {
    await delay(milliseconds, undefined, { signal: controller.signal })
  } catch {
    // Woken early.
  } finally {
    for (const signal of signals) signal?.removeEventListener('abort', wake)
  }
}
