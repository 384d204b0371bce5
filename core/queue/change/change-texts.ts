import { and, desc, eq, sql } from 'drizzle-orm'
import { visionJobOutputs, visionJobTexts } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'
import { addBatchCounts, uncounted } from '../../usage/batch-counts.ts'
import { addUsage } from '../../usage/ledger.ts'
import { consumeJobs, type QuotaState, readQuotas, type UserLimits } from '../../usage/quotas.ts'
import type { RequestedText } from '../create/new-job.ts'
import { requireTexts } from '../create/resolve-texts.ts'
import { getVisionJob, type OutputRow } from '../read/read.ts'
import { type LockedJob, lockOwnedJob, type OwnedJob, requireJob } from '../rows/lock-jobs.ts'
import { versionOf } from '../rows/output-row.ts'
import { rescheduled } from '../rows/rescheduled.ts'
import { insertTexts, isText, maxTexts, type TextRow } from '../rows/texts.ts'
import { lockUser } from '../rows/users.ts'

/** The most revisions of a text: all of them are kept. */
const maxRevisions = 100

/** A text of a user's job. */
export interface OwnedText extends OwnedJob {
  readonly text: number
}

export interface MoreOptions {
  /** Until the job expires again, in milliseconds of the database's clock. */
  readonly lifeMs: number
  readonly limits?: UserLimits | undefined
  /** Called with the user's remaining quotas. */
  readonly onQuotas?: (left: QuotaState) => void
}

/**
 * Adds texts to a job that has ended; they are made from the saved analysis. The job is rescheduled as by a redrive, and
 * counts towards the daily quota. Its existing texts stay.
 *
 * @throws VisionError `job.not_found`, `text.not_ready`, `text.too_many`, InvalidJobs, or LimitExceeded
 */
export function addTexts(
  database: Database,
  owned: OwnedJob,
  requested: readonly RequestedText[],
  options: MoreOptions,
): Promise<void> {
  return putBack(database, owned, options, async (tx, job) => {
    const requests = [{ brandId: job.brandId ?? undefined, outputs: requested }]
    const [texts = []] = await requireTexts(tx, owned.userId, requests)
    const rows = await tx.select().from(visionJobTexts).where(eq(visionJobTexts.jobId, owned.jobId))
    if (rows.length === 0 || rows.length + texts.length > maxTexts) throw new VisionError('text.too_many')
    const ofKind = (one: Pick<TextRow, 'outputFormat' | 'language' | 'platform' | 'brandId'>) =>
      JSON.stringify([one.outputFormat, one.language, one.platform, one.brandId])
    const more = texts.map((text) => ({
      ...text,
      variant: text.variant + rows.filter((row) => ofKind(row) === ofKind(text)).length,
    }))
    await insertTexts(tx, [{ jobId: owned.jobId, texts: more, after: rows.length }], versionOf(owned.jobId))
    return sql`texts = texts + ${more.length}`
  })
}

/**
 * Requests a new revision of a text. The current one stays in use until then, and remains among the revisions.
 *
 * @throws VisionError `job.not_found`, `text.not_found`, `text.not_ready`, `text.too_many_revisions`, or LimitExceeded
 */
export function regenerateText(
  database: Database,
  owned: OwnedText,
  instruction: string | undefined,
  options: MoreOptions,
): Promise<void> {
  return putBack(database, owned, options, async (tx) => {
    const row = await readText(tx, owned)
    if (row.revision >= maxRevisions) throw new VisionError('text.too_many_revisions')
    await tx
      .update(visionJobTexts)
      .set({
        status: 'waiting',
        instruction: instruction ?? null,
        requestedBy: owned.userId,
        answerIssue: null,
        errorCode: null,
        errorMessage: null,
        version: versionOf(owned.jobId),
        updatedAt: sql`UTC_TIMESTAMP(3)`,
      })
      .where(isText({ jobId: owned.jobId, text: owned.text }))
    return sql`texts_completed = texts_completed - ${row.status === 'completed' ? 1 : 0}`
  })
}

