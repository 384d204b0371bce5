import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { matchedBy } from '../../database/sql.ts'
import { reasonOf } from '../../domain/errors.ts'
import type { Log } from '../../platform/log.ts'
import { takeSlot } from './slots.ts'

/** Waiting calls: each occupies a function while it waits, so they are limited per user. */
export interface Waits {
  /**
   * Runs the work, which waits, if the user has a free slot.
   *
   * @returns whether it ran
   */
  during(waiter: { readonly userId: string; readonly jobId: number }, work: () => Promise<void>): Promise<boolean>
}

export interface WaitsOptions {
  readonly database: Database
  readonly perUser: number
  readonly log: Log
  /** 0 to 1. */
  readonly random: () => number
}

/** Longer than any wait, in seconds: a wait whose process died loses its slot then. */
const waitLifeSeconds = 40

/** A call that waits has a row for as long as it waits. */
export function createWaits({ database, perUser, log, random }: WaitsOptions): Waits {
  return {
    during: async ({ userId, jobId }, work) => {
      const wait = { kind: 'wait', transport: 'wait', userId, jobId, lastEvent: 0 } as const
      const { id } = await takeSlot(database, wait, { perUser, lifeSeconds: waitLifeSeconds, replaces: false, random })
      if (id === undefined) return false
      try {
        await work()
      } finally {
        await database
          .run((on) => matchedBy(on, sql`DELETE FROM vision_job_sessions WHERE id = ${id}`))
          .catch((error: unknown) => log('warn', 'wait session not closed', { detail: reasonOf(error) }))
      }
      return true
    },
  }
}
