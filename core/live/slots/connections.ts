import type { CloseReason } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { reasonOf } from '../../domain/errors.ts'
import type { Log } from '../../platform/log.ts'
import type { Sleep } from '../ticker.ts'
import { createSessions, type NewSession } from './sessions.ts'

/**
 * The stream was closed before it was complete: the watcher may reconnect and resume. tRPC takes an error of this name for
 * a broken connection, so that its client reconnects too.
 */
export class StreamClosed extends Error {
  /** `crowded`: it was not opened, since the same user had opened too many at once. */
  readonly reason: CloseReason | 'crowded'

  constructor(reason: CloseReason | 'crowded') {
    super(`the stream was closed: ${reason}`)
    this.name = 'AbortError'
    this.reason = reason
  }
}

/** One watcher's connection, for as long as it is open. */
export interface Connection {
  /** Aborted with a `StreamClosed` when it must end. */
  readonly closing: AbortSignal
  /** Ends it and records why, unless it has ended already. */
  end(reason: CloseReason): void
  /** Records the last event sent. */
  sent(version: number): void
}

/** The connections of this process. */
export interface Connections {
  /**
   * Opens one.
   *
   * @param signal aborted when the watcher has gone away
   * @returns undefined if the same user has opened too many at once
   */
  open(session: Omit<NewSession, 'onClosed'>, signal: AbortSignal): Promise<Connection | undefined>
  /** Ends all of them; their clients will reconnect. */
  closeAll(): void
  /** Resolves when everything about ended connections has been written. */
  settled(): Promise<void>
}

export interface ConnectionOptions {
  readonly database: Database
  /** How long a stream may last before it is closed, in milliseconds. */
  readonly lifeMs: number
  /** The most concurrent streams of a user. */
  readonly perUser: number
  /** How often the rows of live streams are touched, in milliseconds. */
  readonly touchMs: number
  /** How often to check for streams that another process has closed, in milliseconds. */
  readonly lookMs: number
  /** 0 to 1. */
  readonly random: () => number
  readonly sleep: Sleep
  readonly log: Log
}

export function createConnections(options: ConnectionOptions): Connections {
  const { lifeMs, log } = options
  const onError = (error: unknown) => log('warn', 'stream sessions not written', { detail: reasonOf(error) })
  const sessions = createSessions({ ...options, onError })
  const open = new Set<Connection['end']>()

  return {
    open: async (wanted, signal) => {
      const closing = new AbortController()
      const end = (reason: CloseReason) => closing.abort(new StreamClosed(reason))
      const session = await sessions.open({ ...wanted, onClosed: end })
      if (session === undefined) return undefined
      const leave = () => end('left')
      const life = setTimeout(() => end('reconnect'), lifeMs)
      signal.addEventListener('abort', leave)
      open.add(end)
      const release = () => {
        open.delete(end)
        clearTimeout(life)
        signal.removeEventListener('abort', leave)
        session.close(closing.signal.reason.reason)
      }
      // Another stream may have replaced it, or its reader may have left, while its row was inserted.
      if (signal.aborted) leave()
      if (closing.signal.aborted) release()
      else closing.signal.addEventListener('abort', release)
      return { closing: closing.signal, end, sent: session.sent }
    },
    closeAll: () => {
      for (const end of open) end('reconnect')
    },
    settled: () => sessions.settled(),
  }
}
