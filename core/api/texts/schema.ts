import * as z from 'zod'
import { authors } from '../../../drizzle/schema.ts'
import { maxTexts } from '../../queue/rows/texts.ts'
import { count, jobId, OutputFormat, textId, time } from '../fields.ts'
import { findings, Text } from '../jobs/outputs.ts'
import { WantedText } from '../jobs/schema.ts'

const instruction = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .meta({ description: 'What is to be different. It shapes the text, and never what is true.', examples: ['Shorter.'] })

export const AddTexts = z
  .strictObject({
    jobId,
    outputs: z
      .array(WantedText)
      .min(1)
      .max(maxTexts)
      .meta({ description: `The texts to write: a job has at most ${maxTexts} with those that it has.` }),
  })
  .meta({ id: 'AddTexts' })

export const OneText = z.strictObject({ jobId, textId })

export const RegenerateText = z.strictObject({ jobId, textId, instruction: instruction.optional() })

const maxContentBytes = 32_768

export const EditText = z
  .strictObject({
    jobId,
    textId,
    content: z
      .record(z.string(), z.unknown())
      .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maxContentBytes, {
        params: { code: 'field.too_large' },
        message: `may have at most ${maxContentBytes} bytes of JSON`,
      })
      .optional()
      .meta({ description: 'The whole text, with the fields of its format: it becomes the next revision.' }),
    approved: z.boolean().optional().meta({ description: 'Whether this revision is good to be used.' }),
    revision: z.int().min(0).optional().meta({
      description: 'The revision that the caller has read, for callers without headers: instead of `If-Match`.',
    }),
  })
  .refine(({ content, approved }) => content !== undefined || approved !== undefined, {
    path: ['content'],
    params: { code: 'field.missing' },
    message: 'is missing, and so is approved: send one of them at least',
  })
  .meta({ id: 'EditText' })

export const OneTextReply = z
  .object({ jobId, text: Text })
  .meta({ id: 'OneText', description: 'A text of a job, as it is now.' })

export const Revisions = z
  .object({
    jobId,
    textId,
    outputFormat: OutputFormat,
    revisions: z.array(
      z
        .object({
          revision: count,
          author: z.enum(authors).meta({ description: 'Its author.' }),
          requestedBy: z
            .string()
            .nullable()
            .meta({ description: 'The user who wrote it, or requested it; null for the first revision.' }),
          instruction: z.string().nullable().meta({ description: 'What was asked for with it.' }),
          approved: z.boolean(),
          model: z.string().nullable(),
          prompt: z.string().nullable(),
          createdAt: time,
          result: z.record(z.string(), z.unknown()).meta({ description: 'As in the text, by its format.' }),
          findings,
        })
        .meta({ id: 'Revision' }),
    ),
  })
  .meta({ id: 'Revisions', description: 'Every revision of a text, newest first.' })

export type OneTextView = z.infer<typeof OneTextReply>
export type RevisionsView = z.infer<typeof Revisions>
