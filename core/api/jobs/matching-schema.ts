import * as z from 'zod'
import { pageFields } from '../../http/page-fields.ts'
import { mostChanged, mostCounted } from '../../queue/change/change-own.ts'
import { count, ErrorCodes, jobId } from '../fields.ts'
import { checkFilter, filterFields } from './schema.ts'

export const JobFilter = z
  .strictObject(filterFields)
  .superRefine(checkFilter)
  .refine((filter) => Object.values(filter).some((value) => value !== undefined), {
    params: { code: 'field.missing' },
    error: 'must name something: without it every job would be changed. For all of them, name createdTo',
  })
  .meta({ id: 'JobFilter', description: 'Which jobs of the caller, as in the history: all that is named must fit.' })

export const ChangeMatching = z
  .strictObject({
    filter: JobFilter,
    dryRun: z
      .boolean()
      .default(true)
      .meta({
        description: `Counts up to ${mostCounted.toLocaleString('en')} jobs and changes nothing, unless this is false.`,
      }),
    limit: z
      .int()
      .min(1)
      .max(mostChanged)
      .default(mostChanged)
      .meta({ description: 'The most jobs that the call looks at, whatever becomes of them; not of a dry run.' }),
    cursor: pageFields.cursor.meta({
      description: 'The `nextCursor` of the call before: it goes on there, with the same filter.',
    }),
  })
  .meta({ id: 'ChangeMatching' })

export const MatchingChange = z
  .object({
    dryRun: z.boolean(),
    jobs: count.meta({ description: 'How many jobs this call has changed, or would change.' }),
    unchanged: count.meta({
      description: 'How many were already as they should be: cancelled, or not ended in a retry.',
    }),
    refused: z
      .array(
        z
          .object({
            code: ErrorCodes,
            jobs: count,
            sample: z.array(jobId).meta({ description: 'The ids of some of them, up to 20.' }),
          })
          .meta({ id: 'RefusedJobs' }),
      )
      .meta({ description: 'Those that could not be changed, by the error that each call for one of them would get.' }),
    more: z.boolean().meta({
      description: 'There may be more: call again with `nextCursor`. After a dry run: the count is the least.',
    }),
    nextCursor: z.string().nullable().meta({ description: 'Where the next call goes on; null if there are no more.' }),
  })
  .meta({ id: 'MatchingChange' })

export type MatchingChangeView = z.infer<typeof MatchingChange>
export type ChangeMatchingInput = z.output<typeof ChangeMatching>
