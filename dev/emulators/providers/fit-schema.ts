/** The part of JSON Schema (2020-12, and Gemini's own upper-case dialect of it) that the emulators understand. */
export interface JsonSchema {
  /** May say in words how much is wanted: `at most 3 items`, `the limit is 160`. A model reads it, and so do we. */
  readonly description?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly definitions?: Readonly<Record<string, JsonSchema>>
  readonly type?: string | readonly string[]
  readonly nullable?: boolean
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
  readonly minItems?: number | string
  readonly maxItems?: number | string
  readonly uniqueItems?: boolean
  readonly minLength?: number | string
  readonly maxLength?: number | string
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
}

/**
 * A value that fits a schema and says as much of a draft as the schema leaves room for. Where the draft has nothing, or
 * nothing of the right type, a text of `fallback` stands; texts are cut at a word, lists shortened or filled up, numbers
 * moved into their range, and a text that must match a pattern is bent until it does. A pattern that nothing here
 * matches is left unmatched.
 *
 * @param schema the schema of the whole answer; its `$ref`s point into itself
 * @param draft what the answer would say, of any shape
 * @param fallback a text for a property of which the draft knows nothing
 */
export function fitSchema(schema: JsonSchema, draft: unknown, fallback: (property: string) => string): unknown {
  return new Fitting(schema, fallback).fit(schema, draft, { property: 'answer', depth: 0, index: 0 })
}

/** The bounds that a description tells. */
function boundsIn({ description = '' }: JsonSchema): JsonSchema {
  const items = /(?:(\d+) to |at most )(\d+) items/i.exec(description)
  const length = /(?:the limit is |at most )(\d+)(?: characters)?$/i.exec(description)
  return {
    ...(items && { minItems: Number(items[1] ?? 0), maxItems: Number(items[2]) }),
    ...(length && { maxLength: Number(length[1]) }),
  }
}

interface Spot {
  readonly property: string
  readonly depth: number
  /** The place in the list that is being filled. */
  readonly index: number
}

/** A recursive schema is followed this far; then optional properties and list items are left out. */
const deepest = 12

class Fitting {
  readonly #root: JsonSchema
  readonly #fallback: (property: string) => string

  constructor(root: JsonSchema, fallback: (property: string) => string) {
    this.#root = root
    this.#fallback = fallback
  }

  fit(reference: JsonSchema, draft: unknown, spot: Spot): unknown {
    const schema = this.#resolve(reference)
    if ('const' in schema) return schema.const
    if (schema.enum) return schema.enum.includes(draft) ? draft : schema.enum[spot.index % schema.enum.length]
    const variants = schema.anyOf ?? schema.oneOf
    if (variants?.length) return this.fit(this.#choose(variants, draft), draft, spot)
    switch (typeOf(schema, draft)) {
      case 'object':
        return this.#object(schema, draft, spot)
      case 'array':
        return this.#array(schema, draft, spot)
      case 'integer':
        return number(schema, draft, 1)
      case 'number':
        return number(schema, draft, schema.multipleOf)
      case 'boolean':
        return typeof draft === 'boolean' ? draft : true
      case 'null':
        return null
      default:
        return this.#string(schema, draft, spot)
    }
  }

  /** Follows `$ref` and folds `allOf` in. A reference that leads nowhere, or in a circle, allows anything. */
  #resolve(reference: JsonSchema, hops = 0): JsonSchema {
    if (hops > deepest) return {}
    if (reference.$ref !== undefined) {
      const { $ref, ...beside } = reference
      return this.#resolve({ ...this.#target($ref), ...beside }, hops + 1)
    }
    let schema = reference
    for (const part of schema.allOf ?? []) {
      const { properties = {}, required = [], ...rest } = this.#resolve(part, hops + 1)
      schema = { ...schema, ...rest }
      if (Object.keys(properties).length === 0) continue
      schema = {
        ...schema,
        properties: { ...schema.properties, ...properties },
        required: [...(schema.required ?? []), ...required],
      }
    }
    return { ...boundsIn(schema), ...schema }
  }

