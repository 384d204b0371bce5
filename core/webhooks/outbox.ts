import { type SQL, sql } from 'drizzle-orm'
import { type DeliveryType, type Status, visionWebhookDeliveries, type WebhookEvent } from '../../drizzle/schema.ts'
import { inMilliseconds, listOf, matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { wanted } from '../database/sql-text.ts'
import { keepTryingMs } from './schedule.ts'

// The events of webhooks are written in the transaction of the change, as rows of `vision_webhook_deliveries`: an event is sent if
// the change took effect, and never otherwise. For users without an endpoint this costs a group of changes one plain read.

/** A job whose change may be an event. */
interface ChangedJob {
  readonly userId: string
  readonly batchId: number | null
}

/** A text that has been completed. */
export interface CompletedText extends ChangedJob {
  readonly jobId: number
  readonly text: number
  readonly revision: number
  /** The version of the job with this change. */
  readonly version: number
}

interface Endpoint {
  readonly id: number
  readonly events: ReadonlySet<string>
}

/** The enabled endpoints of users that have some. */
export type Endpoints = ReadonlyMap<string, readonly Endpoint[]>

/** The recipients of the changes of a transaction. */
export interface Outbox {
  readonly endpoints: Endpoints
  /** Batches whose end is an event, locked, with how often they have ended. */
  readonly batches: ReadonlyMap<number, { readonly userId: string; readonly ends: number }>
}

/** An event, and the user whose endpoints want it. */
interface Event {
  readonly userId: string
  readonly type: WebhookEvent
  readonly jobId: number
  readonly batchId: number | null
  readonly text?: number
  readonly version: number
  readonly data: Readonly<Record<string, unknown>>
}

/** The event that a status is. */
const eventOf: Partial<Record<Status, WebhookEvent>> = {
  completed: 'job.completed',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
}

/**
 * Reads the recipients of changes, and locks the batches whose end may be one: of two transactions that end the last two jobs of a batch, the
 * second one sees what the first one did. Call it before the ledger is locked, so that all transactions lock in one order.
 *
 * @param jobs whose change may be an event
 * @param ended those of them that end, or are deleted
 * @param wait whether to wait for batches that another connection has locked
 * @param known the endpoints of the jobs' users, if they have just been read
 */
export async function openOutbox(
  tx: Queryable,
  jobs: readonly ChangedJob[],
  ended: readonly ChangedJob[],
  wait = true,
  known?: Endpoints,
): Promise<Outbox> {
  const endpoints = known ?? (await readEndpoints(tx, jobs))
  const owners = new Map(
    ended.flatMap(({ userId, batchId }) =>
      batchId !== null && wants(endpoints, userId, 'batch.completed') ? [[batchId, userId] as const] : [],
    ),
  )
  return { endpoints, batches: await lockBatches(tx, owners, wait) }
}

/** Reads the enabled endpoints of the owners of jobs. */
export async function readEndpoints(tx: Queryable, jobs: readonly Pick<ChangedJob, 'userId'>[]): Promise<Endpoints> {
  const users = [...new Set(jobs.map(({ userId }) => userId))]
  if (users.length === 0) return new Map()
  const rows = await rowsOf<{ readonly id: number; readonly userId: string; readonly events: string }>(
    tx,
    sql`SELECT id, user_id AS userId, events FROM vision_webhook_endpoints FORCE INDEX (owner)
      WHERE user_id IN ${listOf(users)} AND disabled_reason IS NULL`,
  )
  const byUser = Map.groupBy(rows, (row) => row.userId)
  return new Map(
    [...byUser].map(([user, own]) => [user, own.map((row) => ({ ...row, events: new Set(row.events.split(' ')) }))]),
  )
}

/** Whether all that a job's end needs is locked: false only where an outbox was opened that does not wait. */
export function holdsLocks({ endpoints, batches }: Outbox, { userId, batchId }: ChangedJob): boolean {
  return batchId === null || !wants(endpoints, userId, 'batch.completed') || batches.has(batchId)
}

/** Writes the events of jobs that this transaction has changed, and has locked. */
export async function writeJobEvents(
  tx: Queryable,
  { endpoints }: Outbox,
  ended: readonly (ChangedJob & { readonly jobId: number })[],
  texts: readonly CompletedText[],
): Promise<void> {
  if (endpoints.size === 0) return
  const ids = ended.flatMap(({ jobId, userId }) => (endpoints.has(userId) ? [jobId] : []))
  const ofTexts = texts.map(({ userId, jobId, batchId, text, revision, version }): Event => {
    return {
      userId,
      type: 'text.completed',
      jobId,
      batchId,
      text,
      version,
      data: { jobId, batchId, version, text, revision },
    }
  })
  await insertDeliveries(tx, endpoints, [...ofTexts, ...(await readEnds(tx, ids))])
}

/**
 * Writes the events of batches that have ended. Call it once their jobs are counted.
 *
 * @param endedJobs the jobs that this transaction has ended; only their batches can have ended with it
 */
export async function writeBatchEvents(
  tx: Queryable,
  { endpoints, batches }: Outbox,
  endedJobs: readonly ChangedJob[],
): Promise<void> {
  const changed = [...new Set(endedJobs.map(({ batchId }) => batchId))].flatMap((batchId) => {
    const batch = batchId === null ? undefined : batches.get(batchId)
    return batch === undefined || batchId === null ? [] : [{ batchId, ...batch }]
  })
  if (changed.length === 0) return
  const counts = await countJobs(
    tx,
    changed.map(({ batchId }) => batchId),
  )
  const ended = changed.flatMap(({ batchId, userId, ends }): Event[] => {
    const { created = 0, deleted = 0, completed = 0, failed = 0, cancelled = 0 } = counts.get(batchId) ?? {}
    const jobs = created - deleted
    if (jobs === 0 || completed + failed + cancelled < jobs) return []
    const version = ends + 1
    const data = { batchId, version, jobs: { completed, failed, cancelled } }
    return [{ userId, type: 'batch.completed', jobId: 0, batchId, version, data }]
  })
  if (ended.length === 0) return
  await matchedBy(
    tx,
    sql`UPDATE vision_batches FORCE INDEX (PRIMARY) SET ends = ends + 1 WHERE id IN ${ended.map(({ batchId }) => batchId)}`,
  )
  await insertDeliveries(tx, endpoints, ended)
}

/** A row of the outbox, due at once. */
export function newDelivery(
  endpointId: number,
  { type, jobId, batchId, text, version, data }: Omit<Event, 'userId' | 'type'> & { readonly type: DeliveryType },
) {
  return {
    endpointId,
    type,
    jobId,
    batchId: batchId ?? 0,
    text: text ?? 0,
    version,
    data,
    status: 'pending' as const,
    dueAt: sql`UTC_TIMESTAMP(3)`,
    expiresAt: inMilliseconds(keepTryingMs),
    createdAt: sql`UTC_TIMESTAMP(3)`,
  }
}

function wants(endpoints: Endpoints, userId: string, event: WebhookEvent): boolean {
  return (endpoints.get(userId) ?? []).some(({ events }) => events.has(event))
}

async function lockBatches(
  tx: Queryable,
  owners: ReadonlyMap<number, string>,
  wait: boolean,
): Promise<Outbox['batches']> {
  if (owners.size === 0) return new Map()
  const rows = await rowsOf<{ id: number; ends: number }>(
    tx,
    sql`SELECT b.id, b.ends FROM ${tableOf([...owners.keys()])} STRAIGHT_JOIN vision_batches b FORCE INDEX (PRIMARY)
      ON b.id = wanted.id ORDER BY b.id FOR UPDATE${wait ? sql`` : sql` SKIP LOCKED`}`,
  )
  return new Map(rows.map(({ id, ends }) => [Number(id), { userId: owners.get(Number(id)) ?? '', ends }]))
}

/** The events of ended jobs, from their rows as they are now. */
async function readEnds(tx: Queryable, ids: readonly number[]): Promise<readonly Event[]> {
  if (ids.length === 0) return []
  const rows = await rowsOf<JobRow>(
    tx,
    sql`SELECT j.id AS jobId, j.user_id AS userId, j.batch_id AS batchId, j.version, j.status, j.error_code AS code,
        j.error_message AS message
      FROM ${tableOf(ids)} STRAIGHT_JOIN vision_jobs j FORCE INDEX (PRIMARY) ON j.id = wanted.id`,
  )
  return rows.flatMap(({ jobId, userId, batchId, version, status, code, message }) => {
    const type = eventOf[status]
    const error = status === 'failed' ? { code, message } : null
    const data = { jobId, batchId, version, status, error }
    return type === undefined ? [] : [{ userId, type, jobId, batchId, version, data }]
  })
}

interface JobRow extends ChangedJob {
  readonly jobId: number
  readonly version: number
  readonly status: Status
  readonly code: string | null
  readonly message: string | null
}

/** How many jobs of each batch were created, deleted and ended. Locked, so that they are the latest in every isolation. */
async function countJobs(tx: Queryable, batchIds: readonly number[]) {
  const rows = await rowsOf<{ batchId: number; status: string; jobs: number | string }>(
    tx,
    sql`SELECT c.batch_id AS batchId, c.status, c.jobs FROM ${tableOf(batchIds)}
      STRAIGHT_JOIN vision_batch_counts c FORCE INDEX (PRIMARY) ON c.batch_id = wanted.id LOCK IN SHARE MODE`,
  )
  const counts = new Map<number, Record<string, number>>()
  for (const { batchId, status, jobs } of rows) {
    const of = counts.get(Number(batchId)) ?? {}
    of[status] = (of[status] ?? 0) + Number(jobs)
    counts.set(Number(batchId), of)
  }
  return counts
}

async function insertDeliveries(tx: Queryable, endpoints: Endpoints, events: readonly Event[]): Promise<void> {
  const rows = events.flatMap((event) =>
    (endpoints.get(event.userId) ?? [])
      .filter((endpoint) => endpoint.events.has(event.type))
      .map(({ id }) => newDelivery(id, event)),
  )
  // Existing rows are events that were written already.
  if (rows.length > 0) await tx.insert(visionWebhookDeliveries).ignore().values(rows)
}

function tableOf(ids: readonly number[]): SQL {
  return wanted(
    ['id'],
    ids.map((id) => [id]),
  )
}
