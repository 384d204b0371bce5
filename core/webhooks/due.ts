import { type SQL, sql } from 'drizzle-orm'
import type { SigningSecret } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { asDate, inMilliseconds, matchedBy, rowsOf } from '../database/sql.ts'
import type { Attempt } from './attempt.ts'
import type { DeliveryRow } from './deliveries.ts'
import { disableAfterMs, endpointWait, putOffAfter, retryAfter } from './schedule.ts'
import { validSecrets } from './secrets.ts'

// One worker at a time serves an endpoint: it holds the endpoint's lease, and so needs none for each delivery. What it sent and could
// not write down any more is sent again.

/** How long a lease holds, in milliseconds: longer than an endpoint is served. */
const leaseMs = 90_000
/** How many deliveries of an endpoint are read at a time. */
const page = 20

/** An endpoint that this worker serves. */
export interface LeasedEndpoint {
  readonly id: number
  readonly userId: string
  readonly lease: number
  readonly failures: number
  /** It is slow or fails, and is served apart from the quick ones. */
  readonly degraded: boolean
}

/** Where a delivery goes, and the secrets that sign it. */
export interface Target {
  readonly url: string
  readonly secrets: readonly string[]
}

/** A delivery that is due. */
export interface DueDelivery extends Pick<DeliveryRow, 'id' | 'type' | 'createdAt' | 'data' | 'attempts'> {
  readonly endpointId: number
  /** Deliveries of the same subject are sent in order; undefined for those without order. */
  readonly subject: string | undefined
  /** It is too old. */
  readonly expired: boolean
  /** When the last of the earlier ones of the same subject is due, where that is later than this one is; undefined otherwise. */
  readonly waitsFor: string | undefined
}

/**
 * The endpoints that something waits for, each with when the first of it is due: a table `earliest` of `endpoint_id` and `due_at`. It reads
 * one index entry for each, however much waits for it: both servers skip from group to group where all columns before the last are
 * grouped by.
 */
export function earliestPending(limit?: number): SQL {
  return sql`(SELECT endpoint_id, MIN(due_at) AS due_at FROM vision_webhook_deliveries FORCE INDEX (due) WHERE status = 'pending'
    GROUP BY status, endpoint_id${limit === undefined ? sql`` : sql` LIMIT ${limit}`}) earliest`
}

/** Whether an endpoint is slow or fails. */
const isDegraded = sql.raw(`(slow = 1 OR failures >= ${putOffAfter})`)

/**
 * Leases endpoints that have due deliveries, those that have waited longest first. Nothing waits for a row that another
 * connection, perhaps a dead one, has locked. While nothing is due this is one index lookup; then it reads two index entries and two rows for
 * each endpoint that something waits for, disabled or not, and nothing of the others.
 *
 * @param room how many quick ones, and how many that are slow or fail
 */
export async function leaseEndpoints(
  database: Database,
  room: { readonly quick: number; readonly degraded: number },
): Promise<readonly LeasedEndpoint[]> {
  const [any] = await database.run((on) =>
    rowsOf<{ due: 0 | 1 }>(
      on,
      sql`SELECT EXISTS (SELECT 1 FROM vision_webhook_deliveries FORCE INDEX (waiting)
        WHERE status = 'pending' AND due_at <= UTC_TIMESTAMP(3)) AS due`,
    ),
  )
  if (Number(any?.due) === 0) return []
  const isFree = sql`disabled_reason IS NULL AND (retry_at IS NULL OR retry_at <= UTC_TIMESTAMP(3))
    AND (lease_expires_at IS NULL OR lease_expires_at <= UTC_TIMESTAMP(3))`
  const next = (which: SQL, limit: number) => sql`(SELECT id FROM ${earliestPending()}
    STRAIGHT_JOIN vision_webhook_endpoints e FORCE INDEX (PRIMARY) ON e.id = earliest.endpoint_id
    WHERE earliest.due_at <= UTC_TIMESTAMP(3) AND ${isFree} AND ${which} ORDER BY served_at LIMIT ${limit})`
  const found = await database.run((on) =>
    rowsOf<{ id: number }>(
      on,
      sql`${next(sql`NOT ${isDegraded}`, room.quick)} UNION ALL ${next(isDegraded, room.degraded)}`,
    ),
  )
  if (found.length === 0) return []
  const ids = found.map(({ id }) => Number(id))
  return database.transact(async (tx) => {
    const rows = await rowsOf<EndpointRow>(
      tx,
      sql`SELECT id, user_id AS userId, lease, failures, ${isDegraded} AS degraded
        FROM vision_webhook_endpoints FORCE INDEX (PRIMARY) WHERE id IN ${ids} AND ${isFree}
        ORDER BY id FOR UPDATE SKIP LOCKED`,
    )
    if (rows.length === 0) return []
    await matchedBy(
      tx,
      sql`UPDATE vision_webhook_endpoints FORCE INDEX (PRIMARY) SET lease = lease + 1,
          lease_expires_at = ${inMilliseconds(leaseMs)}, served_at = UTC_TIMESTAMP(3)
        WHERE id IN ${rows.map(({ id }) => id)}`,
    )
    return rows.map(({ degraded, lease, ...row }) => ({
      ...row,
      lease: lease + 1,
      degraded: Number(degraded) === 1,
    }))
  })
}

