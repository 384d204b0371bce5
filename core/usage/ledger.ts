import { and, asc, between, eq, getTableColumns, or, sql } from 'drizzle-orm'
import {
  type CountedStatus,
  type Outcome,
  type Step,
  steps,
  visionJobAttempts,
  visionUsage,
} from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { selectOnce } from '../database/select-once.ts'
import { type Queryable, rowsOf } from '../database/sql.ts'
import type { Run, RunIdentity } from '../domain/run.ts'
import type { StepUsage } from '../domain/step.ts'
import { addBatchCounts, type BatchEntry } from './batch-counts.ts'
import { addFailures } from './failures.ts'
import { addCounts, mergeCounts, sumCounts } from './merge-counts.ts'

// The ledger, `vision_usage`. A run's usage is in its own row; once the run has ended, the ledger contains exactly that. So
// every transaction that ends a run, or changes the row of an ended one, also updates the ledger, in its last statement,
// since all jobs of a user share the rows of a day.

/** The counters of the ledger. */
export const counters = [
  'jobs',
  'runs',
  'calls',
  'possiblyBilled',
  'inputTokens',
  'cachedTokens',
  'outputTokens',
  'thinkingTokens',
  'cost',
  'unpricedCalls',
  'waitingMs',
  'imageMs',
  'analysisMs',
  'contentMs',
] as const
export type Counter = (typeof counters)[number]
export type Counts = Readonly<Record<Counter, number>>

/** A row of `vision_usage`. */
export type UsageRow = typeof visionUsage.$inferSelect
/** An increment of a row of `vision_usage`. */
export type UsageEntry = Pick<UsageRow, 'userId' | 'day' | 'model' | 'status'> & Partial<Counts> & OfBatch

/** The batch of the entry, and the error of a failed job, which its batch counts. */
interface OfBatch {
  readonly batchId?: number | null
  readonly code?: string | undefined
  /** The failed job, and the step that it had reached. */
  readonly jobId?: number | undefined
  readonly step?: Step | undefined
}

type RunRow = Awaited<ReturnType<typeof readRuns>>[number]
/** A run with its owner and batch. */
export type OwnedRun = RunIdentity & Pick<Run, 'userId' | 'batchId'>

/**
 * Reads the rows of runs for the ledger; deleted ones are left out.
 *
 * @param lock whether to lock them
 */
export async function readRuns(tx: Queryable, runs: readonly OwnedRun[], lock = false) {
  if (runs.length === 0) return []
  const rows = tx
    .select({
      ...getTableColumns(visionJobAttempts),
      day: sql<string | null>`CAST(DATE(${visionJobAttempts.endedAt}) AS CHAR)`,
    })
    // Otherwise the server would scan a small table, and lock every row of it.
    .from(visionJobAttempts, { forceIndex: 'job_attempt' })
    .where(
      or(
        ...runs.map(({ jobId, attempt }) =>
          and(eq(visionJobAttempts.jobId, jobId), eq(visionJobAttempts.attempt, attempt)),
        ),
      ),
    )
  const owners = new Map(runs.map(({ jobId, userId, batchId }) => [jobId, { userId, batchId }]))
  const noOwner = { userId: '', batchId: null }
  return (await (lock ? rows.for('update') : rows)).map((row) => ({ ...row, ...(owners.get(row.jobId) ?? noOwner) }))
}

/** The ledger's entries for a run: none until it has ended. */
export function entriesOf(row: RunRow): UsageEntry[] {
  return row.outcome === 'running' || row.day === null ? [] : entriesOfRun(totalsOf({ ...row, day: row.day }))
}

/** The usage of an ended run, as its row has it. */
export interface RunTotals extends Pick<OwnedRun, 'userId' | 'batchId'> {
  /** Of its end, UTC. */
  readonly day: string
  readonly outcome: Outcome
  /** How many calls may have been billed without an answer. */
  readonly possiblyBilled: number
  readonly waitingMs: number
  readonly imageMs: number
  /** The calls of each step that a model has answered. */
  readonly used: Partial<Readonly<Record<Step, StepUsage>>>
}

/** The ledger's entries for an ended run. */
export function entriesOfRun({ used, outcome: status, ...run }: RunTotals): UsageEntry[] {
  const { userId, batchId, day, possiblyBilled, waitingMs, imageMs } = run
  // A call without an answer has no model.
  const own = { userId, batchId, day, model: '', status, runs: 1, possiblyBilled, waitingMs, imageMs }
  const calls = steps.flatMap((step): UsageEntry[] => {
    const of = used[step]
    if (of === undefined) return []
    const { model, calls = 1, cost } = of
    return [
      {
        userId,
        batchId,
        day,
        status,
        model,
        calls,
        inputTokens: of.inputTokens ?? 0,
        cachedTokens: of.cachedTokens ?? 0,
        outputTokens: of.outputTokens ?? 0,
        thinkingTokens: of.thinkingTokens ?? 0,
        cost: cost ?? 0,
        unpricedCalls: cost === null ? calls : 0,
        [`${step}Ms`]: of.milliseconds,
      },
    ]
  })
  return [own, ...calls]
}

