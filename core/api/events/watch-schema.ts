import * as z from 'zod'
import { knownPattern } from '../../live/event-id.ts'
import { batchId, jobId } from '../fields.ts'

const resumes =
  'The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there.'

export const WatchJob = z.strictObject({
  jobId,
  lastEventId: z
    .string()
    .regex(/^\d{1,10}$/, 'must be the id of an event')
    .optional()
    .meta({ description: resumes }),
})

export const WatchJobs = z
  .strictObject({
    batchId: batchId.optional().meta({ description: 'Only the jobs of this batch.' }),
    since: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({
        description:
          'Without a last event id, the stream begins with the jobs that have changed since then. If left out, since a minute ago; for a batch, with all its jobs.',
        examples: ['2026-11-23T12:00:00.000Z'],
      }),
    lastEventId: z
      .string()
      .regex(knownPattern, 'must be the id of an event')
      .optional()
      .meta({ description: `${resumes} Recent changes may be sent again: its \`version\` is the same.` }),
  })
  .prefault({})

export const CreateEventsTicket = z
  .strictObject({ batchId: batchId.optional().meta({ description: 'Only for the jobs of this batch.' }) })
  .prefault({})
  .meta({ id: 'CreateEventsTicket' })
