import * as z from 'zod'
import { statuses, steps } from '../../drizzle/schema.ts'
import { type ErrorCode, errorCodes } from '../domain/errors.ts'
import { outputFormats } from '../pipeline/formats.ts'
import { platformNames } from '../pipeline/platforms.ts'
import { maxTexts } from '../queue/rows/texts.ts'

// The fields that several resources share.

export const Status = z.enum(statuses).meta({
  id: 'Status',
  description:
    'scheduled: waits for its time · blocked: waits until fewer jobs of its owner are pending or processing · pending: waits for a worker · processing: a worker has it · completed: the analysis and all texts are there · failed: ended by an error, may be retried; what was made before stays readable · cancelled: by its owner',
})
export const Step = z
  .enum(steps)
  .meta({ id: 'Step', description: 'analysis: what is in the image · content: the texts made from it' })
export const OutputFormat = z
  .enum(outputFormats)
  .meta({ id: 'OutputFormat', description: 'What the second step writes.' })
export const Platform = z
  .enum(platformNames)
  .meta({ id: 'Platform', description: 'The network that a post is for: its limits and habits are kept.' })
export const ErrorCodes = z
  .enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]])
  .meta({ id: 'ErrorCode', description: 'Stable: docs/errors.md says what follows from each.' })

/** The code of an error, or the beginning of several. */
export const codeFilter = z
  .string()
  .regex(
    /^[a-z]+\.([a-z_]+)?$/,
    'must be an error code like analysis.timed_out, or the beginning of several: analysis.',
  )
  .max(64)
export const jobId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a job.', examples: [1] })
export const textId = z
  .int()
  .min(1)
  .max(maxTexts)
  .meta({ description: 'The number of a text within its job.', examples: [1] })
export const brandId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a brand.', examples: [7] })
export const batchId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a batch.', examples: [5] })
export const time = z.iso.datetime().meta({ description: 'ISO 8601, UTC.', examples: ['2026-11-23T12:00:00.000Z'] })
export const day = z.iso.date()
export const count = z.int().min(0)
export const milliseconds = z.int().min(0)
