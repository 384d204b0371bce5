import * as z from 'zod'
import { statuses } from '../../../drizzle/schema.ts'
import { operatorVerbs } from '../../admin/audit-log.ts'
import { pageFields } from '../../http/page-fields.ts'
import { providerNames } from '../../providers/registry.ts'
import { batchId, count, time } from '../fields.ts'
import { code, runStats } from './jobs-schema.ts'

// --- input ---

const reason = z.string().trim().min(1).max(500).optional().meta({ description: 'The reason, for the audit log.' })
const provider = z
  .enum(providerNames)
  .optional()
  .meta({ description: 'Only what needs this provider next; everything if left out.' })
export const dryRun = z
  .boolean()
  .default(true)
  .meta({ description: 'Counts and changes nothing, unless this is false.' })
const limit = z.int().min(1).max(10_000).default(1_000).meta({ description: 'The most jobs in one call.' })

export const Nothing = z.strictObject({}).prefault({})

export const PauseInput = z.strictObject({ provider, reason }).prefault({})

export const RedriveFilterInput = z.strictObject({
  code: code
    .optional()
    .meta({ description: 'The code that jobs failed with, or the first part of several: `analysis.`' }),
  since: time.optional().meta({ description: 'Only jobs that failed at this moment or later.' }),
  until: time.optional().meta({ description: 'Only jobs that failed before this moment; now if left out.' }),
  user: z.string().min(1).max(255).optional().meta({ description: 'Only the jobs of this user.' }),
  batch: batchId.optional().meta({ description: 'Only the jobs of this batch.' }),
})

export const Redrive = z
  .strictObject({
    filter: RedriveFilterInput.default({}).meta({ description: 'Which failed jobs; all if left out.' }),
    dryRun,
    limit,
  })
  .prefault({})
  .meta({ id: 'Redrive' })

export const Cancel = z
  .strictObject({
    filter: z
      .strictObject({
        code: code.optional().meta({
          description: 'The code of the last error, or the first part of several: `analysis.`',
        }),
        user: z.string().min(1).max(255).optional().meta({ description: 'Only the jobs of this user.' }),
        batch: batchId.optional().meta({ description: 'Only the jobs of this batch.' }),
      })
      .refine((filter) => Object.values(filter).some((value) => value !== undefined), {
        error: 'must name a user, a batch or a code: without one every job would be cancelled',
      })
      .meta({ description: 'Which jobs that have not ended: all that is named must match.' }),
    dryRun,
    limit,
  })
  .meta({ id: 'Cancel' })

export const Prune = z
  .strictObject({
    olderThanDays: z
      .int()
      .min(1)
      .max(36_500)
      .optional()
      .meta({ description: 'Jobs that ended longer ago; JOB_RETENTION_DAYS of the function if left out.' }),
    dryRun,
    limit,
  })
  .prefault({})

export const ActionsPage = z
  .strictObject({
    limit: z.int().min(1).max(100).default(20).meta({ description: 'The most actions in one page.' }),
    ...pageFields,
  })
  .prefault({})

// --- output ---

const tally = z
  .object({
    claimed: count.meta({ description: 'Runs begun.' }),
    completed: count,
    retried: count.meta({ description: 'Runs that failed and will be followed by another.' }),
    failed: count.meta({ description: 'Runs that were the last of a job that failed.' }),
    released: count.meta({ description: 'Runs given back at no cost to the job.' }),
    lost: count.meta({ description: 'Runs whose job was cancelled, deleted or taken up by another worker.' }),
    reclaimed: count.meta({ description: 'Jobs taken back from workers that had died.' }),
    expired: count.meta({ description: 'Jobs that were not begun before they expired.' }),
  })
  .meta({ id: 'Tally' })

const pausedByOperator = z
  .object({
    by: z.string().meta({ description: 'A user, or `cli:` and the account that ran the command.' }),
    at: time,
    reason: z.string().nullable(),
  })
  .nullable()
  .meta({ description: 'Set while an operator has paused it; null otherwise.' })

const Claims = z.object({ pausedByOperator }).meta({ description: 'Claiming as a whole, whatever the provider.' })

export const ProviderStateView = z
  .object({
    provider: z.enum(providerNames),
    circuit: z.enum(['closed', 'open', 'half_open']).meta({
      description:
        'The circuit breaker. closed: calls pass · open: no calls for `openMs`, after a 429, failures or a refusal · half_open: one call at a time probes the provider',
    }),
    openMs: count.meta({ description: 'How long the circuit stays open, in milliseconds; 0 if it is not open.' }),
    openCode: z.string().nullable().meta({ description: 'The code of the error that opened it last.' }),
    downSince: time.nullable().meta({
      description: 'Since when the provider is down or its quota used up: jobs that need it do not expire meanwhile.',
    }),
    consecutiveFailures: count.meta({ description: 'Calls that failed or timed out since the last success.' }),
    pausedByOperator,
  })
  .meta({ id: 'ProviderState' })

