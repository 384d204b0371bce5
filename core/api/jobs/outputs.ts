import * as z from 'zod'
import { findingCodes, severities } from '../../pipeline/findings/finding.ts'
import { type Content as ContentResult, formats, type OutputFormat, outputFormats } from '../../pipeline/formats.ts'
import { time } from '../fields.ts'

const made = {
  model: z.string().meta({ description: 'The model that made it.' }),
  prompt: z
    .string()
    .nullable()
    .meta({ description: 'The instructions that it was made by, with their version.', examples: ['summary@3'] }),
  createdAt: time,
}

/** What a step made, with the model and the prompt that it was made by. */
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
  .meta({ id: 'Finding', description: 'What code found in a text, for somebody to look at before it is used.' })
const findings = z.array(Finding)

const contentOf = (outputFormat: OutputFormat) => {
  const result = formats[outputFormat].schema
  return z
    .object({ outputFormat: z.literal(outputFormat), ...made, result, findings })
    .meta({ id: `${result.meta()?.id}Content` })
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
