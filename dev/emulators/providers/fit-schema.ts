/**
 * The part of JSON Schema that the product asks for answers in: see `requestSchema`, which states bounds in descriptions
 * (`at most 3 items`, `the limit is 160`). A test holds that its schemas have no other keyword.
 */
export interface JsonSchema {
  readonly description?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

/**
 * A value that fits a schema and contains as much of a draft as the schema leaves room for. Where the draft has nothing, or
 * nothing of the right type, a text of `fallback` stands; texts are cut at a word, lists shortened or filled up. Patterns and
 * formats are left to the draft.
 *
 * @param draft what the answer would say, of any shape
 * @param fallback a text for a property that the draft lacks
 */
export function fitSchema(schema: JsonSchema, draft: unknown, fallback: (property: string) => string): unknown {
  const fill = (schema: JsonSchema, draft: unknown, property: string, index = 0): unknown => {
    const { least, most } = boundsIn(schema.description)
    if (schema.enum) return schema.enum.includes(draft) ? draft : schema.enum[0]
    switch (schema.type) {
      case 'object': {
        const known = isObject(draft) ? draft : {}
        const parts = Object.entries(schema.properties ?? {})
        return Object.fromEntries(
          parts.map(([name, part]) => [name, fill(part, Object.hasOwn(known, name) ? known[name] : undefined, name)]),
        )
      }
      case 'array': {
        const known: unknown[] = Array.isArray(draft) ? draft : [draft]
        const length = Math.min(Math.max(least, known.length), most)
        return Array.from({ length }, (_, at) => fill(schema.items ?? {}, known[at], property, at))
      }
      case 'integer':
      case 'number':
        return Number(draft) || 0
      case 'boolean':
        return draft !== false
      default: {
        const said = typeof draft === 'string' ? draft.trim() : ''
        return clip(said || `${fallback(property)}${index === 0 ? '' : ` (${index + 1})`}`, most)
      }
    }
  }
  return fill(schema, draft, 'answer')
}

/** The bounds that a description states for the items of a list or the characters of a text. */
function boundsIn(description = ''): { least: number; most: number } {
  const items = /(?:(\d+) to |at most )(\d+) items/i.exec(description)
  const length = /(?:the limit is |at most )(\d+)(?: characters)?$/i.exec(description)
  return { least: Number(items?.[1] ?? 0), most: Number(items?.[2] ?? length?.[1] ?? Number.POSITIVE_INFINITY) }
}

/** @param most characters (UTF-16 units), as zod counts them */
function clip(text: string, most: number): string {
  if (text.length <= most) return text
  const cut = text.slice(0, Math.max(0, most - 1)).replace(/[\uD800-\uDBFF]$/, '')
  const atWord = cut.replace(/\s+\S*$/, '')
  return `${atWord.length > most / 2 ? atWord : cut.trimEnd()}…`.slice(0, most)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
