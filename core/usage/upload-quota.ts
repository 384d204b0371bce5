import { sql } from 'drizzle-orm'
import type { Database } from '../database/client.ts'
import { matchedBy, rowsOf } from '../database/sql.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import { readOverrides, withOverrides } from './limit-overrides.ts'
import { LimitExceeded, type QuotaState } from './quotas.ts'

/** A user's limits on uploads in a day (UTC). A granted upload counts, whether the file arrives or not. */
export interface UploadLimits {
  readonly uploadsPerDay: number
  readonly uploadBytesPerDay: number
}

export function uploadLimits(
  config: Pick<ApiConfig, 'USER_UPLOADS_PER_DAY' | 'USER_UPLOAD_MEGABYTES_PER_DAY'>,
): UploadLimits {
  return {
    uploadsPerDay: config.USER_UPLOADS_PER_DAY,
    uploadBytesPerDay: config.USER_UPLOAD_MEGABYTES_PER_DAY * 1_000_000,
  }
}

/**
 * Counts an upload that is about to be granted, in one statement that commits by itself: concurrent calls cannot exceed the
 * limits together. Days are those of the database's clock.
 *
 * @param settings the limits of users for whom no operator has set others
 * @returns the rest of the quota
 * @throws LimitExceeded
 */
export async function consumeUpload(
  database: Database,
  userId: string,
  bytes: number,
  settings: UploadLimits,
): Promise<QuotaState> {
  const limits = withOverrides(settings, await database.run((on) => readOverrides(on, userId)))
  const { uploadsPerDay, uploadBytesPerDay } = limits
  // The day comes last: the assignments before it still see the old value.
  const count = () =>
    database.run((on) =>
      matchedBy(
        on,
        sql`UPDATE vision_upload_quotas SET uploads = IF(day = UTC_DATE(), uploads, 0) + 1,
            bytes = IF(day = UTC_DATE(), bytes, 0) + ${bytes}, day = UTC_DATE()
          WHERE user_id = ${userId} AND IF(day = UTC_DATE(), uploads, 0) < ${uploadsPerDay}
            AND IF(day = UTC_DATE(), bytes, 0) + ${bytes} <= ${uploadBytesPerDay}`,
      ),
    )
  if ((await count()) > 0) return readUploads(database, userId, limits)
  await database.run((on) =>
    matchedBy(
      on,
      sql`INSERT INTO vision_upload_quotas (user_id, day) VALUES (${userId}, UTC_DATE())
        ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)`,
    ),
  )
  if ((await count()) > 0) return readUploads(database, userId, limits)
  const state = await readUploads(database, userId, limits)
  const [uploads, size] = state.quotas
  const short = uploads && uploads.left > 0 ? size : uploads
  if (short === undefined) throw new Error('a quota of uploads is missing')
  throw new LimitExceeded(short, state.quotas)
}

async function readUploads(database: Database, userId: string, limits: UploadLimits): Promise<QuotaState> {
  const [row] = await database.run((on) =>
    rowsOf<Record<'uploads' | 'bytes' | 'resetSeconds', number> & { day: string }>(
      on,
      sql`SELECT CAST(UTC_DATE() AS CHAR) AS day, IF(day = UTC_DATE(), uploads, 0) AS uploads,
          IF(day = UTC_DATE(), bytes, 0) AS bytes,
          TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), UTC_DATE() + INTERVAL 1 DAY) AS resetSeconds
        FROM vision_upload_quotas WHERE user_id = ${userId}`,
    ),
  )
  const resetSeconds = Number(row?.resetSeconds ?? 0)
  const left = (limit: number, used: number | undefined) => Math.max(0, limit - Number(used ?? 0))
  return {
    day: row?.day ?? '',
    quotas: [
      {
        code: 'limit.uploads_per_day',
        limit: limits.uploadsPerDay,
        left: left(limits.uploadsPerDay, row?.uploads),
        resetSeconds,
      },
      {
        code: 'limit.upload_bytes_per_day',
        limit: limits.uploadBytesPerDay,
        left: left(limits.uploadBytesPerDay, row?.bytes),
        resetSeconds,
      },
    ],
  }
}
