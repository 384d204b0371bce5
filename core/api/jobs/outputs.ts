import * as z from 'zod'
import { authors, textStatuses } from '../../../drizzle/schema.ts'
import { findingCodes, severities } from '../../pipeline/findings/finding.ts'
import { type Content as ContentResult, formats, type OutputFormat, outputFormats } from '../../pipeline/formats.ts'
import { brandId, count, ErrorCodes, Platform, textId, time } from '../fields.ts'

const made = {
  model: z.string().meta({ description: 'The model that made it.' }),
  prompt: z
    .string()
    .nullable()
    .meta({ description: 'The instructions that it was made by, with their version.', examples: ['summary@3'] }),
  createdAt: time,
}

/** The output of a step, with its model and its prompt. */
export const output = <Result extends z.ZodType>(result: Result) => z.object({ ...made, result })

const Finding = z
  .object({
    code: z.enum(findingCodes).meta({ description: 'Stable: docs/brands.md says what each is.' }),
    severity: z.enum(severities).meta({
      description: 'info: worth a look, and often right as it is · warning: look at it before the text is used',
    }),
    message: z.string().meta({ description: 'For people.' }),
    field: z
      .string()
      .nullable()
      .meta({
        description: 'Where in `result`, as a JSON pointer; null where it is about all of it or about the image.',
        examples: ['/caption'],
      }),
    about: z.string().meta({
      description: 'The word, the number, the name of the fact or the colour; of a length, how many there are.',
    }),
  })
  .meta({ id: 'Finding', description: 'A point in a text, found by code, to be reviewed before the text is used.' })
export const findings = z.array(Finding)

const contentOf = (outputFormat: OutputFormat) => {
  const result = formats[outputFormat].schema
  return z
    .object({ outputFormat: z.literal(outputFormat), ...made, result, findings })
    .meta({ id: `${result.meta()?.id}Content` })
}

const error = z
  .object({ code: ErrorCodes, message: z.string() })
  .nullable()
  .meta({ description: 'Why it is not there, or why the last call for it failed.' })

const textFields = {
  textId,
  language: z.string(),
  platform: Platform.nullable(),
  brandId: brandId.nullable(),
  brandVersion: count.nullable(),
  variant: count.meta({ description: '1, 2, … among those that are wanted alike.' }),
  status: z.enum([...textStatuses, 'cancelled']).meta({
    description:
      'waiting: is to be made, or made anew · completed: it is there · failed: for good, until the job is retried · cancelled: with its job',
  }),
  revision: count.meta({ description: 'The current one, which `result` is; 0 while there is none.' }),
  approved: z.boolean().meta({ description: 'Whether its owner has approved this revision.' }),
  error,
  model: made.model.nullable(),
  prompt: made.prompt,
  author: z.enum(authors).nullable().meta({ description: 'The author of the result.' }),
  createdAt: time.nullable().meta({ description: 'When this revision came.' }),
  findings,
}

const textOf = (outputFormat: OutputFormat) => {
  const result = formats[outputFormat].schema
  return z
    .object({ outputFormat: z.literal(outputFormat), ...textFields, result: result.nullable() })
    .meta({ id: `${result.meta()?.id}Text` })
}
const [first, ...others] = outputFormats

type Made = { readonly [Field in keyof typeof made]: z.infer<(typeof made)[Field]> }
type ContentView = {
  [Format in OutputFormat]: Made & {
    outputFormat: Format
    result: ContentResult<Format>
    findings: z.infer<typeof findings>
  }
}[OutputFormat]

/** One schema for each output format there is. */
export const Content = z.discriminatedUnion('outputFormat', [contentOf(first), ...others.map(contentOf)]).meta({
  id: 'Content',
  description: 'What the second step wrote; `outputFormat` says which fields `result` has.',
}) as unknown as z.ZodType<ContentView>

type TextFields = { readonly [Field in keyof typeof textFields]: z.infer<(typeof textFields)[Field]> }
export type TextView = {
  [Format in OutputFormat]: TextFields & { outputFormat: Format; result: ContentResult<Format> | null }
}[OutputFormat]

/** One schema for each output format there is. */
export const Text = z.discriminatedUnion('outputFormat', [textOf(first), ...others.map(textOf)]).meta({
  id: 'Text',
  description: 'One of the texts that were asked for; `outputFormat` says which fields `result` has.',
}) as unknown as z.ZodType<TextView>
