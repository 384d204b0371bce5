import * as z from 'zod'
import { knownPattern } from '../../live/places.ts'
import { BrandAnalysis } from '../../pipeline/analysis.ts'
import { BatchState } from '../batches/schema.ts'
import { batchId, jobId, OutputFormat, textId, time } from '../fields.ts'
import { Content, output, Text } from '../jobs/outputs.ts'
import { JobSummary } from '../jobs/schema.ts'

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

const state = JobSummary.pick({
  jobId: true,
  version: true,
  status: true,
  step: true,
  progress: true,
  attempt: true,
  failures: true,
  nextTryAt: true,
  error: true,
})

const MissingText = z
  .object({ textId, outputFormat: OutputFormat, language: z.string(), error: JobSummary.shape.error })
  .meta({ id: 'MissingText' })

export const JobEvent = z
  .discriminatedUnion('type', [
    state.extend({ type: z.enum(['status', 'cancelled']) }).meta({ id: 'JobStateEvent' }),
    state
      .extend({ type: z.literal('failed'), missing: z.array(MissingText) })
      .meta({ id: 'JobFailedEvent', description: 'Which texts are missing and why; the others stay readable.' }),
    state.extend({ type: z.literal('completed'), content: Content.nullable() }).meta({ id: 'JobCompletedEvent' }),
    state
      .omit({ failures: true, nextTryAt: true, error: true })
      .extend({ type: z.literal('analysis'), analysis: output(BrandAnalysis) })
      .meta({ id: 'JobAnalysisEvent' }),
    state
      .pick({ jobId: true, version: true, progress: true })
      .extend({ type: z.literal('text'), text: Text })
      .meta({ id: 'JobTextEvent' }),
    state
      .pick({ jobId: true, version: true })
      .extend({ type: z.literal('deleted') })
      .meta({ id: 'JobDeletedEvent' }),
  ])
  .meta({ id: 'JobEvent', description: 'One event for each version of a job; the version is its id.' })

export const JobsEvent = z
  .discriminatedUnion('type', [
    JobSummary.pick({
      jobId: true,
      batchId: true,
      version: true,
      status: true,
      step: true,
      progress: true,
      texts: true,
      nextTryAt: true,
      error: true,
      updatedAt: true,
    })
      .extend({ type: z.literal('job') })
      .meta({ id: 'JobChangedEvent', description: 'A job as it is now.' }),
    JobSummary.pick({ jobId: true, batchId: true, version: true })
      .extend({ type: z.literal('deleted') })
      .meta({ id: 'JobGoneEvent' }),
    BatchState.extend({ type: z.literal('batch') }).meta({
      id: 'BatchEvent',
      description: 'The state of a batch, once one or more of its jobs have ended.',
    }),
    z.object({ type: z.literal('batch_deleted'), batchId }).meta({ id: 'BatchDeletedEvent' }),
  ])
  .meta({
    id: 'JobsEvent',
    description: 'The id of an event is a place in the order in which jobs change; several may have the same.',
  })

export const EventsTicket = z
  .object({
    eventsUrl: z.url().nullable().meta({
      description: 'Opens the stream, by the ticket in it and with nothing else. Null where nothing is streamed.',
    }),
    expiresAt: time.meta({ description: 'From then on it opens no stream.' }),
  })
  .meta({ id: 'EventsTicket' })

export type JobsEventView = z.infer<typeof JobsEvent>
export type EventsTicketView = z.infer<typeof EventsTicket>
export type JobEventView = z.infer<typeof JobEvent>
