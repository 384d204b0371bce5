import * as z from 'zod'
import { statuses, textStatuses } from '../../../drizzle/schema.ts'
import { pageFields } from '../../http/page-fields.ts'
import { batchId, count, jobId, milliseconds, Status, Step, textId, time } from '../fields.ts'
import { Attempt } from '../jobs/schema.ts'
import { Usage } from '../usage/schema.ts'

// Jobs as operators see them.

// --- input ---

export const code = z
  .string()
  .regex(/^[a-z_]+\.[a-z_]*$/, 'must be a code like analysis.timed_out, or its first part with the dot')
  .meta({ description: 'A code, or the first part of several: `analysis.`' })
export const user = z.string().min(1).max(255)

export const JobsQuery = z
  .strictObject({
    limit: z.int().min(1).max(100).default(20).meta({ description: 'The most jobs in one page.' }),
    ...pageFields,
    status: z.array(Status).min(1).max(statuses.length).optional().meta({
      description:
        'Only jobs in these statuses. Of the scheduled ones, without another filter, the 5,000 that are due first.',
    }),
    code: code.optional().meta({
      description: 'Only jobs whose last error has this code, or one of those that begin with it: `analysis.`',
    }),
    user: user.optional().meta({ description: 'Only the jobs of this user.' }),
    batch: batchId.optional().meta({ description: 'Only the jobs of this batch.' }),
    since: time.optional().meta({ description: 'Only jobs created at this moment or later.' }),
  })
  .prefault({})

export const FailuresQuery = z
  .strictObject({
    days: z.int().min(1).max(31).default(2).meta({ description: 'How many days, UTC, of which today is the last.' }),
  })
  .prefault({})

export const MinutesQuery = z
  .strictObject({
    minutes: z
      .int()
      .min(1)
      .max(1_440)
      .default(60)
      .meta({ description: 'How many minutes back, the one that has begun included; a day at most.' }),
  })
  .prefault({})

// --- output ---

// A code of an earlier release is shown as it was stored.
const error = z.object({ code: z.string(), message: z.string() }).nullable()

const OperatorJobSummary = z
  .object({
    jobId,
    user: z.string(),
    status: Status,
    step: Step.nullable().meta({ description: 'The step that runs or is next; null once the job has ended.' }),
    error: error.meta({ description: 'Its last error.' }),
    attempt: count.meta({ description: 'How many runs there have been.' }),
    failures: count,
    crashes: count,
    texts: z.object({ wanted: count, completed: count }),
    batchId: batchId.nullable(),
    traceId: z.string().nullable().meta({ description: 'In 32 hex digits, as in the logs and in `x-trace-id`.' }),
    createdAt: time,
    updatedAt: time,
    finishedAt: time.nullable(),
  })
  .meta({ id: 'OperatorJobSummary' })

export const OperatorJobs = z
  .object({
    jobs: z.array(OperatorJobSummary),
    nextCursor: z.string().nullable().meta({
      description: 'Asks for the next page; null on the last. A page may have fewer jobs than asked for, or none.',
    }),
  })
  .meta({ id: 'OperatorJobs' })

const ProviderCall = z
  .object({
    step: Step,
    model: z.string(),
    answered: count.meta({ description: 'How many calls were answered: two where the first answer did not fit.' }),
  })
  .meta({ id: 'AnsweredCalls' })

export const OperatorJob = OperatorJobSummary.extend({
  maxRetries: count,
  nextTryAt: time.nullable().meta({ description: 'When a scheduled job is due.' }),
  startedAt: time.nullable(),
  expiresAt: time,
  workerId: z.string().nullable().meta({ description: 'The worker that holds it; null unless it is processing.' }),
  leaseExpiresAt: time.nullable(),
  imageUrl: z.string(),
  analysisPurpose: z.string(),
  answerIssue: z.string().nullable().meta({ description: 'What did not fit in the last answer of the analysis.' }),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  timings: z.object({ waitingMs: milliseconds, runningMs: milliseconds, totalMs: milliseconds }),
  usage: Usage,
  attempts: z.array(
    Attempt.extend({
      error,
      errorDetail: z.string().nullable().meta({ description: 'The raw reason, secrets removed: for operators alone.' }),
      workerId: z.string(),
      calls: z.array(ProviderCall),
    }).meta({ id: 'OperatorAttempt' }),
  ),
  analysis: z
    .object({ model: z.string(), prompt: z.string().nullable(), createdAt: time, result: z.unknown() })
    .nullable(),
  texts: z.object({
    wanted: count,
    completed: count,
    all: z.array(
      z.object({
        textId,
        outputFormat: z.string(),
        language: z.string(),
        status: z.enum([...textStatuses, 'cancelled']),
        revision: count,
        error,
        model: z.string().nullable(),
        prompt: z.string().nullable(),
        createdAt: time.nullable(),
        result: z.unknown(),
      }),
    ),
  }),
}).meta({ id: 'OperatorJob' })

export const Failures = z
  .object({
    days: count,
    failures: z.array(
      z
        .object({
          code: z.string(),
          step: Step.meta({ description: 'The step that the jobs had come to.' }),
          jobs: count.meta({ description: 'Failures: a job that was redriven and failed again counts twice.' }),
          users: count.meta({ description: 'Of how many users.' }),
          atLeast: z.boolean().meta({ description: 'There may be more jobs and users: 2,000 users’ days are read.' }),
          firstAt: time,
          lastAt: time,
          sampleJobId: jobId.meta({ description: 'One that failed so of late; it may have been deleted since.' }),
        })
        .meta({ id: 'Failure' }),
    ),
  })
  .meta({ id: 'Failures', description: 'What jobs failed of, what failed last first.' })

const percentiles = z
  .object({ p50: milliseconds, p95: milliseconds })
  .nullable()
  .meta({ description: 'Half, and 19 of 20, took no longer, in milliseconds; null where there was none.' })

/** The waits, durations and failures of runs. */
export const runStats = {
  failures: z.record(z.string(), count).meta({ description: 'Jobs that failed, by code.' }),
  costUsd: z.number().meta({ description: 'Of the calls whose price is known.' }),
  waitingMs: percentiles.meta({ description: 'How long jobs were pending before their runs.' }),
  imageMs: percentiles.meta({ description: 'How long bringing the images took.' }),
  analysisMs: percentiles.meta({ description: 'How long the calls of a run for the analysis took.' }),
  contentMs: percentiles.meta({ description: 'How long the calls of a run for its texts took.' }),
}

const minute = {
  claimed: count,
  completed: count,
  retried: count,
  failed: count.meta({ description: 'Jobs that failed in a run or with their worker.' }),
  expired: count,
  reclaimed: count.meta({ description: 'Taken back from workers that had died.' }),
  ...runStats,
}

export const Minutes = z
  .object({
    totals: z.object(minute),
    minutes: z
      .array(z.object({ minute: time, workers: count, ...minute }).meta({ id: 'Minute' }))
      .meta({ description: 'The oldest first; those in which nothing happened are left out.' }),
  })
  .meta({ id: 'Minutes', description: 'What workers reported, up to some seconds ago.' })

export type MinutesView = z.infer<typeof Minutes>
export type OperatorJobsView = z.infer<typeof OperatorJobs>
export type OperatorJobView = z.infer<typeof OperatorJob>
export type FailuresView = z.infer<typeof Failures>
