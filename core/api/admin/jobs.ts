import { getJobInFull } from '../../admin/job.ts'
import { deferred, validated } from '../../http/validation.ts'
import { findJobs } from '../../queue/read/find-jobs.ts'
import { getFailures } from '../../usage/failures.ts'
import { getMinutes } from '../../worker/report/minutes.ts'
import { procedure } from '../procedure.ts'
import { exampleFailures, exampleMinutes, exampleOperatorJob, exampleOperatorJobs } from './jobs-examples.ts'
import type { FailuresView, MinutesView, OperatorJobsView, OperatorJobView } from './jobs-schema.ts'
import { viewFailures, viewForOperator, viewFoundJobs, viewMinutes } from './jobs-view.ts'

const oneJob = deferred(() => import('../jobs/one-job.ts'))
const schema = deferred(() => import('./jobs-schema.ts'))

/** The calls by which operators find out why jobs fail. */
export const operatorJobs = {
  findJobs: procedure
    .meta({
      rest: 'GET /v1/operator/jobs',
      status: 200,
      scope: 'operator',
      summary: 'Find jobs of all users',
      description:
        'Newest first, by status, last error, user, batch and time of creation, in any combination. A page costs the same however many jobs there are: where no index has the whole filter it looks at 5,000 jobs, and may have fewer than asked for, or none, and a next page.',
      errors: [],
      output: schema('OperatorJobs'),
      example: { reply: exampleOperatorJobs },
    })
    .input(validated(schema('JobsQuery')))
    .query(async ({ ctx, input }): Promise<OperatorJobsView> => {
      const { limit, cursor, status, code, user, batch, since } = input
      const found = await findJobs(
        ctx.services.database,
        { statuses: status, code, userId: user, batchId: batch, since: since ? new Date(since) : undefined },
        { limit, before: cursor },
      )
      return viewFoundJobs(found)
    }),

  getJobForOperator: procedure
    .meta({
      rest: 'GET /v1/operator/jobs/{jobId}',
      status: 200,
      scope: 'operator',
      summary: 'Look at any job',
      description:
        'A job of any user with all its details: its last 100 runs with the raw reasons of their errors, what was called and what that took, its trace, its texts.',
      errors: ['job.not_found'],
      output: schema('OperatorJob'),
      example: { reply: exampleOperatorJob },
    })
    .input(validated(oneJob('OneJob'), ['jobId']))
    .query(
      async ({ ctx, input }): Promise<OperatorJobView> =>
        viewForOperator(await getJobInFull(ctx.services.database, input.jobId)),
    ),

  getFailures: procedure
    .meta({
      rest: 'GET /v1/operator/failures',
      status: 200,
      scope: 'operator',
      summary: 'See what jobs failed of',
      description:
        'By code and step: how many jobs of how many users, when first and last, and one of them to look at. It reads what was counted when they failed, and no job.',
      errors: [],
      output: schema('Failures'),
      example: { reply: exampleFailures },
    })
    .input(validated(schema('FailuresQuery')))
    .query(async ({ ctx, input: { days } }): Promise<FailuresView> => {
      const failures = await ctx.services.database.run((on) => getFailures(on, days))
      return { days, failures: viewFailures(failures) }
    }),

  getMinutes: procedure
    .meta({
      rest: 'GET /v1/operator/minutes',
      status: 200,
      scope: 'operator',
      summary: 'See what was done minute by minute',
      description:
        'Throughput, failures by code, waits, durations and cost of each of the last minutes, up to a day, and of all of them. It reads what workers reported, and no job.',
      errors: [],
      output: schema('Minutes'),
      example: { reply: exampleMinutes },
    })
    .input(validated(schema('MinutesQuery')))
    .query(
      async ({ ctx, input: { minutes } }): Promise<MinutesView> =>
        viewMinutes(await ctx.services.database.run((on) => getMinutes(on, minutes))),
    ),
}
