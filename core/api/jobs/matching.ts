import { getBatch } from '../../batches/batches.ts'
import { encodeCursor } from '../../http/cursor.ts'
import { deferred, validated } from '../../http/validation.ts'
import { cancelling } from '../../queue/change/cancel.ts'
import type { JobChange } from '../../queue/change/change-jobs.ts'
import { changeOwnJobs, mostCounted, type OwnChangeOptions } from '../../queue/change/change-own.ts'
import { deleting } from '../../queue/change/delete.ts'
import { redriving } from '../../queue/change/redrive.ts'
import { type Caller, procedure } from '../procedure.ts'
import { admitNext } from './after-change.ts'
import { exampleMatching } from './examples.ts'
import { queryOf } from './list.ts'
import type { ChangeMatchingInput, MatchingChangeView } from './matching-schema.ts'
import { roomToRetry } from './room-to-retry.ts'

const schema = deferred(() => import('./matching-schema.ts'))

/** How long a call works, in milliseconds: well below a function's time limit. */
const changingMs = 15_000

const repeated =
  'A dry run, which counts, unless `dryRun` is false. A call looks at up to 500 jobs, newest first, and a job that does not fit the filter any more when its turn comes is left out. Where `more` comes back true, call again with `nextCursor`. Doing it twice is no error.'

/** Changes of all jobs of the caller that fit a filter. */
export const matchingJobs = {
  cancelMatchingJobs: procedure
    .meta({
      rest: 'POST /v1/jobs/cancel',
      status: 200,
      scope: 'write',
      summary: 'Cancel jobs by a filter',
      description: `Cancels those of the caller’s jobs that fit a filter and have not ended. ${repeated}`,
      errors: ['batch.not_found'],
      output: schema('MatchingChange'),
      example: {
        request: { filter: { status: ['pending', 'blocked'], outputFormat: ['summary'] }, dryRun: true },
        reply: exampleMatching,
      },
    })
    .input(validated(schema('ChangeMatching')))
    .mutation(async ({ ctx, input }): Promise<MatchingChangeView> => {
      const changed = await change(ctx, input, cancelling)
      await afterChange(ctx, 'cancelled', changed, admitNext)
      return changed
    }),

  retryMatchingJobs: procedure
    .meta({
      rest: 'POST /v1/jobs/retry',
      status: 200,
      scope: 'write',
      summary: 'Retry failed jobs by a filter',
      description: `Gives those of the caller’s jobs that fit a filter and have failed a new life. What they have saved is kept. If this would exceed the caller’s limit of waiting jobs, only as many are retried as there is room for. ${repeated}`,
      errors: ['batch.not_found', 'limit.jobs_waiting', 'limit.spend_per_day'],
      output: schema('MatchingChange'),
      example: {
        request: { filter: { status: ['failed'], code: 'analysis.' }, dryRun: true },
        reply: exampleMatching,
      },
    })
    .input(validated(schema('ChangeMatching')))
    .mutation(async ({ ctx, input }): Promise<MatchingChangeView> => {
      const changed = await change(ctx, input, redriving(ctx.services.lifeMs), roomToRetry(ctx))
      await afterChange(ctx, 'retried', changed, async () => ctx.services.wakeWorker())
      return changed
    }),

  deleteMatchingJobs: procedure
    .meta({
      rest: 'POST /v1/jobs/delete',
      status: 200,
      scope: 'write',
      summary: 'Delete jobs by a filter',
      description: `Deletes those of the caller’s jobs that fit a filter, in any status, with their outputs and attempts. ${repeated}`,
      errors: ['batch.not_found'],
      output: schema('MatchingChange'),
      example: {
        request: { filter: { createdTo: '2026-11-01T00:00:00.000Z' }, dryRun: true },
        reply: exampleMatching,
      },
    })
    .input(validated(schema('ChangeMatching')))
    .mutation(async ({ ctx, input }): Promise<MatchingChangeView> => {
      const changed = await change(ctx, input, deleting)
      await afterChange(ctx, 'deleted', changed, admitNext)
      return changed
    }),
}

/** @throws VisionError `batch.not_found`, what `allow` throws */
async function change(
  { services, actor }: Caller,
  { filter, dryRun, limit, cursor }: ChangeMatchingInput,
  what: JobChange,
  allow?: OwnChangeOptions['allow'],
): Promise<MatchingChangeView> {
  const { database, now } = services
  const { userId } = actor
  if (filter.batchId !== undefined) await getBatch(database, { userId, batchId: filter.batchId })
  const until = now() + changingMs
  const { jobs, unchanged, refused, next } = await changeOwnJobs(database, { userId, ...queryOf(filter) }, what, {
    dryRun,
    limit: dryRun ? mostCounted : limit,
    before: cursor,
    hasTime: () => now() < until,
    allow,
  })
  return {
    dryRun,
    jobs,
    unchanged,
    refused: refused.map(({ sample, ...group }) => ({ ...group, sample: [...sample] })),
    more: next !== undefined,
    nextCursor: next === undefined ? null : encodeCursor(next),
  }
}

/** Logs a change, without the caller's id, and does what follows from it. */
async function afterChange(
  caller: Caller,
  what: string,
  { dryRun, jobs }: MatchingChangeView,
  follow: (caller: Caller) => Promise<void>,
): Promise<void> {
  if (dryRun || jobs === 0) return
  caller.services.log('info', `jobs ${what}`, { jobs })
  await follow(caller)
}
