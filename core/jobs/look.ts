import { sql } from 'drizzle-orm'
import type { Step } from '../../drizzle/schema.ts'
import { type Database, rowsOf } from '../db.ts'

/** What there is to do. */
export interface Look {
  /** The lanes in which something may be claimed; `content` first, so that what was begun is finished. */
  readonly lanes: readonly Step[]
  /** A scheduled job's time has come. */
  readonly due: boolean
  /** A lease has expired. */
  readonly lost: boolean
  /** A waiting job is past its `expires_at`. */
  readonly expired: boolean
}

/** One plain read that locks nothing, so that an idle queue costs one small statement a look. */
export async function lookForWork(database: Database): Promise<Look> {
  const [row] = await database.run((on) =>
    rowsOf<Record<'content' | 'analysis' | 'due' | 'lost' | 'expired', number>>(
      on,
      sql`SELECT
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (claim)
          WHERE status = 'pending' AND next_step = 'content') AS content,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (claim)
          WHERE status = 'pending' AND next_step = 'analysis') AS analysis,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (due)
          WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3)) AS due,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (lease)
          WHERE status = 'processing' AND lease_expires_at <= UTC_TIMESTAMP(3)) AS lost,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (expiry)
          WHERE status IN ('pending', 'scheduled') AND expires_at <= UTC_TIMESTAMP(3)) AS expired`,
    ),
  )
  return {
    lanes: (['content', 'analysis'] satisfies Step[]).filter((lane) => row?.[lane]),
    due: Boolean(row?.due),
    lost: Boolean(row?.lost),
    expired: Boolean(row?.expired),
  }
}
