import * as z from 'zod'
import { type CountedStatus, countedStatuses, outcomes } from '../../../drizzle/schema.ts'
import { count, day, ErrorCodes, milliseconds, Step, time } from '../fields.ts'

export const tokens = {
  inputTokens: count,
  cachedTokens: count.meta({ description: 'The part of the input that the provider had cached.' }),
  outputTokens: count.meta({ description: 'Thinking included.' }),
  thinkingTokens: count.meta({ description: 'The part of the output that was thinking.' }),
}
export const costUsd = z
  .number()
  .min(0)
  .nullable()
  .meta({ description: 'In US dollars, by the price of that day; null where no price is known.', examples: [0.001313] })
const taken = {
  calls: count.meta({ description: 'Calls of a provider that were answered.' }),
  possiblyBilled: count.meta({
    description: 'Calls that were cut off, so that they may have been paid for without an answer: not in the cost.',
  }),
  ...tokens,
  costUsd,
  unpricedCalls: count.meta({ description: 'Calls whose price is not known, which the cost leaves out.' }),
  waitingMs: milliseconds.meta({ description: 'How long jobs were pending before their runs.' }),
  imageMs: milliseconds.meta({ description: 'How long bringing the images took.' }),
  analysisMs: milliseconds.meta({ description: 'How long the calls for the analysis took.' }),
  contentMs: milliseconds.meta({ description: 'How long the calls for the content took.' }),
}
export const Usage = z.object(taken).meta({ id: 'Usage', description: 'What was used.' })

export const UsageQuery = z
  .strictObject({
    from: day.optional().meta({ description: 'The first day, UTC; 29 days before the last if not given.' }),
    to: day.optional().meta({ description: 'The last day, at most 366 with the first; today if not given.' }),
  })
  .prefault({})

export const UserUsage = z
  .object({
    from: day,
    to: day,
    usage: z.array(
      z
        .object({
          day: day.meta({ description: 'The day on which the run or job ended or the job was created, UTC.' }),
          status: z.enum([...new Set([...countedStatuses, ...outcomes])]).meta({
            description: 'How the run ended. Without a model also: how the job ended, or that it was created.',
          }),
          model: z.string().nullable().meta({
            description: 'The model of the calls. The row without one counts the jobs, the runs and what was cut off.',
          }),
          jobs: count,
          runs: count,
          ...taken,
        })
        .meta({ id: 'UsageRow' }),
    ),
    failures: z
      .array(
        z
          .object({
            day: day.meta({ description: 'The day on which the jobs failed, UTC.' }),
            code: z.string().meta({ description: 'The error that they failed with.' }),
            step: Step.meta({ description: 'The step that they had come to.' }),
            jobs: count,
          })
          .meta({ id: 'FailedJobs' }),
      )
      .meta({ description: 'What jobs failed of; a job that was retried by hand may fail once more.' }),
    limits: z
      .array(
        z
          .object({
            code: ErrorCodes.meta({ description: 'The code of the refusal once nothing is left.' }),
            unit: z.enum(['jobs', 'dollars']),
            limit: z.number().meta({ description: 'The caller’s own, or the setting.' }),
            left: z.number(),
            resetsAt: time.nullable().meta({
              description: 'When all of it is left again: midnight, UTC; null where that depends on the jobs.',
            }),
          })
          .meta({ id: 'LimitLeft' }),
      )
      .meta({ description: 'The caller’s limits now, whatever the days asked for.' }),
    totals: z.object({
      jobs: z
        .object(
          Object.fromEntries(countedStatuses.map((status) => [status, count])) as Record<CountedStatus, typeof count>,
        )
        .meta({ description: 'A job that was retried by hand ends once more.' }),
      runs: count,
      ...taken,
    }),
  })
  .meta({ id: 'UserUsage' })

export type UsageView = z.infer<typeof Usage>
export type UserUsageView = z.infer<typeof UserUsage>
