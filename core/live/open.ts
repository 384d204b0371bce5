import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import type { StreamConfig } from '../platform/config/stream.ts'
import type { Log } from '../platform/log.ts'
import { createFeed, type Feed } from './feed.ts'
import type { Sleep } from './ticker.ts'
import { createLive, type Live, type LiveOptions } from './watch.ts'

/** A change is seen within a second. */
export const defaultLookMs = 1_000
/** A third of a session's life and less, so that one lost write ends none. */
const touchMs = 15_000

const sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal })

/** The changes of watched jobs, for all streams and waits of this process. */
export function openFeed(database: Database, log: Log, everyMs = defaultLookMs): Feed {
  const onError = (error: unknown) => log('warn', 'watched jobs not read', { detail: reasonOf(error) })
  return createFeed({ database, everyMs, sleep, onError })
}

/** How streams are opened in this process. */
export interface OpenLiveOptions extends Pick<LiveOptions, 'database' | 'feed' | 'log'> {
  readonly lookMs?: number | undefined
}

/** The streams of this process, as configured. */
export function openLive(
  config: Pick<StreamConfig, 'STREAM_SECONDS' | 'STREAM_SESSIONS_PER_USER'>,
  { lookMs = defaultLookMs, ...options }: OpenLiveOptions,
): Live {
  return createLive({
    ...options,
    lifeMs: config.STREAM_SECONDS * 1000,
    perUser: config.STREAM_SESSIONS_PER_USER,
    touchMs,
    lookMs,
    random: Math.random,
    sleep,
  })
}