function totalsOf(row: RunRow & { readonly day: string }): RunTotals {
  const { userId, batchId, day, outcome, possiblyBilled, possiblyBilledCalls, waitingMs, imageMs } = row
  const used = Object.fromEntries(steps.flatMap((step) => [[step, usedIn(row, step)] as const]))
  const billed = possiblyBilled === null ? 0 : Math.max(1, possiblyBilledCalls)
  return { userId, batchId, day, outcome, possiblyBilled: billed, waitingMs, imageMs, used }
}

/** The calls of a step; undefined if no model has answered. */
function usedIn(row: RunRow, step: Step): StepUsage | undefined {
  const model = row[`${step}Model`]
  if (model === null) return undefined
  return {
    model,
    // A named model has answered: rows from before calls were counted, one call each, have a 0.
    calls: Math.max(1, row[`${step}Calls`]),
    inputTokens: row[`${step}InputTokens`],
    cachedTokens: row[`${step}CachedTokens`],
    outputTokens: row[`${step}OutputTokens`],
    thinkingTokens: row[`${step}ThinkingTokens`],
    cost: row[`${step}Cost`],
    milliseconds: row[`${step}Ms`],
  }
}

/** A job that has just ended, and its error. */
export interface EndedJob extends Pick<OwnedRun, 'userId' | 'batchId'> {
  readonly status: CountedStatus
  readonly code?: string | undefined
  /** For a failed job: its id, and the step that it had reached, if no run of it has ended in the same transaction. */
  readonly jobId?: number | undefined
  readonly step?: Step | undefined
}

/**
 * Adds runs and jobs that have just ended to the ledger and to their batches.
 *
 * @param runs those whose rows are read
 * @param counts what else changes in the batches
 * @param known the entries of runs whose rows this transaction has written whole
 */
export async function addRuns(
  tx: Queryable,
  runs: readonly OwnedRun[],
  ended: readonly EndedJob[] = [],
  counts: readonly BatchEntry[] = [],
  known: readonly UsageEntry[] = [],
): Promise<void> {
  const rows = await readRuns(tx, runs)
  const entries = [...known, ...rows.flatMap(entriesOf)]
  if (entries.length + ended.length === 0) return addBatchCounts(tx, counts)
  const day = entries[0]?.day ?? (await today(tx))
  const stepOf = new Map(rows.map(({ jobId, step }) => [jobId, step]))
  const stepped = ended.map((job) => ({ ...job, step: job.step ?? stepOf.get(job.jobId ?? 0) }))
  await addUsage(tx, [...entries, ...stepped.map((job) => ({ ...job, day, model: '', jobs: 1 }))], counts)
}

/** The increments of the ledger when the row of a run changes. */
export function difference(before: RunRow, after: RunRow | undefined): UsageEntry[] {
  const taken = entriesOf(before).map((entry) => {
    const counts = counters.map((counter) => [counter, -(entry[counter] ?? 0)] as const)
    return { ...entry, ...Object.fromEntries(counts) }
  })
  return [...taken, ...(after ? entriesOf(after) : [])]
}

/**
 * Adds increments to the ledger and to batches. Must come last in its transaction: the rows stay locked until its end.
 *
 * @param counts what else changes in the batches
 */
export async function addUsage(
  tx: Queryable,
  entries: readonly UsageEntry[],
  counts: readonly BatchEntry[] = [],
): Promise<void> {
  const rows = mergeCounts(['userId', 'day', 'model', 'status'], counters, entries)
  if (rows.length === 0) return
  const added = addCounts(tx, visionUsage, counters, rows)
  const ofBatches = entries.flatMap(
    ({ batchId = null, jobId: _, step: __, imageMs = 0, analysisMs = 0, contentMs = 0, ...entry }) =>
      batchId === null ? [] : [{ ...entry, batchId, workMs: imageMs + analysisMs + contentMs }],
  )
  await Promise.all([added, addBatchCounts(tx, [...ofBatches, ...counts]), addFailures(tx, entries)])
}

/** The sum of several entries. */
export function sumOf(entries: readonly Partial<Counts>[]): Counts {
  return sumCounts(counters, entries)
}

/**
 * A user's usage by day, model and status.
 *
 * @param from the first day, UTC: `2026-11-01`
 * @param to the last day
 */
export function getUserUsage(
  database: Database,
  userId: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<readonly UsageRow[]> {
  const { day, model, status } = visionUsage
  return database.run((on) =>
    on
      .select()
      .from(visionUsage)
      .where(and(eq(visionUsage.userId, userId), between(day, from, to)))
      .orderBy(asc(day), asc(model), asc(status)),
  )
}

/** The usage of a job: of all ended runs, and of the saved results of the running one. */
export async function getJobUsage(database: Database, owned: Pick<OwnedRun, 'jobId' | 'userId'>): Promise<Counts> {
  const rows = await database.run((on) => attemptsOfJob(on, { jobId: owned.jobId }))
  return sumOf(rows.flatMap((row) => entriesOfRun(totalsOf({ ...row, day: '', userId: owned.userId, batchId: null }))))
}

const attemptsOfJob = selectOnce(getTableColumns(visionJobAttempts), (select) =>
  select.from(visionJobAttempts).where(sql`${visionJobAttempts.jobId} = ${sql.placeholder('jobId')}`),
)

async function today(on: Queryable): Promise<string> {
  const [row] = await rowsOf<{ day: string }>(on, sql`SELECT CAST(UTC_DATE() AS CHAR) AS day`)
  return row?.day ?? ''
}
