import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/client.ts'
import { reasonOf } from '../domain/errors.ts'
import type { StreamConfig } from '../platform/config/stream.ts'
import type { Log } from '../platform/log.ts'
import { createFeed, type Feed } from './feed.ts'
import type { Sleep } from './ticker.ts'
import { createLive, type Live } from './watch.ts'

/** A change is seen within a second. */
const everyMs = 1_000
/** Three chances to say that it lives before a session expires. */
const touchMs = 15_000

const sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal })

/** What tells all who wait in this process of changes. */
export function openFeed(database: Database, log: Log): Feed {
  const onError = (error: unknown) => log('warn', 'watched jobs not read', { detail: reasonOf(error) })
  return createFeed({ database, everyMs, sleep, onError })
}

/** What is watched in this process, as configured. */
export function openLive(
  config: Pick<StreamConfig, 'STREAM_SECONDS' | 'STREAM_SESSIONS_PER_USER'>,
  database: Database,
  feed: Feed,
  log: Log,
): Live {
  return createLive({
    database,
    feed,
    lifeMs: config.STREAM_SECONDS * 1000,
    perUser: config.STREAM_SESSIONS_PER_USER,
    touchMs,
    lookMs: everyMs,
    random: Math.random,
    sleep,
    log,
  })
}
