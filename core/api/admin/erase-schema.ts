import * as z from 'zod'
import { count } from '../fields.ts'
import { userId } from './limits-schema.ts'
import { dryRun } from './schema.ts'

export const Erase = z.strictObject({ user: userId, dryRun }).meta({ id: 'Erase' })

export const EraseResult = z
  .object({
    dryRun: z.boolean(),
    pseudonym: z
      .string()
      .nullable()
      .meta({ description: 'Stands for the user in the usage and the audit log, and is random; null in a dry run.' }),
    rows: z.record(z.string(), count).meta({
      description: 'The rows of the user before the call, by table; 1000 stands for that many or more.',
    }),
    objects: count.meta({ description: 'Objects of the bucket that were deleted beside the images of jobs.' }),
    runs: count.meta({
      description: 'Runs that were cut off, and whose workers may report for 5 minutes what they took.',
    }),
    more: z.boolean().meta({ description: 'Something is left: call again, where `runs` is not 0 after 5 minutes.' }),
  })
  .meta({ id: 'EraseResult' })

export type EraseView = z.infer<typeof EraseResult>
