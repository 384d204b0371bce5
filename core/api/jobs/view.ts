import { type CountedStatus, countedStatuses } from '../../../drizzle/schema.ts'
import type { ErrorCode } from '../../domain/errors.ts'
import { progressOf } from '../../domain/job.ts'
import type { AttemptRow, JobRow, JobWithOutputs, OutputRow } from '../../queue/read.ts'
import { type Counts, sumOf, type UsageRow } from '../../usage/ledger.ts'
import type { AttemptsView, ImageView, JobSummaryView, JobView, UsageView, UserUsageView } from './schema.ts'

/** What is shown along with the jobs at hand. */
export interface Surroundings {
  /** The snapshots that they use, by id. */
  readonly images: ReadonlyMap<number, ImageView>
  /** How long their runs have taken together, by the job's id, in milliseconds. */
  readonly runningTimes: ReadonlyMap<number, number>
  /** The owner has spent what a day may cost: blocked jobs wait for the next. */
  readonly spendExhausted: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** A job as its owner sees it. */
export function viewJob(
  { job, outputs }: JobWithOutputs,
  usage: Counts,
  eventsUrl: string | null,
  surroundings: Surroundings,
): JobView {
  return {
    ...summarizeJob(job, surroundings),
    usage: viewCounts(usage),
    eventsUrl,
    outputs: { analysis: viewAnalysis(outputs), content: viewContent(job, outputs) },
  }
}

/** A job without its outputs. */
export function summarizeJob(job: JobRow, { images, runningTimes, spendExhausted, now }: Surroundings): JobSummaryView {
  const image = (job.imageId === null ? undefined : images.get(job.imageId)) ?? null
  // The database writes the times and this machine says what now is: its clock may be a little behind.
  const totalMs = Math.max(0, (job.finishedAt?.getTime() ?? now) - job.createdAt.getTime())
  const runningMs = runningTimes.get(job.id) ?? 0
  return {
    jobId: job.id,
    status: job.status,
    step: job.finishedAt === null ? job.nextStep : null,
    progress: progressOf(job),
    attempt: job.attempt,
    failures: job.failures,
    crashes: job.crashes,
    maxRetries: job.maxRetries,
    nextTryAt: job.status === 'scheduled' ? iso(job.availableAt) : null,
    blockedBy: job.status === 'blocked' ? (spendExhausted ? 'spend_per_day' : 'jobs_in_flight') : null,
    error: viewError(job),
    imageUrl: job.imageUrl,
    image,
    thumbnailUrl: image?.url ?? null,
    analysisPurpose: job.analysisPurpose,
    // A format of an earlier release is shown as it was stored.
    outputFormat: job.outputFormat as JobSummaryView['outputFormat'],
    language: job.language,
    platform: job.platform as JobSummaryView['platform'],
    metadata: job.metadata,
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
    startedAt: iso(job.startedAt),
    finishedAt: iso(job.finishedAt),
    expiresAt: job.expiresAt.toISOString(),
    timings: { waitingMs: Math.max(0, totalMs - runningMs), runningMs, totalMs },
    version: job.version,
  }
}

/** Every run of a job; what only the operator may see of them stays out. */
export function viewAttempts(rows: readonly AttemptRow[]): AttemptsView {
  return {
    attempts: rows.map((row) => ({
      attempt: row.attempt,
      outcome: row.outcome,
      step: row.step,
      startedAt: row.startedAt.toISOString(),
      endedAt: iso(row.endedAt),
      error: viewError(row),
      possiblyBilled: row.possiblyBilled,
      waitingMs: row.waitingMs,
      imageMs: row.imageMs,
      usage: {
        analysis:
          row.analysisModel === null
            ? null
            : {
                model: row.analysisModel,
                inputTokens: row.analysisInputTokens,
                cachedTokens: row.analysisCachedTokens,
                outputTokens: row.analysisOutputTokens,
                thinkingTokens: row.analysisThinkingTokens,
                costUsd: inDollars(row.analysisCost),
                milliseconds: row.analysisMs,
              },
        content:
          row.contentModel === null
            ? null
            : {
                model: row.contentModel,
                inputTokens: row.contentInputTokens,
                cachedTokens: row.contentCachedTokens,
                outputTokens: row.contentOutputTokens,
                thinkingTokens: row.contentThinkingTokens,
                costUsd: inDollars(row.contentCost),
                milliseconds: row.contentMs,
              },
      },
    })),
  }
}

/** What a user has used, row by row and in all. */
export function viewUserUsage(rows: readonly UsageRow[]): Omit<UserUsageView, 'from' | 'to'> {
  const jobs = countedStatuses.map((status) => {
    const { jobs } = sumOf(rows.filter((row) => row.status === status))
    return [status, jobs] as const
  })
  const totals = sumOf(rows)
  return {
    usage: rows.map((row) => ({
      day: row.day,
      status: row.status,
      model: row.model === '' ? null : row.model,
      jobs: row.jobs,
      runs: row.runs,
      ...viewCounts(row),
    })),
    totals: {
      jobs: Object.fromEntries(jobs) as Record<CountedStatus, number>,
      runs: totals.runs,
      ...viewCounts(totals),
    },
  }
}

function viewCounts(counts: Counts): UsageView {
  const { jobs: _, runs: __, cost, ...rest } = sumOf([counts])
  const { calls, unpricedCalls } = rest
  return { ...rest, costUsd: calls > 0 && calls === unpricedCalls ? null : inDollars(cost) }
}

/** Of nano-dollars. */
function inDollars(cost: number): number
function inDollars(cost: number | null): number | null
function inDollars(cost: number | null): number | null {
  return cost === null ? null : cost / 1e9
}

// The body is what its step checked when it saved it.
function viewAnalysis(outputs: readonly OutputRow[]): JobView['outputs']['analysis'] {
  return viewOutput(outputs, 'analysis') as JobView['outputs']['analysis']
}

function viewContent({ outputFormat }: JobRow, outputs: readonly OutputRow[]): JobView['outputs']['content'] {
  const output = viewOutput(outputs, 'content')
  return output && ({ ...output, outputFormat } as JobView['outputs']['content'])
}

function viewOutput(outputs: readonly OutputRow[], kind: OutputRow['kind']) {
  const output = outputs.find((row) => row.kind === kind)
  if (output === undefined) return null
  const { model, prompt, createdAt, body } = output
  return { model, prompt, createdAt: createdAt.toISOString(), result: body }
}

function viewError({ errorCode, errorMessage }: Pick<JobRow, 'errorCode' | 'errorMessage'>): JobSummaryView['error'] {
  // A code of an earlier release is shown as it was stored.
  return errorCode === null ? null : { code: errorCode as ErrorCode, message: errorMessage ?? '' }
}

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null
}
