import { setTimeout as delay } from 'node:timers/promises'
import type { StreamConfig } from '../config.ts'
import type { Database } from '../db.ts'
import type { Log } from '../log.ts'
import { createLive, type Live } from './watch.ts'

/** A change is seen within a second. */
const everyMs = 1_000
/** Three chances to say that it lives before a session expires. */
const touchMs = 15_000

/** What is watched in this process, as configured. */
export function openLive(
  config: Pick<StreamConfig, 'STREAM_SECONDS' | 'STREAM_SESSIONS_PER_USER'>,
  database: Database,
  log: Log,
): Live {
  return createLive({
    database,
    lifeMs: config.STREAM_SECONDS * 1000,
    perUser: config.STREAM_SESSIONS_PER_USER,
    everyMs,
    touchMs,
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
    log,
  })
}
