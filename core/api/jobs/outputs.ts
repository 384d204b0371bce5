import * as z from 'zod'
import { type Content as ContentResult, formats, type OutputFormat, outputFormats } from '../../pipeline/formats.ts'
import { time } from '../fields.ts'

const made = {
  model: z.string().meta({ description: 'The model that made it.' }),
  prompt: z
    .string()
    .nullable()
    .meta({ description: 'The instructions that it was made by, with their version.', examples: ['summary@2'] }),
  createdAt: time,
}

/** What a step made, with the model and the prompt that it was made by. */
export const output = <Result extends z.ZodType>(result: Result) => z.object({ ...made, result })

const contentOf = (outputFormat: OutputFormat) => {
  const result = formats[outputFormat].schema
  return z
    .object({ outputFormat: z.literal(outputFormat), ...made, result })
    .meta({ id: `${result.meta()?.id}Content` })
}
const [first, ...others] = outputFormats

type Made = { readonly [Field in keyof typeof made]: z.infer<(typeof made)[Field]> }
type ContentView = {
  [Format in OutputFormat]: Made & { outputFormat: Format; result: ContentResult<Format> }
}[OutputFormat]

/** One schema for each output format there is. */
export const Content = z.discriminatedUnion('outputFormat', [contentOf(first), ...others.map(contentOf)]).meta({
  id: 'Content',
  description: 'What the second step wrote; `outputFormat` says which fields `result` has.',
}) as unknown as z.ZodType<ContentView>
