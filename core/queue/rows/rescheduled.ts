import { type SQL, sql } from 'drizzle-orm'
import { inMilliseconds } from '../../database/sql.ts'

/**
 * The columns of an ended job that runs again, due at once and with all its retries: redriven, or asked for more texts.
 *
 * @param lifeMs until it expires, in milliseconds of the database's clock
 */
export function rescheduled(lifeMs: number): SQL {
  return sql`status = 'scheduled', failures = 0, crashes = 0, version = version + 1,
    available_at = UTC_TIMESTAMP(3), finished_at = NULL, error_code = NULL, error_message = NULL,
    answer_issue = NULL, expires_at = ${inMilliseconds(lifeMs)}, updated_at = UTC_TIMESTAMP(3)`
}
