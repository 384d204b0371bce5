import type * as z from 'zod'
import { type AnswerSchema, answerSchema } from '../answer-schema.ts'

/** One text of a content: prose, not a colour or a choice. */
export interface TextField {
  /** A JSON pointer (RFC 6901). */
  readonly pointer: string
  readonly text: string
  readonly schema: AnswerSchema
}

/** Every text of a content, in the order of its schema. */
export function textsIn(schema: z.ZodType, content: unknown): readonly TextField[] {
  return walk(answerSchema(schema), content, '')
}

function walk(schema: AnswerSchema, value: unknown, pointer: string): TextField[] {
  if (typeof value === 'string') {
    return schema.enum || schema.hint?.mend === 'hex' ? [] : [{ pointer, text: value, schema }]
  }
  const { items, properties = {} } = schema
  if (Array.isArray(value)) {
    return items ? value.flatMap((item, index) => walk(items, item, `${pointer}/${index}`)) : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(properties).flatMap(([name, part]) =>
    Object.hasOwn(value, name) ? walk(part, (value as Record<string, unknown>)[name], `${pointer}/${name}`) : [],
  )
}
