/** The part of JSON Schema, and of Gemini's own upper-case dialect of it, in which answers are asked for. */
export interface JsonSchema {
  /** May say in words how much is wanted: `at most 3 items`, `the limit is 160`. A model reads it, and so do we. */
  readonly description?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number | string
  readonly maxItems?: number | string
  readonly minLength?: number | string
  readonly maxLength?: number | string
  readonly minimum?: number
  readonly maximum?: number
}

/** A schema that contains itself is followed this far. */
const deepest = 12

/**
 * A value that fits a schema and says as much of a draft as the schema leaves room for. Where the draft has nothing, or
 * nothing of the right type, a text of `fallback` stands; texts are cut at a word, lists shortened or filled up, numbers
 * moved into their range. Patterns and formats are left to the draft.
 *
 * @param root the schema of the whole answer; its `$ref`s point into itself
 * @param draft what the answer would say, of any shape
 * @param fallback a text for a property of which the draft knows nothing
 */
export function fitSchema(root: JsonSchema, draft: unknown, fallback: (property: string) => string): unknown {
  const fill = (given: JsonSchema, draft: unknown, property: string, depth: number, index = 0): unknown => {
    const schema = resolve(root, given)
    if ('const' in schema) return schema.const
    if (schema.enum) return schema.enum.includes(draft) ? draft : schema.enum[0]
    if (schema.anyOf) {
      const variants = schema.anyOf.map((variant) => resolve(root, variant))
      const variant =
        variants.find((one) => typeOf(one) === kindOf(draft)) ?? variants.find((one) => typeOf(one) !== 'null')
      return fill(variant ?? {}, draft, property, depth)
    }
    switch (typeOf(schema) ?? kindOf(draft)) {
      case 'object': {
        const known = isObject(draft) ? draft : {}
        const parts = depth > deepest ? [] : Object.entries(schema.properties ?? {})
        return Object.fromEntries(
          parts.map(([name, part]) => [
            name,
            fill(part, Object.hasOwn(known, name) ? known[name] : undefined, name, depth + 1),
          ]),
        )
      }
      case 'array': {
        const known: unknown[] = Array.isArray(draft) ? draft : [draft]
        const wanted = Math.max(Number(schema.minItems ?? 0), known.length)
        const length = depth > deepest ? 0 : Math.min(wanted, Number(schema.maxItems ?? wanted))
        return Array.from({ length }, (_, at) => fill(schema.items ?? {}, known[at], property, depth + 1, at))
      }
      case 'integer':
      case 'number':
        return Math.min(schema.maximum ?? Infinity, Math.max(schema.minimum ?? -Infinity, Number(draft) || 0))
      case 'boolean':
        return draft !== false
      case 'null':
        return null
      default: {
        const said = typeof draft === 'string' ? draft.trim() : ''
        const text = said || `${fallback(property)}${index === 0 ? '' : ` (${index + 1})`}`
        return clip(text.padEnd(Number(schema.minLength ?? 0), '.'), Number(schema.maxLength ?? Infinity))
      }
    }
  }
  return fill(root, draft, 'answer', 0)
}

/** Follows `$ref`, and reads what the description says of bounds. What leads nowhere, or in a circle, allows anything. */
function resolve(root: JsonSchema, given: JsonSchema): JsonSchema {
  let schema: JsonSchema = given
  for (let hops = 0; schema.$ref !== undefined && hops < deepest; hops++) {
    let target: unknown = root
    for (const step of schema.$ref.split('/').slice(1)) target = isObject(target) ? target[step] : undefined
    schema = isObject(target) ? target : {}
  }
  const { description = '' } = schema
  const items = /(?:(\d+) to |at most )(\d+) items/i.exec(description)
  const length = /(?:the limit is |at most )(\d+)(?: characters)?$/i.exec(description)
  return {
    ...(items && { minItems: Number(items[1] ?? 0), maxItems: Number(items[2]) }),
    ...(length && { maxLength: Number(length[1]) }),
    ...schema,
  }
}

/** In lower case: Gemini's dialect says `STRING` where JSON Schema says `string`. */
function typeOf({ type, properties, items }: JsonSchema): string | undefined {
  const named = [type ?? []].flat().map((one) => one.toLowerCase())
  return named.find((one) => one !== 'null') ?? named[0] ?? (properties ? 'object' : items ? 'array' : undefined)
}

const kindOf = (draft: unknown) => (Array.isArray(draft) ? 'array' : draft === null ? 'null' : typeof draft)

/** @param most characters (UTF-16 units), as zod counts them */
function clip(text: string, most: number): string {
  if (text.length <= most) return text
  const cut = text.slice(0, Math.max(0, most - 1)).replace(/[\uD800-\uDBFF]$/, '')
  const atWord = cut.replace(/\s+\S*$/, '')
  return `${atWord.length > most / 2 ? atWord : cut.trimEnd()}…`.slice(0, most)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
