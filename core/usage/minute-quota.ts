import { type SQL, sql } from 'drizzle-orm'
import { LimitExceeded, type Quota } from './quotas.ts'

const minuteSeconds = 60

/**
 * A number of requests a minute that a row counts, by the database's clock and over all processes. A minute begins with the first
 * request after the end of the previous one.
 *
 * @param limit the most requests of a minute
 * @param columns of the row: the count, and when its minute began
 * @param isOver whether that minute is over
 */
export function createMinuteQuota(
  code: Quota['code'],
  limit: number,
  { used, begun, isOver }: { readonly used: SQL; readonly begun: SQL; readonly isOver: SQL },
) {
  return {
    /** Counts one. The start comes last: the assignments before it still see the old value. */
    count: sql`${used} = IF(${isOver}, 0, ${used}) + 1,
            ${begun} = IF(${isOver}, UTC_TIMESTAMP(3), ${begun})`,
    hasRoom: sql`(${isOver} OR ${used} < ${limit})`,
    columns: sql`${used} AS used, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), ${begun}) + ${minuteSeconds} AS \`left\``,
    /**
     * The rest of the minute's quota.
     *
     * @param row of `columns`
     * @param counted whether the request was counted
     * @throws LimitExceeded if it was not
     */
    rest(row: MinuteRow | undefined, counted: boolean): { readonly quotas: readonly Quota[] } {
      const quota: Quota = {
        code,
        limit,
        left: Math.max(0, limit - Number(row?.used ?? 0)),
        resetSeconds: Math.max(1, Number(row?.left ?? 0)),
        windowSeconds: minuteSeconds,
      }
      if (!counted) throw new LimitExceeded(quota, [quota])
      return { quotas: [quota] }
    },
  }
}

/** What `columns` reads; `left` is null before the first request. */
export interface MinuteRow {
  readonly used: number
  readonly left: number | null
}

/** Whether the minute that began then is over. */
export function isMinuteOver(begun: SQL): SQL {
  return sql`${begun} <= UTC_TIMESTAMP(3) - INTERVAL ${minuteSeconds} SECOND`
}
