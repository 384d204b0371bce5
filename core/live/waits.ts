import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy } from '../database/sql.ts'
import { reasonOf } from '../domain/errors.ts'
import type { Log } from '../platform/log.ts'
import { takeSlot } from './slots.ts'

/** Calls that wait for an answer: each holds a function all the while, so a user may have only so many at once. */
export interface Waits {
  /**
   * Waits with the given work, if the user may have one wait more.
   *
   * @returns whether it has waited
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

/** Longer than any wait, in seconds: a wait whose process died gives up its slot after it. */
const waitLifeSeconds = 40

/** A call that does not wait costs nothing here; one that does costs a row, which goes with it. */
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
          .catch((error: unknown) => log('warn', 'a wait was not ended', { detail: reasonOf(error) }))
      }
      return true
    },
  }
}