/** @param change changes the texts; returns the columns of the job's row that change with them */
async function putBack(
  database: Database,
  owned: OwnedJob,
  { lifeMs, limits, onQuotas }: MoreOptions,
  change: (tx: Queryable, job: LockedJob) => Promise<ReturnType<typeof sql>>,
): Promise<void> {
  const { jobId, userId } = owned
  await requireJob(database, owned)
  let before = 0
  const left = await database.transact(
    async (tx) => {
      const { overrides } = await lockUser(tx, userId)
      const state = await readQuotas(tx, userId, limits, overrides)
      const job = await lockOwnedJob(tx, owned)
      const isDone = job.status === 'completed' || job.status === 'failed'
      if (job.nextStep !== 'content' || !isDone) throw new VisionError('text.not_ready')
      before = job.version
      await matchedBy(tx, sql`UPDATE vision_jobs SET ${rescheduled(lifeMs)} WHERE id = ${jobId}`)
      const changes = await change(tx, job)
      await matchedBy(tx, sql`UPDATE vision_jobs SET ${changes} WHERE id = ${jobId}`)
      const left = consumeJobs(state, 1)
      await addUsage(tx, [{ userId, day: state.day, model: '', status: 'created', jobs: 1, batchId: null }])
      await addBatchCounts(tx, uncounted([job]))
      return left
    },
    async (on) => {
      const [row] = await rowsOf<{ version: number }>(on, sql`SELECT version FROM vision_jobs WHERE id = ${jobId}`)
      if (row?.version === before) return undefined
      return on && (await readQuotas(on, userId, limits))
    },
  )
  onQuotas?.(left)
}

async function readText(on: Queryable, { jobId, text }: OwnedText): Promise<TextRow> {
  const [row] = await on.select().from(visionJobTexts).where(isText({ jobId, text }))
  if (row === undefined) throw new VisionError('text.not_found')
  return row
}

/** A user's change of a text. */
export interface TextEdit {
  /** The text itself, and its findings. */
  readonly content?: { readonly body: unknown; readonly findings: unknown } | undefined
  /** Whether the text's revision, or the new one if there is one, is approved. */
  readonly approved?: boolean | undefined
}

/**
 * Changes a text on behalf of its owner: a new revision by the user, or an approval. The job's status stays.
 *
 * @param isExpected whether the text is still as the caller read it
 * @throws VisionError `job.not_found`, `text.not_found`, `request.precondition_failed`, `text.not_ready` while it is being made, or
 *   `text.too_many_revisions`
 */
export async function editText(
  database: Database,
  owned: OwnedText,
  isExpected: (row: TextRow) => boolean,
  { content, approved }: TextEdit,
): Promise<void> {
  const { jobId, userId, text } = owned
  await requireJob(database, owned)
  let wanted: Pick<TextRow, 'revision' | 'approvedRevision'> | undefined
  await database.transact(
    async (tx) => {
      await lockOwnedJob(tx, owned)
      const row = await readText(tx, owned)
      if (!isExpected(row)) throw new VisionError('request.precondition_failed')
      if (row.status === 'waiting' || (content === undefined && row.revision === 0)) {
        throw new VisionError('text.not_ready')
      }
      const revision = row.revision + (content ? 1 : 0)
      if (content && revision > maxRevisions) throw new VisionError('text.too_many_revisions')
      const kept = row.approvedRevision === revision ? revision : null
      const approvedRevision = approved === undefined ? kept : approved ? revision : null
      wanted = { revision, approvedRevision }
      const gained = content && row.status === 'failed' ? 1 : 0
      await matchedBy(
        tx,
        sql`UPDATE vision_jobs SET texts_completed = texts_completed + ${gained}, version = version + 1,
          updated_at = UTC_TIMESTAMP(3) WHERE id = ${jobId}`,
      )
      await tx
        .update(visionJobTexts)
        .set({
          revision,
          approvedRevision,
          ...(content && { status: 'completed' as const, errorCode: null, errorMessage: null, answerIssue: null }),
          version: versionOf(owned.jobId),
          updatedAt: sql`UTC_TIMESTAMP(3)`,
        })
        .where(isText({ jobId, text }))
      if (content) {
        await tx.insert(visionJobOutputs).values({
          jobId,
          kind: 'content',
          text,
          revision,
          author: 'user',
          requestedBy: userId,
          model: '',
          version: versionOf(owned.jobId),
          body: content.body,
          findings: content.findings,
          createdAt: sql`UTC_TIMESTAMP(3)`,
        })
      }
      return true
    },
    async (on) => {
      const row = await readText(on, owned)
      return row.revision === wanted?.revision && row.approvedRevision === wanted.approvedRevision ? true : undefined
    },
  )
}

/** Every revision of a text with its author and time, newest first. */
export async function getRevisions(
  database: Database,
  owned: OwnedText,
): Promise<{ readonly text: TextRow; readonly revisions: readonly OutputRow[] }> {
  const { jobId, text: number } = owned
  const { texts } = await getVisionJob(database, owned)
  const text = texts.find((row) => row.text === number)
  if (text === undefined) throw new VisionError('text.not_found')
  const revisions = await database.run((on) =>
    on
      .select()
      .from(visionJobOutputs)
      .where(
        and(eq(visionJobOutputs.jobId, jobId), eq(visionJobOutputs.kind, 'content'), eq(visionJobOutputs.text, number)),
      )
      .orderBy(desc(visionJobOutputs.revision)),
  )
  return { text, revisions }
}
