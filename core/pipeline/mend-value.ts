import type { AnswerSchema } from './answer-schema.ts'
import { clipText } from './clip-text.ts'
import { mendHex, mendShare } from './colours.ts'
import { mendHashtags } from './hashtags.ts'

/**
 * An answer brought into the form of its schema as far as that changes nothing of what it says: what is too long is cut at
 * a word, lists that are too long lose their ends, names of fields and words of a choice may be written a little otherwise,
 * a single item may stand for a list, and a number or a text for one another. Whatever the schema does not name is left
 * out. What is still wrong afterwards only the schema tells.
 *
 * @param language of texts, a BCP 47 tag: where to cut them
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

/** Only own properties that the schema names are read, and a new object is made of them. */
function mendObject(schema: AnswerSchema, value: unknown, language: string): unknown {
  if (!isObject(value)) return value
  const names = Object.keys(value)
  const parts = Object.entries(schema.properties ?? {}).map(([name, part]) => {
    const found = Object.hasOwn(value, name) ? name : names.find((other) => plainName(other) === plainName(name))
    return [name, found === undefined ? undefined : mendValue(part, value[found], language)] as const
  })
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined))
}

/** A name as far as it matters: `alt_text`, `Alt Text` and `altText` are one. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** How many items of a list are looked at: the rest is beyond any limit. */
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
    // An item that is nothing is left out; whether enough are left the schema says.
    .filter((item) => fits(items, item))
    .filter((item) => {
      const key = typeof item === 'string' ? item.toLowerCase() : JSON.stringify(item)
      return !seen.has(key) && seen.add(key)
    })
  return mended.slice(0, maxItems)
}

/** Whether an item has all that it must have. */
function fits(schema: AnswerSchema, item: unknown): boolean {
  if (item === undefined || item === null || item === '') return false
  if (schema.type !== 'object') return typeof item === schema.type
  const { properties = {}, required = [] } = schema
  return isObject(item) && required.every((name) => fits(properties[name] ?? {}, item[name]))
}

function mendNumber({ hint, minimum = -Infinity, maximum = Infinity }: AnswerSchema, value: unknown): unknown {
  // A share that is more than 1 is per cent, which only the whole palette tells.
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
  // Characters that no text has: control characters, and halves of others.
  const clean = text
    .toWellFormed()
    .replaceAll(/(?![\t\n\r])\p{Cc}|[\ufeff\ufffd]/gu, '')
    .trim()
  const line = hint?.mend === 'line' ? inOneLine(clean) : clean
  return maxLength === undefined ? line : clipText(line, maxLength, language)
}

/** Line by line: a pattern with the blanks around a break takes the square of their number. */
function inOneLine(text: string): string {
  const lines = text.split(/[\r\n\u2028\u2029]+/).map((line) => line.trim())
  return lines.filter((line) => line !== '').join(' ')
}

/** A text, also one that is a number, the lines of a list, or the only text of an object. */
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