  #target(pointer: string): JsonSchema | undefined {
    let target: unknown = this.#root
    for (const step of pointer.split('/').slice(1)) {
      const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
      target = isObject(target) ? target[key] : undefined
    }
    return isObject(target) ? target : undefined
  }

  /** The variant of the draft's own type, or else the first that is not null. */
  #choose(variants: readonly JsonSchema[], draft: unknown): JsonSchema {
    const resolved = variants.map((variant) => this.#resolve(variant))
    const kind = Array.isArray(draft) ? 'array' : typeof draft
    return (
      resolved.find((variant) => draft !== undefined && typeOf(variant, draft) === kind) ??
      resolved.find((variant) => typeOf(variant, undefined) !== 'null') ??
      {}
    )
  }

  #object(schema: JsonSchema, draft: unknown, { depth }: Spot): Record<string, unknown> {
    const known = isObject(draft) ? draft : {}
    const answer: Record<string, unknown> = {}
    for (const [property, part] of Object.entries(schema.properties ?? {})) {
      if (depth >= deepest && !schema.required?.includes(property)) continue
      // Only so deep that a schema which requires itself still ends.
      if (depth >= 2 * deepest) continue
      const value = Object.hasOwn(known, property) ? known[property] : undefined
      answer[property] = this.fit(part, value, { property, depth: depth + 1, index: 0 })
    }
    return answer
  }

  #array(schema: JsonSchema, draft: unknown, { property, depth }: Spot): unknown[] {
    const known: unknown[] = Array.isArray(draft) ? draft : draft === undefined ? [] : [draft]
    const fixed = schema.prefixItems ?? []
    const least = Math.max(Number(schema.minItems ?? 0), fixed.length)
    // A list of which nothing is known gets one item, where it may have any.
    const wanted = Math.max(least, Array.isArray(draft) ? draft.length : depth >= deepest ? 0 : 1)
    const most = Math.min(wanted, Number(schema.maxItems ?? wanted))
    const answer: unknown[] = []
    const seen = new Set<string>()
    for (let index = 0; answer.length < most && index < most + known.length; index++) {
      const item = this.fit(fixed[answer.length] ?? schema.items ?? {}, known[index], {
        property,
        depth: depth + 1,
        index: answer.length,
      })
      const key = JSON.stringify(item)
      if (schema.uniqueItems && seen.has(key)) continue
      seen.add(key)
      answer.push(item)
    }
    return answer
  }

  #string(schema: JsonSchema, draft: unknown, { property, index }: Spot): string {
    const least = Number(schema.minLength ?? 0)
    const most = Number(schema.maxLength ?? Number.POSITIVE_INFINITY)
    const given = typeof draft === 'string' && draft.trim() !== '' ? draft.trim() : undefined
    const text = given ?? (index === 0 ? this.#fallback(property) : `${this.#fallback(property)} (${index + 1})`)
    const fits = matcher(schema.pattern)
    const shaped = schema.format === undefined ? undefined : formatted[schema.format]
    const candidates = shaped ? [text, shaped] : [text, ...bent(text, index)]
    const matched = shaped && !given ? shaped : candidates.find((candidate) => fits(clip(candidate, most)))
    return clip((matched ?? text).padEnd(least, '.'), most)
  }
}

/** Texts for the formats of JSON Schema that a model may be asked for. */
const formatted: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'emulated@example.com',
  uri: 'https://example.com/emulated',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/** The same text in the shapes that patterns commonly ask for. */
function bent(text: string, index: number): string[] {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? ['emulated']
  const camel = words
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
    .slice(0, 60)
  const slug = words.join('-').toLowerCase().slice(0, 60)
  const line = text.replaceAll(/\s+/g, ' ')
  return [
    ...(text.match(/#[0-9a-f]{6}\b/i) ?? []),
    line,
    `#${camel}`,
    slug,
    slug.replaceAll('-', '_'),
    camel,
    line.toUpperCase(),
    '#808080',
    'EUR',
    'en',
    String(index + 1),
    '2026-01-01',
    'a',
    'A',
  ]
}

function matcher(pattern: string | undefined): (text: string) => boolean {
  if (pattern === undefined) return () => true
  try {
    const expression = new RegExp(pattern, 'u')
    return (text) => expression.test(text)
  } catch {
    // Not a pattern that this engine reads: no text can be told to break it.
    return () => true
  }
}

/** @param most characters (UTF-16 units), as zod counts them */
function clip(text: string, most: number): string {
  if (text.length <= most) return text
  const cut = text.slice(0, Math.max(0, most - 1)).replace(/[\uD800-\uDBFF]$/, '')
  const atWord = cut.replace(/\s+\S*$/, '')
  return `${atWord.length > most / 2 ? atWord : cut.trimEnd()}…`.slice(0, most)
}

function number(schema: JsonSchema, draft: unknown, step: number | undefined): number {
  const unit = schema.multipleOf ?? step
  const nudge = unit ?? 0.01
  const low = Math.max(schema.minimum ?? -Infinity, (schema.exclusiveMinimum ?? -Infinity) + nudge)
  const high = Math.min(schema.maximum ?? Infinity, (schema.exclusiveMaximum ?? Infinity) - nudge)
  const wanted = typeof draft === 'number' && Number.isFinite(draft) ? draft : Number.isFinite(low) ? low : 0
  const inRange = Math.min(high, Math.max(low, wanted))
  if (unit === undefined) return inRange
  const stepped = Math.round(inRange / unit) * unit
  if (stepped > high) return Math.floor(high / unit) * unit
  return stepped < low ? Math.ceil(low / unit) * unit : stepped
}

/** The type to answer with, in lower case: Gemini's dialect says `STRING` where JSON Schema says `string`. */
function typeOf(schema: JsonSchema, draft: unknown): string {
  const types = (typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])).map((type) =>
    type.toLowerCase(),
  )
  const kind = Array.isArray(draft) ? 'array' : typeof draft
  const type = types.find((candidate) => candidate === kind) ?? types.find((candidate) => candidate !== 'null')
  if (type) return type
  if (types.length > 0) return 'null'
  if (schema.properties) return 'object'
  if (schema.items || schema.prefixItems) return 'array'
  return kind === 'object' || kind === 'array' || kind === 'boolean' || kind === 'number' ? kind : 'string'
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
