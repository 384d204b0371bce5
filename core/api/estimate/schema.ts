import * as z from 'zod'
import { BatchDefaults, RejectedJob } from '../batches/schema.ts'
import { batchId, count, ErrorCodes, milliseconds, Step } from '../fields.ts'
import { costUsd } from '../usage/schema.ts'

/** The most jobs of an estimate. */
export const maxEstimated = 1_000

export const EstimateJobs = z
  .strictObject({
    // Each is validated separately, so that all problems can be reported.
    jobs: z
      .array(z.record(z.string(), z.unknown()))
      .min(1)
      .max(maxEstimated)
      .meta({
        description: `Jobs as \`CreateJob\` has them, up to ${maxEstimated.toLocaleString('en')}; what \`defaults\` or the batch says may be left out.`,
      }),
    defaults: BatchDefaults.optional().meta({ description: 'What each job has where it says nothing itself.' }),
    batchId: batchId
      .optional()
      .meta({ description: 'The batch that they are for: its defaults hold. Instead of `defaults`.' }),
  })
  .refine(({ defaults, batchId: batch }) => defaults === undefined || batch === undefined, {
    path: ['defaults'],
    params: { code: 'field.conflict' },
    message: 'has the batch already: send one or the other',
  })
  .meta({ id: 'EstimateJobs' })

export const Estimate = z
  .object({
    jobs: count.meta({ description: 'How many of the jobs can be made.' }),
    texts: count.meta({ description: 'How many texts those are to have, with their variants.' }),
    calls: z
      .array(
        z
          .object({
            step: Step,
            provider: z
              .string()
              .nullable()
              .meta({ description: 'The provider of the model; null if that is not known.' }),
            model: z
              .string()
              .nullable()
              .meta({ description: 'The model that answered last; null where none has answered yet.' }),
            calls: count.meta({ description: 'How many calls there will be, if none goes wrong.' }),
            costUsd: costUsd.meta({
              description:
                'What they are about to cost together; null where the price is not known, or no call has been made yet.',
            }),
            milliseconds: milliseconds
              .nullable()
              .meta({ description: 'How long one of them takes; null where none has been made yet.' }),
          })
          .meta({ id: 'EstimatedCalls' }),
      )
      .meta({ description: 'The calls of each step.' }),
    costUsd: costUsd.meta({ description: 'What all calls are about to cost; null where that of some is not known.' }),
    seconds: count.nullable().meta({
      description:
        'How long it will be until the last has ended: with what the caller has waiting, as many jobs at once as the caller may have in flight and the workers that run now leave to each user, and the nights that the money of a day makes it wait for. Null while claiming or a provider is paused or down, or no job has ever completed.',
    }),
    basis: z.enum(['own', 'all']).nullable().meta({
      description:
        'The jobs whose medians these are: the caller’s own last 50 completed ones, or those of all users if the caller has fewer than five. Null if there are none.',
    }),
    waitingJobs: count.meta({ description: 'How many jobs of the caller wait already.' }),
    exceeds: z.array(ErrorCodes).meta({
      description:
        'The limits that the creation of all of them at once would pass; `limit.spend_per_day` only makes them wait.',
    }),
    rejected: z
      .array(RejectedJob)
      .meta({ description: 'Those that cannot be made, and why: fields, images, and brands.' }),
  })
  .meta({ id: 'Estimate' })

export type EstimateView = z.infer<typeof Estimate>
