import type * as z from 'zod'
import type { ProviderScope } from '../../../drizzle/schema.ts'
import { getOperatorActions } from '../../admin/audit-log.ts'
import { cancelJobs, pauseClaims, pruneJobs, redriveJobs, resumeClaims } from '../../admin/commands.ts'
import { getStatus } from '../../admin/status.ts'
import { encodeCursor } from '../../http/cursor.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { type Caller, procedure } from '../procedure.ts'
import { operatorErasure } from './erase.ts'
import { exampleActions, exampleClaiming, exampleStatus } from './examples.ts'
import { operatorJobs } from './jobs.ts'
import { operatorLimits } from './limits.ts'
import type {
  ActionsView,
  CancelView,
  ClaimingView,
  PauseInput,
  PruneView,
  RedriveView,
  WorkerStatusView,
} from './schema.ts'
import { callMs } from './time-limit.ts'
import { readClaiming, viewAction, viewCancel, viewRedrive, viewStatus } from './view.ts'

const schema = deferred(() => import('./schema.ts'))

/** The operators' calls; all need the scope `operator`. */
export const operator = {
  name: 'operator',
  description:
    'For operators: the jobs of all users and why they fail, the queue, its workers, its providers and pauses. Requires the scope `operator`.',
  procedures: {
    ...operatorJobs,
    ...operatorLimits,
    ...operatorErasure,

    getWorkerStatus: procedure
      .meta({
        rest: 'GET /v1/worker',
        status: 200,
        scope: 'operator',
        summary: 'Look at the queue and its workers',
        description:
          'How many jobs are in each status, for how long the oldest waits, the workers, what they did within 5 minutes and an hour, the providers, and the live streams. Costs the same whatever the number of jobs.',
        errors: [],
        output: schema('WorkerStatus'),
        example: { reply: exampleStatus },
      })
      .input(validated(schema('Nothing')))
      .query(async ({ ctx }): Promise<WorkerStatusView> => viewStatus(await getStatus(ctx.services.database))),

    pauseClaims: procedure
      .meta({
        rest: 'POST /v1/operator/pause',
        status: 200,
        scope: 'operator',
        summary: 'Pause claiming',
        description:
          'No more jobs are claimed, or none that need one provider next, until an operator resumes. Running jobs finish, and no job expires meanwhile. A second pause keeps the first.',
        errors: [],
        output: schema('Claiming'),
        example: { request: { provider: 'deepseek', reason: 'Their status page says so' }, reply: exampleClaiming },
      })
      .input(validated(schema('PauseInput')))
      .mutation(({ ctx, input }): Promise<ClaimingView> => change(ctx, input, pauseClaims, 'claims paused')),

    resumeClaims: procedure
      .meta({
        rest: 'POST /v1/operator/resume',
        status: 200,
        scope: 'operator',
        summary: 'Resume claiming',
        description:
          'Ends an operator’s pause, and ends the wait of an open circuit breaker: the provider is called again at once.',
        errors: [],
        output: schema('Claiming'),
        example: { request: { provider: 'deepseek' }, reply: exampleClaiming },
      })
      .input(validated(schema('PauseInput')))
      .mutation(async ({ ctx, input }): Promise<ClaimingView> => {
        const claiming = await change(ctx, input, resumeClaims, 'claims resumed')
        ctx.services.wakeWorker()
        return claiming
      }),

    redriveJobs: procedure
      .meta({
        rest: 'POST /v1/operator/redrive',
        status: 200,
        scope: 'operator',
        summary: 'Redrive failed jobs',
        description:
          'Gives failed jobs a new life, the oldest failures first: due at once, with all their retries. A dry run, unless `dryRun` is false. Where `more` comes back true, call again; a dry run with `since` set to `through`.',
        errors: [],
        output: schema('RedriveResult'),
        example: {
          request: { filter: { code: 'analysis.', since: '2026-11-23T12:00:00.000Z' }, dryRun: true },
          reply: { dryRun: true, jobs: 2, sample: [17, 21], more: false, through: '2026-11-23T12:31:07.112Z' },
        },
      })
      .input(validated(schema('Redrive')))
      .mutation(async ({ ctx, input: { filter, limit, dryRun } }): Promise<RedriveView> => {
        const { since, until, code, user, batch } = filter
        const redriven = await redriveJobs(
          commandOf(ctx),
          { code, userId: user, batchId: batch, since: momentOf(since), until: momentOf(until) },
          { limit, dryRun, lifeMs: ctx.services.lifeMs, signal: AbortSignal.timeout(callMs) },
        )
        logAction(ctx, 'jobs redriven', { jobs: redriven.jobs, dryRun })
        ctx.services.wakeWorker()
        return viewRedrive(dryRun, redriven)
      }),

    cancelJobs: procedure
      .meta({
        rest: 'POST /v1/operator/jobs/cancel',
        status: 200,
        scope: 'operator',
        summary: 'Cancel jobs by a filter',
        description:
          'Cancels the jobs of any user that match a filter and have not ended, the newest first. A dry run, unless `dryRun` is false. Where `more` comes back true, call again: what was cancelled does not match any more.',
        errors: [],
        output: schema('CancelResult'),
        example: {
          request: { filter: { user: 'ann', code: 'analysis.' }, dryRun: true },
          reply: { dryRun: true, jobs: 2, sample: [21, 17], more: false },
        },
      })
      .input(validated(schema('Cancel')))
      .mutation(async ({ ctx, input: { filter, limit, dryRun } }): Promise<CancelView> => {
        const { code, user, batch } = filter
        const signal = AbortSignal.timeout(callMs)
        const cancelled = await cancelJobs(
          commandOf(ctx),
          { code, userId: user, batchId: batch },
          { limit, dryRun, signal },
        )
        logAction(ctx, 'jobs cancelled', { jobs: cancelled.jobs, dryRun })
        return viewCancel(dryRun, cancelled)
      }),

    pruneJobs: procedure
      .meta({
        rest: 'POST /v1/operator/prune',
        status: 200,
        scope: 'operator',
        summary: 'Prune old jobs',
        description:
          'Deletes jobs that ended long ago with all they made, in small batches that no claim waits for. A dry run, unless `dryRun` is false. Where `more` comes back true, call again.',
        errors: [],
        output: schema('PruneResult'),
        example: {
          request: { olderThanDays: 90 },
          reply: { dryRun: true, olderThanDays: 90, jobs: 1204, more: false },
        },
      })
      .input(validated(schema('Prune')))
      .mutation(async ({ ctx, input: { limit, dryRun, olderThanDays: days } }): Promise<PruneView> => {
        const olderThanDays = days ?? ctx.services.retentionDays
        const signal = AbortSignal.timeout(callMs)
        const { jobs, more } = await pruneJobs(commandOf(ctx), { olderThanDays, limit, dryRun, signal })
        logAction(ctx, 'jobs pruned', { jobs, dryRun })
        return { dryRun, olderThanDays, jobs, more }
      }),

    getOperatorActions: procedure
      .meta({
        rest: 'GET /v1/operator/actions',
        status: 200,
        scope: 'operator',
        summary: 'List what operators did',
        description: 'Every act of an operator, by whichever way, the latest first.',
        errors: [],
        output: schema('Actions'),
        example: { reply: exampleActions },
      })
      .input(validated(schema('ActionsPage')))
      .query(async ({ ctx, input: { limit, cursor } }): Promise<ActionsView> => {
        // One more than asked for shows whether there is another page.
        const rows = await getOperatorActions(ctx.services.database, { limit: limit + 1, before: cursor })
        const page = rows.slice(0, limit)
        const last = page.at(-1)
        return {
          actions: page.map(viewAction),
          nextCursor: last && rows.length > page.length ? encodeCursor(last.id) : null,
        }
      }),
  },
} satisfies Resource

function momentOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text)
}

function commandOf({ services, actor }: Caller) {
  return { database: services.database, actor: actor.userId }
}

function logAction({ services, requestId }: Caller, what: string, fields: Record<string, unknown>): void {
  services.log('info', what, { requestId, ...fields })
}

/** Pauses or resumes claiming, and shows the result. */
async function change(
  caller: Caller,
  { provider, reason }: z.output<typeof PauseInput>,
  command: typeof pauseClaims | typeof resumeClaims,
  what: string,
): Promise<ClaimingView> {
  const scope: ProviderScope = provider ?? 'all'
  await command(commandOf(caller), { provider: scope, reason })
  logAction(caller, what, { provider: scope })
  return readClaiming(caller.services.database)
}
