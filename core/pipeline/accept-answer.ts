import type * as z from 'zod'
import { answerSchema } from './answer-schema.ts'
import { mendPalette } from './colours.ts'
import { isObject, mendValue, plainName } from './mend-value.ts'
import { readObjects } from './read-json.ts'

/** A valid answer, or the issue with it in our own words, to be sent to the model. */
export type Accepted<Body> =
  | { readonly body: Body; readonly issue?: undefined }
  | { readonly body?: undefined; readonly issue: string }

/**
 * Extracts the usable answer from a model's text: the first object in it that fits the schema after repairs, whatever
 * surrounds it. No content is made up or changed: missing content is reported.
 *
 * @param text the raw text, of any length
 * @param language of its texts, a BCP 47 tag: decides where they may be cut
 */
export function acceptAnswer<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  language: string,
): Accepted<z.output<Schema>> {
  const shape = answerSchema(schema)
  const fields = Object.keys(shape.properties ?? {})
  let issue: string | undefined
  let tried = 0
  for (const object of readObjects(text)) {
    if (tried++ === mostObjects) break
    const value = mendValue(shape, unwrap(object as Record<string, unknown>, fields), language)
    const result = schema.safeParse(withOrder(value), { reportInput: true })
    if (result.success) return { body: result.data }
    issue ??= describeIssues(result.error)
  }
  return { issue: issue ?? (tried === 0 ? 'it is no JSON object, or not a whole one' : 'it does not fit') }
}

const mostObjects = 8

/**
 * The object itself, or the one within it that has more of the fields: `{"result": {…}}`, `{"AltText": {…}}`. The key around a
 * summary may be the name of one of its fields.
 */
function unwrap(object: Record<string, unknown>, fields: readonly string[], depth = 0): Record<string, unknown> {
  const wanted = new Set(fields.map(plainName))
  const matches = (one: object) => Object.keys(one).filter((name) => wanted.has(plainName(name))).length
  if (depth === deepestWrap) return object
  const within = Object.values(object)
    .filter(isObject)
    .slice(0, mostObjects)
    .map((inner) => unwrap(inner, fields, depth + 1))
  return within.reduce((best, inner) => (matches(inner) > matches(best) ? inner : best), object)
}

const deepestWrap = 3

/** A palette is normalised as a whole: whether shares are percentages only shows over all of them. */
function withOrder(value: unknown): unknown {
  if (!isObject(value) || !Array.isArray(value.palette)) return value
  return { ...value, palette: mendPalette(value.palette) }
}

const mostIssues = 6

/** Describes the misfits of an answer by names of our schema alone: the answer's own words are not repeated. */
function describeIssues({ issues }: z.ZodError): string {
  const told = issues.slice(0, mostIssues).map((issue) => {
    const place = issue.path
      .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('')
      .slice(1)
    return `${place || 'the object'} ${problemOf(issue)}`
  })
  const more = issues.length - told.length
  return [...told, ...(more > 0 ? [`${more} more of this kind`] : [])].join('; ')
}

function problemOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'array' ? `has fewer than ${issue.minimum} items that fit` : 'is empty or too small'
    case 'too_big':
      return `is more than ${issue.maximum}`
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be of the type ${issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'custom':
      return issue.message ?? 'does not fit'
    default:
      return 'does not have the form that was asked for'
  }
}
