import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { readProviderStates } from '../../providers/availability/provider-state.ts'
import { countContenders } from '../../queue/fairness/contenders.ts'
import { consumeEstimate } from '../../usage/estimate-quota.ts'
import { readOverrides, withOverrides } from '../../usage/limit-overrides.ts'
import { readQuotas } from '../../usage/quotas.ts'
import { readTypicalRun } from '../../usage/recent-calls.ts'
import { sumOfConcurrency } from '../../worker/report/registry.ts'
import { rejectedOf } from '../batches/add-jobs.ts'
import { procedure } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import { checkJobs } from './check-jobs.ts'
import { estimate } from './estimate.ts'
import { exampleEstimate } from './examples.ts'
import type { EstimateView } from './schema.ts'

const schema = deferred(() => import('./schema.ts'))

/** The expected cost and duration of jobs before they are created. */
export const estimates = {
  name: 'estimates',
  description: 'What jobs are about to take, before any is made.',
  procedures: {
    estimateJobs: procedure
      .meta({
        rest: 'POST /v1/estimate',
        status: 200,
        scope: 'read',
        summary: 'Estimate what jobs will take',
        description:
          'Calls, cost and time of up to 1,000 jobs in one body of up to 5.5 MiB, and which of them could not be made. Makes nothing, calls no provider and fetches no image: what is wrong with an image that a URL names shows when its job runs. A user may ask 60 times a minute.',
        errors: ['batch.not_found', 'limit.estimates_per_minute'],
        limited: true,
        output: schema('Estimate'),
        example: {
          request: {
            jobs: [{ imageUrl: 'https://example.com/shoe.jpg' }, { imageUrl: 'https://10.0.0.7/shoe.jpg' }],
            defaults: { analysisPurpose: 'Sell it', outputs: [{ outputFormat: 'alt_text', variants: 4 }] },
          },
          reply: exampleEstimate,
        },
      })
      .input(validated(schema('EstimateJobs')))
      .mutation(async ({ ctx, input }): Promise<EstimateView> => {
        const { database, limits, inFlightPerUser } = ctx.services
        const { userId } = ctx.actor
        ctx.reply.limits = rateLimitHeaders(await consumeEstimate(database, userId))
        const { texts, problems } = await checkJobs(ctx, input.jobs, input)
        const typical = await readTypicalRun(database, userId)
        const circumstances = await database.run(async (on) => {
          const overrides = await readOverrides(on, userId)
          return {
            states: await readProviderStates(on),
            concurrency: await sumOfConcurrency(on),
            contenders: await countContenders(on, userId),
            quotas: (await readQuotas(on, userId, limits, overrides)).quotas,
            inFlightPerUser: overrides.jobsInFlight ?? inFlightPerUser,
            limits: withOverrides(limits, overrides),
          }
        })
        const amounts = estimate(texts, { ...circumstances, typical })
        return { ...amounts, rejected: rejectedOf(problems) }
      }),
  },
} satisfies Resource
