import type { RunStats } from '../../../drizzle/schema.ts'
import type { JobInFull } from '../../admin/job.ts'
import { percentilesOf } from '../../domain/run-stats.ts'
import { encodeCursor } from '../../http/cursor.ts'
import { textState } from '../../live/events.ts'
import type { JobPage } from '../../queue/read/find-jobs.ts'
import type { AttemptRow, JobRow } from '../../queue/read/read.ts'
import type { Failure } from '../../usage/failures.ts'
import { type Minute, sumOfMinutes } from '../../worker/report/minutes.ts'
import { viewAttempts } from '../jobs/view.ts'
import { inDollars, viewCounts } from '../usage/view.ts'
import type { FailuresView, MinutesView, OperatorJobsView, OperatorJobView } from './jobs-schema.ts'

/** A page of the jobs of all users. */
export function viewFoundJobs({ jobs, next }: JobPage): OperatorJobsView {
  return { jobs: jobs.map(summarizeForOperator), nextCursor: next === undefined ? null : encodeCursor(next) }
}

function summarizeForOperator(job: JobRow): OperatorJobsView['jobs'][0] {
  return {
    jobId: job.id,
    user: job.userId,
    status: job.status,
    step: job.finishedAt === null ? job.nextStep : null,
    error: errorOf(job),
    attempt: job.attempt,
    failures: job.failures,
    crashes: job.crashes,
    texts: { wanted: job.texts, completed: Math.min(job.texts, job.textsCompleted) },
    batchId: job.batchId,
    traceId: job.traceId,
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
    finishedAt: iso(job.finishedAt),
  }
}

/** A job with all its stored details. */
export function viewForOperator({ found, attempts, usage, runningMs, at }: JobInFull): OperatorJobView {
  const { job, texts, outputs } = found
  const analysis = outputs.find(({ kind }) => kind === 'analysis')
  const totalMs = Math.max(0, (job.finishedAt ?? at).getTime() - job.createdAt.getTime())
  const shown = viewAttempts(attempts).attempts
  const summary = summarizeForOperator(job)
  return {
    ...summary,
    maxRetries: job.maxRetries,
    nextTryAt: job.status === 'scheduled' ? iso(job.availableAt) : null,
    startedAt: iso(job.startedAt),
    expiresAt: job.expiresAt.toISOString(),
    workerId: job.status === 'processing' ? job.workerId : null,
    leaseExpiresAt: job.status === 'processing' ? iso(job.leaseExpiresAt) : null,
    imageUrl: job.imageUrl,
    analysisPurpose: job.analysisPurpose,
    answerIssue: job.answerIssue,
    metadata: job.metadata,
    timings: { waitingMs: Math.max(0, totalMs - runningMs), runningMs, totalMs },
    usage: viewCounts(usage),
    attempts: attempts.flatMap((row, index) => {
      const attempt = shown[index]
      const { errorDetail, workerId } = row
      return attempt ? [{ ...attempt, errorDetail, workerId, calls: callsOf(row) }] : []
    }),
    analysis: analysis
      ? {
          model: analysis.model,
          prompt: analysis.prompt,
          createdAt: analysis.createdAt.toISOString(),
          result: analysis.body,
        }
      : null,
    texts: {
      ...summary.texts,
      all: texts.map((text) => {
        const { textId, outputFormat, language, status, revision, error, model, prompt, createdAt, result } = textState(
          job,
          text,
          outputs,
        )
        return { textId, outputFormat, language, status, revision, error, model, prompt, createdAt, result }
      }) as OperatorJobView['texts']['all'],
    },
  }
}

function callsOf(row: AttemptRow): OperatorJobView['attempts'][0]['calls'] {
  const analysis =
    row.analysisModel === null
      ? []
      : [{ step: 'analysis' as const, model: row.analysisModel, answered: row.analysisCalls }]
  const content =
    row.contentModel === null ? [] : [{ step: 'content' as const, model: row.contentModel, answered: row.contentCalls }]
  return [...analysis, ...content]
}

export function viewFailures(failures: readonly Failure[]): FailuresView['failures'] {
  return failures.map((failure) => ({
    ...failure,
    firstAt: failure.firstAt.toISOString(),
    lastAt: failure.lastAt.toISOString(),
  }))
}

function errorOf({ errorCode, errorMessage }: Pick<JobRow, 'errorCode' | 'errorMessage'>) {
  return errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' }
}

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null
}

/** The reports of the workers, minute by minute and in total. */
export function viewMinutes(minutes: readonly Minute[]): MinutesView {
  const view = ({ tally, stats }: Pick<Minute, 'tally' | 'stats'>) => {
    const { claimed, completed, retried, failed, expired, reclaimed } = tally
    return { claimed, completed, retried, failed, expired, reclaimed, ...viewRunStats(stats) }
  }
  return {
    totals: view(sumOfMinutes(minutes)),
    minutes: minutes.map((one) => ({ minute: one.minute.toISOString(), workers: one.workers, ...view(one) })),
  }
}

export function viewRunStats({ cost, durations, failed }: RunStats) {
  return {
    failures: { ...failed },
    costUsd: inDollars(cost),
    waitingMs: percentilesOf(durations.waiting),
    imageMs: percentilesOf(durations.image),
    analysisMs: percentilesOf(durations.analysis),
    contentMs: percentilesOf(durations.content),
  }
}
