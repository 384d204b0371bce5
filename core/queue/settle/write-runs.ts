import { sql } from 'drizzle-orm'
import type { Database } from '../../database/client.ts'
import { listOf, matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import { updateRows } from '../../database/update-rows.ts'
import { linkImages } from '../../images/snapshots.ts'
import { readEndpoints } from '../../webhooks/outbox.ts'
import { attemptUpdate, usageOf, writeAttempts } from '../rows/attempt-row.ts'
import { type Ends, endJobs } from '../rows/end-jobs.ts'
import { insertOutputs } from '../rows/output-row.ts'
import { completeTexts, noteTexts } from '../rows/text-row.ts'
import { type Advance, advanceRuns } from './advance-runs.ts'
import { readLanded } from './landed.ts'
import type { JobChangeKind, LockedJob, RunChange } from './run-change.ts'

/** Up to so many changes the rows of job, run and text are written by one statement: see `advanceRuns`. */
const mostTogether = 10

/** A text is not in the expected state: the change was made before, or another run has made another one. */
class MadeBefore extends Error {}

/**
 * Applies writes of one or many runs in one transaction: locks their jobs in the order of their ids, leaves out runs that
 * do not hold theirs, and writes each table with one statement per kind of change. The ledger comes last, since its rows
 * are shared.
 *
 * @param changes of different jobs; several do not wait for a job that another connection has locked
 * @returns those that are made, now or before by the same run; if there was one change, any other is lost, and if there
 *   were several, the others must be tried alone
 * @throws for several also the error of one of them, such as a data error or a lock wait timeout: none is made then
 */
export async function writeRuns(database: Database, changes: readonly RunChange[]): Promise<ReadonlySet<RunChange>> {
  const alone = changes.length === 1
  let made: ReadonlySet<RunChange> = new Set()
  let writing: readonly RunChange[] = []
  try {
    return await database.transact(
      async (tx) => {
        const jobs = await lockHeld(tx, changes, alone)
        writing = changes.filter((change) => jobs.has(change))
        const rest = changes.filter((change) => !jobs.has(change))
        const before = rest.length === 0 ? [] : await readLanded(tx, rest)
        made = new Set([...writing, ...before])
        if (writing.length > 0) await apply(tx, writing, jobs)
        return made
      },
      async (on) => {
        const landed = await readLanded(on, writing)
        // One transaction made all of them or none. If the evidence of some is gone, all are tried again.
        return writing.every((change) => landed.has(change)) ? made : undefined
      },
      { waitsAgain: alone },
    )
  } catch (error) {
    if (!alone || !(error instanceof MadeBefore)) throw error
    return database.run((on) => readLanded(on, changes))
  }
}

/** The locked jobs of the changes that may be made. */
async function lockHeld(
  tx: Queryable,
  changes: readonly RunChange[],
  wait: boolean,
): Promise<ReadonlyMap<RunChange, LockedJob>> {
  const rows = await rowsOf<LockedJob & { readonly id: number }>(
    tx,
    sql`SELECT id, attempt, next_step AS step, image_id AS imageId, version, user_id AS userId,
        batch_id AS batchId, UTC_TIMESTAMP(3) AS at FROM vision_jobs FORCE INDEX (PRIMARY)
      WHERE id IN ${listOf(changes.map(({ run }) => run.jobId))} AND status = 'processing'
      ORDER BY id FOR UPDATE${wait ? sql`` : sql` SKIP LOCKED`}`,
  )
  const jobs = new Map(rows.map((row) => [row.id, row]))
  const held = changes.flatMap((change) => {
    const job = jobs.get(change.run.jobId)
    const isHeld = job?.attempt === change.run.attempt && (change.onlyIf?.(job) ?? true)
    return job && isHeld ? [[change, job] as const] : []
  })
  return new Map(held)
}

type Locked = ReadonlyMap<RunChange, LockedJob>

/**
 * Writes the changes. The statements are handed over at once, so that each is built while the former ones are under way (see `inTurn`): of many,
 * that of the jobs goes first, which is the shortest.
 */
async function apply(tx: Queryable, changes: readonly RunChange[], jobs: Locked): Promise<void> {
  if (changes.length <= mostTogether) await writeRest(tx, changes, jobs, changes)
  else await Promise.all([changeJobs(tx, changes), writeRest(tx, changes, jobs, [])])
}

/** @param few the changes whose jobs are still to be written */
async function writeRest(
  tx: Queryable,
  changes: readonly RunChange[],
  jobs: Locked,
  few: readonly RunChange[],
): Promise<void> {
  /** The version of the job that introduces the change's text or output. */
  const versionOf = (change: RunChange) => {
    const { versions, after = 0 } = change.job
    return (jobs.get(change)?.version ?? 0) + versions - after
  }
  const ofJob = (change: RunChange) => ({ jobId: change.run.jobId, version: versionOf(change) })
  // Before anything is awaited: calls that were cut off may be answered, and add to what is spent.
  const attempts = new Map(
    changes.flatMap((change) => {
      const { run, attempt } = change
      if (!attempt) return []
      return [[change, attemptUpdate({ run, ...attempt, ...(attempt.outcome && { endedAt: jobs.get(change)?.at }) })]]
    }),
  )
  const ends = endsOf(changes, jobs, ofJob)
  const changed = [...(ends.jobs ?? []), ...(ends.texts ?? [])]
  const endpoints = readEndpoints(tx, changed)
  const together = new Map<RunChange, Advance>()
  for (const change of few) {
    const [job, attempt] = [assignmentsOf(change), attempts.get(change)]
    const made = change.made && { ...change.made, version: versionOf(change) }
    if (job !== '' && attempt && !change.job.columns) together.set(change, { job, attempt, made })
  }
  const others = changes.filter((change) => !together.has(change))
  const made = others.flatMap((change) => (change.made ? [{ ...change.made, ...ofJob(change) }] : []))
  const endingsOf = (once: boolean) =>
    changes
      .filter(({ endingsOnce = false }) => endingsOnce === once)
      .flatMap((change) => (change.endings ?? []).map((ending) => ({ ...ending, ...ofJob(change) })))
  const once = endingsOf(true)
  await Promise.all([
    unlessMadeBefore(advanceRuns(tx, [...together.values()])),
    changeJobs(
      tx,
      few.filter((change) => !together.has(change)),
    ),
    unlessMadeBefore(completeTexts(tx, made).then((matched) => matched >= made.length)),
    noteTexts(tx, endingsOf(false)),
    unlessMadeBefore(noteTexts(tx, once).then((matched) => matched >= once.length)),
    insertOutputs(
      tx,
      changes.flatMap((change) =>
        change.output ? [{ run: change.run, output: change.output, version: versionOf(change) }] : [],
      ),
    ),
    writeAttempts(
      tx,
      others.flatMap((change) => attempts.get(change) ?? []),
    ),
    linkImages(
      tx,
      changes.flatMap(({ image }) => image ?? []),
    ),
    // Their answer is there before the last of these goes out.
    endpoints.then((known) => endJobs(tx, ends, undefined, known)),
  ])
}

/** What the changes end: entered into the ledger last. */
function endsOf(
  changes: readonly RunChange[],
  jobs: Locked,
  ofJob: (change: RunChange) => { readonly jobId: number; readonly version: number },
): Ends {
  return {
    usage: changes.flatMap((change) => {
      const { ended, attempt } = change
      const job = jobs.get(change)
      if (!ended || !job || !attempt?.outcome) return []
      return usageOf(ended.run, { spent: attempt.spent, outcome: attempt.outcome }, job.at)
    }),
    jobs: changes.flatMap((change) => {
      const { run, ended } = change
      return (ended?.jobs ?? []).map((job) => ({ ...job, jobId: run.jobId, step: jobs.get(change)?.step }))
    }),
    texts: changes.flatMap((change) => {
      const job = jobs.get(change)
      if (change.made === undefined || job === undefined) return []
      const { userId, batchId } = job
      return [{ ...ofJob(change), userId, batchId, text: change.made.text, revision: change.made.revision }]
    }),
  }
}

async function unlessMadeBefore(isNew: Promise<boolean>): Promise<void> {
  if (!(await isNew)) throw new MadeBefore()
}

const completed = `j.status = 'completed', j.lease_expires_at = NULL, j.worker_id = NULL, j.error_code = NULL,
  j.error_message = NULL, j.answer_issue = NULL, j.finished_at = UTC_TIMESTAMP(3)`

/** The assignments of each kind of change to the job's row `j`, the same for every job. */
const setBy: Readonly<Record<JobChangeKind, string>> = {
  noted: '',
  // It made progress: earlier crashes were not caused by this job.
  analysed: `j.next_step = 'content', j.crashes = 0, j.answer_issue = NULL`,
  'text saved': `j.texts_completed = j.texts_completed + 1, j.crashes = 0`,
  'last text saved': `${completed}, j.texts_completed = j.texts_completed + 1`,
  completed,
  settled: `j.lease_expires_at = NULL, j.worker_id = NULL`,
}

function assignmentsOf({ job: { kind, versions } }: RunChange): string {
  const seen = versions === 0 ? '' : `j.version = j.version + ${versions}, j.updated_at = UTC_TIMESTAMP(3)`
  return [setBy[kind], seen].filter((part) => part !== '').join(', ')
}

/** Updates the rows of jobs alone, with one statement for those that change alike. */
async function changeJobs(tx: Queryable, changes: readonly RunChange[]): Promise<void> {
  const change = async (set: string, same: readonly RunChange[]) => {
    const [plain, own] = [same.filter(({ job }) => !job.columns), same.filter(({ job }) => job.columns)]
    const ids = plain.map(({ run }) => run.jobId)
    await Promise.all([
      set !== '' &&
        ids.length > 0 &&
        matchedBy(tx, sql`UPDATE vision_jobs j FORCE INDEX (PRIMARY) SET ${sql.raw(set)} WHERE j.id IN ${listOf(ids)}`),
      updateRows(
        tx,
        { table: 'vision_jobs', index: 'PRIMARY', alias: 'j' },
        own.map(({ run, job }) => ({ key: { id: run.jobId }, columns: job.columns ?? {} })),
        set === '' ? undefined : sql.raw(set),
      ),
    ])
  }
  await Promise.all([...Map.groupBy(changes, assignmentsOf)].map(([set, same]) => change(set, same)))
}
