import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import type { StreamConfig } from '../platform/config/stream.ts'
import type { Log } from '../platform/log.ts'
import { type Changes, createChanges } from './changes/changes.ts'
import { createFeed, type Feed } from './changes/feed.ts'
import type { Sleep } from './ticker.ts'
import { createLive, type Live, type LiveOptions } from './watch.ts'

/** A change is visible within a second. */
export const defaultLookMs = 1_000
/** Less than a third of a session's lifetime, so that one lost write ends no session. */
const touchMs = 15_000

const sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal })

/** The changes of watched jobs, for all streams and waits of this process. */
export function openFeed(database: Database, log: Log, everyMs = defaultLookMs): Feed {
  const onError = (error: unknown) => log('warn', 'watched jobs not read', { detail: reasonOf(error) })
  return createFeed({ database, everyMs, sleep, onError })
}

/** The changes of all jobs of watched users, for all streams of this process. */
function openChanges(database: Database, log: Log, everyMs = defaultLookMs): Changes {
  const onError = (error: unknown) => log('warn', 'watched users not read', { detail: reasonOf(error) })
  return createChanges({ database, everyMs, sleep, onError })
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
    changes: openChanges(options.database, options.log, lookMs),
    lifeMs: config.STREAM_SECONDS * 1000,
    perUser: config.STREAM_SESSIONS_PER_USER,
    touchMs,
    lookMs,
    random: Math.random,
    sleep,
  })
}