interface EndpointRow extends Pick<LeasedEndpoint, 'id' | 'userId' | 'lease' | 'failures'> {
  readonly degraded: 0 | 1
}

/**
 * Where the next delivery of a leased endpoint goes, as its owner wants it now. To be read before each: an endpoint is served for many
 * seconds, and its owner deletes, disables, moves it or rotates its secrets meanwhile.
 *
 * @returns undefined where nothing more is to be sent: it is deleted, disabled, or no longer this worker's
 */
export async function readTarget(
  database: Database,
  { id, lease }: Pick<LeasedEndpoint, 'id' | 'lease'>,
): Promise<Target | undefined> {
  const [row] = await database.run((on) =>
    rowsOf<{ url: string; secrets: string; now: string }>(
      on,
      sql`SELECT url, secrets, UTC_TIMESTAMP(3) AS now FROM vision_webhook_endpoints
        WHERE id = ${id} AND lease = ${lease} AND disabled_reason IS NULL`,
    ),
  )
  if (row === undefined) return undefined
  const secrets = validSecrets(JSON.parse(row.secrets) as readonly SigningSecret[], asDate(row.now).getTime())
  return { url: row.url, secrets: secrets.map(({ secret }) => secret) }
}

/**
 * The deliveries that are due for leased endpoints, in their order. Of one that waits for none all earlier ones of its subject that are
 * pending are read with it: they are due no later.
 */
export async function readDue(database: Database, endpointIds: readonly number[]): Promise<readonly DueDelivery[]> {
  if (endpointIds.length === 0) return []
  const pages = endpointIds.map(
    (id) => sql`(SELECT d.id, d.endpoint_id AS endpointId, d.type, d.job_id AS jobId, d.batch_id AS batchId,
        d.created_at AS createdAt, d.data, d.attempts, d.expires_at <= UTC_TIMESTAMP(3) AS expired,
        (SELECT MAX(b.due_at) FROM vision_webhook_deliveries b FORCE INDEX (subject)
          WHERE b.endpoint_id = d.endpoint_id AND b.job_id = d.job_id AND b.batch_id = d.batch_id
            AND d.type <> 'webhook.test' AND b.version < d.version AND b.status = 'pending'
            AND b.due_at > d.due_at) AS waitsFor
      FROM vision_webhook_deliveries d FORCE INDEX (due)
      WHERE d.endpoint_id = ${id} AND d.status = 'pending' AND d.due_at <= UTC_TIMESTAMP(3)
      ORDER BY d.due_at, d.id LIMIT ${page})`,
  )
  const rows = await database.run((on) => rowsOf<DeliveryRowText>(on, sql.join(pages, sql` UNION ALL `)))
  return rows.map(({ createdAt, data, jobId, batchId, expired, waitsFor, ...row }) => ({
    ...row,
    id: Number(row.id),
    endpointId: Number(row.endpointId),
    createdAt: asDate(createdAt),
    data: JSON.parse(data) as Record<string, unknown>,
    subject: row.type === 'webhook.test' ? undefined : `${jobId}/${batchId}`,
    expired: Number(expired) === 1,
    waitsFor: waitsFor ?? undefined,
  }))
}

interface DeliveryRowText extends Pick<DueDelivery, 'id' | 'endpointId' | 'type' | 'attempts'> {
  readonly jobId: number
  readonly batchId: number
  readonly createdAt: string
  readonly data: string
  readonly expired: 0 | 1
  readonly waitsFor: string | null
}

