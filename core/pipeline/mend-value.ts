import type { AnswerSchema } from './answer-schema.ts'
import { clipText } from './clip-text.ts'
import { mendHex, mendShare } from './colours.ts'
import { mendHashtags } from './hashtags.ts'

/**
 * Repairs an answer to fit its schema without changing its meaning: long texts are cut at a word, long lists shortened,
 * names of fields and choices matched loosely, single items wrapped in a list, and numbers and texts converted. Fields that
 * are not in the schema are dropped. Remaining misfits are found by validation.
 *
 * @param language of texts, a BCP 47 tag: decides where to cut them
 */
export function mendValue(schema: AnswerSchema, value: unknown, language: string): unknown {
  switch (schema.type) {
    case 'object':
      return mendObject(schema, value, language)
    case 'array':
      return mendArray(schema, value, language)
    case 'number':
    case 'integer':
      return mendNumber(schema, value)
    case 'string':
      return schema.enum ? mendChoice(schema.enum, value) : mendText(schema, value, language)
    default:
      return value
  }
}

/** Reads only own properties that the schema names, into a new object. */
function mendObject(schema: AnswerSchema, value: unknown, language: string): unknown {
  if (!isObject(value)) return value
  const names = Object.keys(value)
  const parts = Object.entries(schema.properties ?? {}).map(([name, part]) => {
    const found = Object.hasOwn(value, name) ? name : names.find((other) => plainName(other) === plainName(name))
    return [name, found === undefined ? undefined : mendValue(part, value[found], language)] as const
  })
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined))
}

/** The comparable form of a name: `alt_text`, `Alt Text` and `altText` are one. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** The most items of a list that are read: the rest is beyond any limit. */
const mostItems = 200

function mendArray(schema: AnswerSchema, value: unknown, language: string): unknown {
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  if (value === null && minItems === 0) return []
  const given = (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).slice(
    0,
    mostItems,
  )
  if (items.hint?.mend === 'hashtag') return mendHashtags(given).slice(0, maxItems)
  const seen = new Set<string>()
  const mended = given
    .map((item) => mendValue(items, item, language))
    // Empty items are dropped; validation checks whether enough are left.
    .filter((item) => fits(items, item))
    .filter((item) => {
      const key = typeof item === 'string' ? item.toLowerCase() : JSON.stringify(item)
      return !seen.has(key) && seen.add(key)
    })
  return mended.slice(0, maxItems)
}

/** Whether an item has all its required fields. */
function fits(schema: AnswerSchema, item: unknown): boolean {
  if (item === undefined || item === null || item === '') return false
  if (schema.type !== 'object') return typeof item === schema.type
  const { properties = {}, required = [] } = schema
  return isObject(item) && required.every((name) => fits(properties[name] ?? {}, item[name]))
}

function mendNumber({ hint, minimum = -Infinity, maximum = Infinity }: AnswerSchema, value: unknown): unknown {
  // A share of more than 1 is a percentage, which only shows over the whole palette.
  if (hint?.mend === 'share') return mendShare(value)
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value.trim().replace(',', '.')) : value
  return typeof number === 'number' && Number.isFinite(number) ? Math.min(maximum, Math.max(minimum, number)) : value
}

function mendChoice(choices: readonly string[], value: unknown): unknown {
  if (typeof value !== 'string' || choices.includes(value)) return value
  const said = value.toLowerCase()
  const named = choices.filter((choice) => said.includes(choice))
  return named.length === 1 ? named[0] : value
}

function mendText({ maxLength, hint }: AnswerSchema, value: unknown, language: string): unknown {
  const text = textIn(value)
  if (text === undefined) return value
  if (hint?.mend === 'hex') return mendHex(text) ?? undefined
  // Characters that no text contains: control characters and lone surrogates.
  const clean = text
    .toWellFormed()
    .replaceAll(/(?![\t\n\r])\p{Cc}|[\ufeff\ufffd]/gu, '')
    .trim()
  const line = hint?.mend === 'line' ? inOneLine(clean) : clean
  return maxLength === undefined ? line : clipText(line, maxLength, language)
}

/** Line by line: a pattern that includes the blanks around a break would be quadratic. */
function inOneLine(text: string): string {
  const lines = text.split(/[\r\n\u2028\u2029]+/).map((line) => line.trim())
  return lines.filter((line) => line !== '').join(' ')
}

/** A text, from a number, the lines of a list, or the only text of an object. */
function textIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) {
    return value.length > 0 && value.every((line) => typeof line === 'string') ? value.join('\n') : undefined
  }
  if (!isObject(value)) return undefined
  const [only, ...more] = Object.values(value)
  return more.length === 0 && typeof only === 'string' ? only : undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
