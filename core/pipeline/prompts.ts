import * as z from 'zod'
import type { ModelRequest } from '../providers/model.ts'
import { BrandAnalysis } from './analysis.ts'
import { formats, type OutputFormat } from './formats.ts'

/** An image and what its description is for. */
export interface DescribeRequest {
  readonly image: { readonly bytes: Uint8Array; readonly type: string }
  readonly purpose: string
  /** A BCP 47 tag. */
  readonly language: string
}

/** What to write, and from what. */
export interface WriteRequest {
  readonly analysis: BrandAnalysis
  readonly purpose: string
  readonly format: OutputFormat
  /** A BCP 47 tag. */
  readonly language: string
}

/** At most so many tokens of answer. */
const maxOutputTokens = 8192

const analysisInstructions = `You are a brand analyst. Describe the image for the purpose given, as a brand team would need it.
Report only what is visible; where something cannot be told, say so. Colours are #rrggbb in lower case with their share of
the image area. Keep every sentence under 300 characters and every name under 100. Quote text exactly as it is written.`

/** What the first step asks: what the image shows. */
export function analysisRequest({ image, purpose, language }: DescribeRequest): ModelRequest {
  return {
    step: 'analysis',
    instructions: analysisInstructions,
    input: `<purpose>${quoted(purpose)}</purpose>\n<language>${language}</language>`,
    image,
    schema: schemaOf(BrandAnalysis),
    maxOutputTokens,
  }
}

/** What the second step asks: the text made from the analysis. */
export function contentRequest({ analysis, purpose, format, language }: WriteRequest): ModelRequest {
  const { prompt, schema } = formats[format]
  const jsonSchema = schemaOf(schema)
  return {
    step: 'content',
    instructions: [
      'You write for brand teams from the analysis of an image. Use only what the analysis says.',
      prompt,
      `The answer is JSON and looks like this: ${JSON.stringify(exampleOf(jsonSchema))}`,
    ].join('\n'),
    input: [
      `<format>${format}</format>`,
      `<language>${language}</language>`,
      `<purpose>${quoted(purpose)}</purpose>`,
      `<analysis>${JSON.stringify(analysis).replaceAll('<', '\\u003c')}</analysis>`,
      `Write the JSON object. Its texts are in the language ${language}; its keys stay as they are.`,
    ].join('\n'),
    schema: jsonSchema,
    maxOutputTokens,
  }
}

function schemaOf(schema: z.ZodType): z.core.JSONSchema.JSONSchema {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input' })
  return jsonSchema
}

/** The shape of an answer with a placeholder for each value: JSON mode wants an example in the prompt. */
function exampleOf(schema: z.core.JSONSchema.JSONSchema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.type === 'array') return [exampleOf(schema.items as z.core.JSONSchema.JSONSchema)]
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {})
    return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(field as z.core.JSONSchema.JSONSchema)]))
  }
  return schema.description ?? '…'
}

/** A text of the user's, so that it cannot end the tag that the prompt puts around it and pass for our own words. */
function quoted(text: string): string {
  return text.replaceAll('<', '&lt;')
}