const bounded = z.object({
  count,
  atLeast: z.boolean().meta({ description: 'There are more: nothing is counted beyond this number.' }),
})

export const WorkerStatus = z
  .object({
    at: time,
    queue: z.object({
      depth: z.array(
        z.object({
          status: z.enum(statuses),
          jobs: count,
          atLeast: z.boolean().meta({ description: 'There are more: nothing is counted beyond this number.' }),
        }),
      ),
      oldestDueSeconds: z.number().meta({
        description: 'For how long the oldest job waits that a worker could have taken; 0 if none does.',
      }),
    }),
    workers: z.object({
      running: count,
      recent: z.array(
        z
          .object({
            workerId: z.string(),
            host: z.string().meta({ description: 'Where it runs: on Lambda its log stream, elsewhere its host.' }),
            state: z.enum(['running', 'stopped', 'silent']).meta({
              description: 'silent: not heard of for a minute though it did not stop, so it has died',
            }),
            inFlight: count,
            concurrency: count,
            startedAt: time,
            lastHeartbeatAt: time,
            stoppedAt: time.nullable(),
            tally,
          })
          .meta({ id: 'Worker' }),
      ),
    }),
    throughput: z.array(
      z.object({
        minutes: count.meta({ description: 'The window: this many whole minutes and the current one.' }),
        perMinute: z.number().meta({ description: 'Completed jobs.' }),
        failureRate: z.number().nullable().meta({
          description: 'Runs that went wrong (retried, failed, worker died) of all that ended; null without any.',
        }),
        tally,
        ...runStats,
      }),
    ),
    claims: Claims,
    providers: z.array(
      ProviderStateView.extend({
        callsInFlight: count,
        callsLastMinute: count,
        tokensLastMinute: count,
      }),
    ),
    liveSessions: count.meta({ description: 'Streams that are being watched.' }),
    webhooks: z.object({
      waiting: bounded.meta({ description: 'Deliveries that are to be sent to enabled webhooks, now or later.' }),
      failing: bounded.meta({ description: 'Those of them whose webhook took nothing last time.' }),
      oldestDueSeconds: z.number().meta({
        description: 'For how long the oldest delivery waits that could have been sent; 0 if none does.',
      }),
      endpoints: z.object({
        enabled: bounded,
        failing: bounded.meta({ description: 'Those of the enabled ones whose last attempt failed.' }),
        disabled: bounded.meta({ description: 'By their owners, by a 410 or by five days of failures.' }),
      }),
    }),
  })
  .meta({ id: 'WorkerStatus' })

export const Claiming = z.object({ claims: Claims, providers: z.array(ProviderStateView) }).meta({ id: 'Claiming' })

export const RedriveResult = z
  .object({
    dryRun: z.boolean(),
    jobs: count.meta({ description: 'How many were given a new life, or would be.' }),
    sample: z.array(z.int()).meta({ description: 'The ids of some of them.' }),
    more: z.boolean().meta({ description: 'There may be more: the limit or the time of one call was reached.' }),
    through: time.nullable().meta({ description: 'When the last of them failed: `since` of the next call.' }),
  })
  .meta({ id: 'RedriveResult' })

export const CancelResult = z
  .object({
    dryRun: z.boolean(),
    jobs: count.meta({ description: 'How many were cancelled, or would be.' }),
    sample: z.array(z.int()).meta({ description: 'The ids of some of them.' }),
    more: z.boolean().meta({ description: 'There may be more: the limit or the time of one call was reached.' }),
  })
  .meta({ id: 'CancelResult' })

export const PruneResult = z
  .object({
    dryRun: z.boolean(),
    olderThanDays: count,
    jobs: count.meta({ description: 'How many were deleted, or would be.' }),
    more: z.boolean().meta({ description: 'There are more: the limit or the time of one call was reached.' }),
  })
  .meta({ id: 'PruneResult' })

export const Actions = z
  .object({
    actions: z.array(
      z.object({
        id: count,
        at: time,
        actor: z.string().meta({ description: 'A user, or `cli:` and the account that ran the command.' }),
        action: z.enum(operatorVerbs),
        dryRun: z.boolean(),
        parameters: z.record(z.string(), z.unknown()),
        result: z.record(z.string(), z.unknown()).meta({ description: '`done` is false where it did not end.' }),
      }),
    ),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'OperatorActions' })

export type WorkerStatusView = z.infer<typeof WorkerStatus>
export type ProviderStateViewed = z.infer<typeof ProviderStateView>
export type ClaimingView = z.infer<typeof Claiming>
export type RedriveView = z.infer<typeof RedriveResult>
export type CancelView = z.infer<typeof CancelResult>
export type PruneView = z.infer<typeof PruneResult>
export type ActionsView = z.infer<typeof Actions>
