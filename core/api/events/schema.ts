import * as z from 'zod'
import { BrandAnalysis } from '../../pipeline/analysis.ts'
import { jobId, OutputFormat, textId } from '../fields.ts'
import { Content, output, Text } from '../jobs/outputs.ts'
import { JobSummary } from '../jobs/schema.ts'

export const WatchJob = z.strictObject({
  jobId,
  lastEventId: z
    .string()
    .regex(/^\d{1,10}$/, 'must be the id of an event')
    .optional()
    .meta({
      description:
        'The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there.',
    }),
})

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

export type JobEventView = z.infer<typeof JobEvent>