/** Defers deliveries until earlier ones of the same subject are due. */
export async function deferDeliveries(database: Database, ids: readonly number[], until: string): Promise<void> {
  if (ids.length === 0) return
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_deliveries FORCE INDEX (PRIMARY) SET due_at = GREATEST(due_at, ${until})
        WHERE id IN ${[...ids]} AND status = 'pending'`,
    ),
  )
}

/** Gives a delivery up that could not be made in time. */
export async function expireDelivery(database: Database, id: number): Promise<void> {
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_deliveries SET status = 'failed', error = 'expired', ended_at = UTC_TIMESTAMP(3)
        WHERE id = ${id} AND status = 'pending' AND expires_at <= UTC_TIMESTAMP(3)`,
    ),
  )
}

/** What an attempt has come to for its endpoint. */
export interface Recorded {
  /** The endpoint's deliveries are deferred, or it is disabled or no longer this worker's: nothing more is to be sent to it for now. */
  readonly stop: boolean
  readonly disabled: boolean
}

/**
 * Records the outcome of an attempt in its delivery, and in its endpoint where that changes. A failure counts only while the lease
 * holds: one at a URL that its owner has changed meanwhile says nothing of the new one, which the delivery is yet to be sent to.
 *
 * @param slow it took long
 */
export async function recordAttempt(
  database: Database,
  endpoint: Pick<LeasedEndpoint, 'id' | 'lease' | 'degraded' | 'failures'>,
  { id, attempts }: Pick<DueDelivery, 'id' | 'attempts'>,
  { error, answer, retryAfterMs }: Attempt,
  { slow, random }: { readonly slow: boolean; readonly random: () => number },
): Promise<Recorded> {
  const answered = sql`attempts = attempts + 1, sent_at = UTC_TIMESTAMP(3), answer_status = ${answer?.status ?? null},
    answer = ${answer?.text ?? null}, error = ${error ?? null}`
  const isOurs = sql`id = ${endpoint.id} AND lease = ${endpoint.lease}`
  // Another worker may have sent it, if our lease had expired.
  const fence = sql`id = ${id} AND status = 'pending' AND attempts = ${attempts}`
  const ended = (status: 'delivered' | 'failed') => sql`status = ${status}, ended_at = UTC_TIMESTAMP(3)`
  if (error === undefined) {
    await database.run((on) =>
      matchedBy(on, sql`UPDATE vision_webhook_deliveries SET ${ended('delivered')}, ${answered} WHERE ${fence}`),
    )
    if (endpoint.failures > 0 || endpoint.degraded !== slow) {
      await database.run((on) =>
        matchedBy(
          on,
          sql`UPDATE vision_webhook_endpoints SET failures = 0, failing_since = NULL, retry_at = NULL,
            slow = ${slow ? 1 : 0} WHERE ${isOurs}`,
        ),
      )
    }
    return { stop: false, disabled: false }
  }
  const wait = endpointWait(endpoint.failures + 1, retryAfterMs, random)
  const [row] = await database.run(async (on) => {
    const matched = await matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET
        disabled_reason = ${
          error === 'gone'
            ? sql`COALESCE(disabled_reason, 'gone')`
            : sql`IF(disabled_reason IS NULL AND failing_since <= ${inMilliseconds(-disableAfterMs)}, 'failing', disabled_reason)`
        },
        failures = failures + 1, failing_since = COALESCE(failing_since, UTC_TIMESTAMP(3)),
        retry_at = ${wait > 0 ? inMilliseconds(wait) : null}, slow = ${slow ? 1 : 0}
        WHERE ${isOurs}`,
    )
    if (matched === 0) return []
    return rowsOf<{ reason: string | null }>(
      on,
      sql`SELECT disabled_reason AS reason FROM vision_webhook_endpoints WHERE id = ${endpoint.id}`,
    )
  })
  if (row === undefined) return { stop: true, disabled: false }
  const next = inMilliseconds(retryAfter(attempts + 1, retryAfterMs, random))
  const isLast = error === 'gone' ? sql`TRUE` : sql`(${next} > expires_at)`
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_deliveries SET ended_at = IF(${isLast}, UTC_TIMESTAMP(3), NULL),
        due_at = IF(${isLast}, due_at, ${next}),
          status = IF(${isLast}, 'failed', 'pending'), ${answered} WHERE ${fence}`,
    ),
  )
  const disabled = row.reason === 'gone' || row.reason === 'failing'
  return { stop: wait > 0 || disabled, disabled }
}

/** Lets another worker serve an endpoint. */
export async function releaseEndpoint(database: Database, { id, lease }: LeasedEndpoint): Promise<void> {
  await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET lease_expires_at = NULL WHERE id = ${id} AND lease = ${lease}`,
    ),
  )
}
