import { expect, test } from 'vitest'
import { AnalysisAnswer } from '../../../../core/pipeline/analysis.ts'
import { requestSchema } from '../../../../core/pipeline/answer-schema.ts'
import { formats } from '../../../../core/pipeline/formats.ts'
import { fitSchema, type JsonSchema } from '../../../../dev/emulators/providers/fit-schema.ts'

const fallback = (property: string) => `about ${property}`
const object = (properties: JsonSchema['properties']): JsonSchema => ({ type: 'object', properties: properties ?? {} })
const text: JsonSchema = { type: 'string' }
const texts: JsonSchema = { type: 'array', items: text }

const asked = Object.entries({
  AnalysisAnswer,
  ...Object.fromEntries(Object.entries(formats).map(([name, { schema }]) => [name, schema])),
})

test.each(asked)('the request schema of %s has no keyword or type that is not filled', (_, schema) => {
  const walk = ({ type, description: _, enum: values, properties = {}, items, ...rest }: Record<string, unknown>) => {
    expect(['object', 'array', 'string', 'number', 'integer', 'boolean']).toContain(type)
    expect(values === undefined || Array.isArray(values)).toBe(true)
    // Every property is filled, and no other.
    const { required: __, additionalProperties: ___, ...unknown } = rest
    expect(unknown).toEqual({})
    for (const part of Object.values(properties as object)) walk(part)
    if (items) walk(items as Record<string, unknown>)
  }
  walk(requestSchema(schema) as Record<string, unknown>)
})

test.each(asked)('an empty draft and one that is too long still fit %s', (_, schema) => {
  const shape = requestSchema(schema) as JsonSchema
  const overlong = ({ type, items, properties = {} }: JsonSchema): unknown => {
    if (type === 'object')
      return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, overlong(of)]))
    if (type === 'array') return Array.from({ length: 20 }, () => overlong(items ?? {}))
    return type === 'string' ? 'word '.repeat(2_000) : 0
  }
  const lengths = (value: unknown): readonly string[] => {
    const issues = schema.safeParse(value).error?.issues ?? []
    return issues.flatMap(({ code, path }) => (code === 'too_big' || code === 'invalid_type' ? [path.join('.')] : []))
  }
  // The prompt states the number and form of hashtags, which depend on the network, and the schema does not.
  const unstated = (path: string) => path.startsWith('hashtags')
  expect(lengths(fitSchema(shape, {}, fallback))).toEqual([])
  expect(lengths(fitSchema(shape, overlong(shape), fallback)).filter((path) => !unstated(path))).toEqual([])
})

test('a draft that fits is left as it is', () => {
  const schema = object({ title: text, tags: texts, count: { type: 'integer' }, ok: { type: 'boolean' } })
  const draft = { title: 'A title', tags: ['a', 'b'], count: 3, ok: false }
  expect(fitSchema(schema, draft, fallback)).toEqual(draft)
})

test('a text never ends in half an emoji', () => {
  expect(fitSchema({ type: 'string', description: 'At most 4 characters' }, '😀😀😀😀', fallback)).toBe('😀…')
})

test('a value outside the enum, or of the wrong type, is replaced', () => {
  const schema = object({
    role: { type: 'string', enum: ['a', 'b'] },
    share: { type: 'number' },
    some: texts,
    ok: { type: 'boolean' },
  })
  expect(fitSchema(schema, { role: 'c', share: 'much', some: 7 }, fallback)).toEqual({
    role: 'a',
    share: 0,
    some: ['about some'],
    ok: true,
  })
})

test('bounds that a description states in words are kept to', () => {
  const schema = object({
    tags: { ...texts, description: 'What it is about. 2 to 3 items' },
    few: { ...texts, description: '3 to 4 items' },
    title: { ...text, description: 'Aim for at most 10 characters; the limit is 12' },
    seen: { ...text, description: 'As written. At most 8 characters' },
  })
  const draft = { tags: ['a', 'b', 'c', 'd'], few: ['only'], title: 'one two three four', seen: 'one two three' }
  expect(fitSchema(schema, draft, fallback)).toEqual({
    tags: ['a', 'b', 'c'],
    few: ['only', 'about few (2)', 'about few (3)'],
    title: 'one two…',
    seen: 'one two…',
  })
})
