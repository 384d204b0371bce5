import * as z from 'zod'
import { BrandAnalysis } from '../../pipeline/analysis.ts'
import { BatchState } from '../batches/schema.ts'
import { batchId, OutputFormat, textId, time } from '../fields.ts'
import { Content, output, Text } from '../jobs/outputs.ts'
import { JobSummary } from '../jobs/schema.ts'

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
