import type { ErrorCode } from '../../domain/errors.ts'
import { progressOf } from '../../domain/job.ts'
import { firstContent, textState, viewOutput } from '../../live/events.ts'
import { isoOf } from '../../platform/iso.ts'
import type { AttemptRow, JobRow, JobWithOutputs } from '../../queue/read/read.ts'
import type { Counts } from '../../usage/ledger.ts'
import { inDollars, viewCounts } from '../usage/view.ts'
import type { Relations } from './relations.ts'
import type { AttemptsView, JobSummaryView, JobView } from './schema.ts'

/** A job as its owner sees it. */
export function viewJob(found: JobWithOutputs, usage: Counts, eventsUrl: string | null, relations: Relations): JobView {
  return {
    ...summarizeJob(found.job, relations),
    usage: viewCounts(usage),
    eventsUrl,
    outputs: viewOutputs(found),
  }
}

/** The outputs of a job, as its owner sees them. */
export function viewOutputs(found: JobWithOutputs): JobView['outputs'] {
  const { job, texts, outputs } = found
  const analysis = outputs.find(({ kind }) => kind === 'analysis')
  // Outputs were validated when they were saved.
  return {
    analysis: analysis ? viewOutput(analysis) : null,
    content: firstContent(found),
    texts: texts.map((text) => textState(job, text, outputs)),
  } as JobView['outputs']
}

/** A job without its outputs. */
export function summarizeJob(job: JobRow, { images, runningTimes, spendExhausted, now }: Relations): JobSummaryView {
  const image = (job.imageId === null ? undefined : images.get(job.imageId)) ?? null
  // The database writes the times, and this machine's clock may be a little behind.
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
    nextTryAt: job.status === 'scheduled' ? isoOrNull(job.availableAt) : null,
    blockedBy: job.status === 'blocked' ? (spendExhausted ? 'spend_per_day' : 'jobs_in_flight') : null,
    error: viewError(job),
    imageUrl: job.imageUrl,
    image,
    thumbnailUrl: image?.url ?? null,
    analysisPurpose: job.analysisPurpose,
    texts: { wanted: job.texts, completed: Math.min(job.texts, job.textsCompleted) },
    // A format of an earlier release is shown as it was stored.
    outputFormat: job.outputFormat as JobSummaryView['outputFormat'],
    language: job.language,
    platform: job.platform as JobSummaryView['platform'],
    facts: job.facts as JobSummaryView['facts'],
    brandId: job.brandId,
    brandVersion: job.brandVersion,
    metadata: job.metadata,
    batchId: job.batchId,
    createdAt: isoOf(job.createdAt),
    updatedAt: isoOf(job.updatedAt),
    startedAt: isoOrNull(job.startedAt),
    finishedAt: isoOrNull(job.finishedAt),
    expiresAt: isoOf(job.expiresAt),
    timings: { waitingMs: Math.max(0, totalMs - runningMs), runningMs, totalMs },
    version: job.version,
  }
}

/** Every run of a job, without the fields for operators only. */
export function viewAttempts(rows: readonly AttemptRow[]): AttemptsView {
  return {
    attempts: rows.map((row) => ({
      attempt: row.attempt,
      outcome: row.outcome,
      step: row.step,
      startedAt: isoOf(row.startedAt),
      endedAt: isoOrNull(row.endedAt),
      error: viewError(row),
      possiblyBilled: row.possiblyBilled,
      possiblyBilledCalls: row.possiblyBilled === null ? 0 : Math.max(1, row.possiblyBilledCalls),
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

function viewError({ errorCode, errorMessage }: Pick<JobRow, 'errorCode' | 'errorMessage'>): JobSummaryView['error'] {
  // A code of an earlier release is shown as it was stored.
  return errorCode === null ? null : { code: errorCode as ErrorCode, message: errorMessage ?? '' }
}

function isoOrNull(date: Date | null): string | null {
  return date && isoOf(date)
}
