import { expect, test } from 'vitest'
import * as z from 'zod'
import { fitSchema, type JsonSchema } from '../../../../dev/emulators/providers/fit-schema.ts'

const fallback = (property: string) => `about ${property}`
const fitted = <Schema extends z.ZodType>(schema: Schema, draft: unknown) =>
  schema.parse(fitSchema(z.toJSONSchema(schema) as JsonSchema, draft, fallback))

test('a draft that fits is left as it is', () => {
  const schema = z.object({ title: z.string().max(20), tags: z.array(z.string()), count: z.int() })
  const draft = { title: 'A title', tags: ['a', 'b'], count: 3 }
  expect(fitted(schema, draft)).toEqual(draft)
})

test('what is too long is cut at a word, and what is missing says what it is', () => {
  const schema = z.object({ short: z.string().max(16), list: z.array(z.string()).min(3), other: z.string() })
  expect(fitted(schema, { short: 'one two three four five', list: ['only'] })).toEqual({
    short: 'one two three…',
    list: ['only', 'about list (2)', 'about list (3)'],
    other: 'about other',
  })
})

test('a text never ends in half an emoji', () => {
  expect(fitted(z.string().max(4), '😀😀😀😀')).toBe('😀…')
})

test('enums, constants, numbers, unions and references are kept to', () => {
  const schema = z
    .object({
      role: z.enum(['a', 'b']),
      version: z.literal(2),
      share: z.number().min(0).max(1),
      above: z.int().min(3),
      maybe: z.union([z.null(), z.string()]),
      ok: z.boolean(),
      some: z.array(z.string()).min(1),
    })
    .meta({ id: 'Everything' })
  const answer = fitted(z.object({ inner: schema }), { inner: { role: 'c', share: 7, above: 2, some: [] } })
  expect(answer.inner).toEqual({
    role: 'a',
    version: 2,
    share: 1,
    above: 3,
    maybe: 'about maybe',
    ok: true,
    some: ['about some'],
  })
})

test('bounds that a description tells in words are kept to', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      tags: { type: 'array', items: { type: 'string' }, description: 'What it is about. 2 to 3 items' },
      title: { type: 'string', description: 'Aim for at most 10 characters; the limit is 12' },
      seen: { type: 'string', description: 'As written. At most 8 characters' },
    },
  }
  const draft = { tags: ['a', 'b', 'c', 'd'], title: 'one two three four', seen: 'one two three' }
  expect(fitSchema(schema, draft, fallback)).toEqual({ tags: ['a', 'b', 'c'], title: 'one two…', seen: 'one two…' })
})

test("Gemini's upper-case dialect is understood", () => {
  const schema: JsonSchema = {
    type: 'OBJECT',
    properties: {
      names: { type: 'ARRAY', items: { type: 'STRING' }, minItems: '2' },
      size: { type: 'INTEGER', minimum: 4 },
      note: { type: 'STRING' },
    },
  }
  expect(fitSchema(schema, { names: ['x'] }, fallback)).toEqual({
    names: ['x', 'about names (2)'],
    size: 4,
    note: 'about note',
  })
})

test('a schema that contains itself, or refers to nothing, still ends', () => {
  const tree: JsonSchema = { $ref: '#/$defs/Tree', $defs: { Tree: {} } }
  const node: JsonSchema = {
    type: 'object',
    properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' }, minItems: 1 } },
    required: ['name', 'children'],
  }
  expect(fitSchema({ ...tree, $defs: { Tree: node } }, {}, fallback)).toHaveProperty('children[0].name')
  expect(fitSchema({ $ref: '#' }, 'x', fallback)).toBe('x')
  expect(fitSchema({ $ref: '#/nowhere' }, undefined, fallback)).toBe('about answer')
})
