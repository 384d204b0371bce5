import * as z from 'zod'
import { perObject } from '../platform/per-object.ts'
import { type Hint, hints } from './fields.ts'

/** The part of JSON Schema that describes answers, with the hints for repairs. */
export interface AnswerSchema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  readonly description?: string
  readonly properties?: Readonly<Record<string, AnswerSchema>>
  readonly required?: readonly string[]
  readonly items?: AnswerSchema
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly hint?: Hint
}

/** The JSON Schema of an answer, with our hints; created when first needed. */
export const answerSchema = perObject((schema: z.ZodType): AnswerSchema => {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const hint = hints.get(zodSchema as unknown as z.ZodType)
      if (hint) Object.assign(jsonSchema, { hint })
    },
  }) as AnswerSchema & { $ref?: string; $defs?: Record<string, AnswerSchema> }
  // A schema with an id is put among the definitions, and the root only refers to it.
  const name = json.$ref?.split('/').at(-1)
  return (name === undefined ? undefined : json.$defs?.[name]) ?? json
})

/**
 * The schema for the model. Providers ignore most bounds of JSON Schema and refuse requests with many of them, so bounds
 * are put into words, with a target length below each limit. The same object for each request.
 */
export const requestSchema = perObject(
  (schema: z.ZodType): Readonly<Record<string, unknown>> => worded(answerSchema(schema)),
)

function worded(schema: AnswerSchema): Record<string, unknown> {
  const description = [schema.description, bounds(schema)].filter(Boolean).join('. ')
  return {
    type: schema.type ?? 'string',
    ...(description && { description }),
    ...(schema.enum && { enum: schema.enum }),
    ...(schema.properties && {
      properties: Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, worded(part)])),
      required: Object.keys(schema.properties),
      additionalProperties: false,
    }),
    ...(schema.items && { items: worded(schema.items) }),
  }
}

function bounds({ minLength, maxLength, items, minItems = 0, maxItems, hint, enum: values }: AnswerSchema): string {
  // The network decides the number of hashtags.
  if (values || hint?.mend === 'hashtag' || items?.hint?.mend === 'hashtag') return ''
  if (maxItems !== undefined) return minItems > 0 ? `${minItems} to ${maxItems} items` : `At most ${maxItems} items`
  if (maxLength === undefined) return ''
  if (hint?.mend === 'verbatim') return `At most ${maxLength} characters`
  const aim = hint?.aim ?? Math.floor((maxLength * 4) / 5)
  return `Aim for at most ${aim} characters${minLength ? '' : ' or none'}; the limit is ${maxLength}`
}
