import fc from 'fast-check'
import * as z from 'zod'

type Schema = z.core.JSONSchema.JSONSchema
type Json = unknown

/** What is wrong with a value: each has brought some program down. */
const hostileTexts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e\u0000\n',
  '🎉'.repeat(300),
  'x'.repeat(10_000),
  "'; -- ",
  '" OR 1=1 #',
  '%_\\%',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '=1+1',
  '2026-13-45T99:99:99Z',
  '-2026-01-01T00:00:00Z',
  '1e999',
  'null',
  'ÿ'.repeat(256),
  'https://[::1]/',
  'data:image/png;base64,AAAA',
  'data:,',
  'upload:uploads/x/y',
  'MTo5OTk5OTk5OTk5OTk5OTk5',
]
const hostile: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Json>(...hostileTexts) },
  fc.constantFrom<Json>(
    null,
    true,
    false,
    [],
    {},
    [[]],
    [null],
    0,
    -0,
    -1,
    0.5,
    1e21,
    2 ** 53,
    -(2 ** 63),
    1e308,
    65_536,
    2 ** 32,
  ),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Inputs that a schema would take, as far as its JSON Schema says. */
export function validInputs(schema: z.ZodType): fc.Arbitrary<Json> {
  // Within an object, since a schema with an id of its own would be a reference.
  const { properties, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), { io: 'input', unrepresentable: 'any' })
  return arbitraryOf(properties?.it as Schema, $defs as Record<string, Schema>, 0)
}

/** Inputs with some of their parts exchanged, left out or added, and others that are nothing of the kind. */
export function wrongInputs(schema: z.ZodType): fc.Arbitrary<Json> {
  const mutated = fc
    .tuple(validInputs(schema), fc.array(fc.tuple(fc.nat(), fc.nat(3), hostile), { minLength: 1, maxLength: 3 }))
    .map(([input, changes]) => changes.reduce((value, [where, how, what]) => mutate(value, where, how, what), input))
  return fc.oneof({ weight: 6, arbitrary: mutated }, { weight: 1, arbitrary: hostile })
}

function arbitraryOf(schema: Schema, defs: Record<string, Schema>, depth: number): fc.Arbitrary<Json> {
  const of = (inner: unknown) => arbitraryOf(inner as Schema, defs, depth + 1)
  if (schema.$ref) return of(defs[schema.$ref.split('/').at(-1) ?? ''])
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const either = schema.anyOf ?? schema.oneOf
  if (either) return fc.oneof(...either.map(of))
  const examples = Array.isArray(schema.examples) ? fc.constantFrom(...(schema.examples as Json[])) : undefined
  const plain = plainOf(schema, of, depth)
  return examples ? fc.oneof({ weight: 3, arbitrary: examples }, plain) : plain
}

function plainOf(schema: Schema, of: (inner: unknown) => fc.Arbitrary<Json>, depth: number): fc.Arbitrary<Json> {
  switch (schema.type) {
    case 'string':
      return textOf(schema)
    case 'integer':
    case 'number': {
      const min = Math.max(Number(schema.minimum ?? 0), -(2 ** 31))
      const max = Math.min(Number(schema.maximum ?? 2 ** 31), 2 ** 31)
      // Small ones name what is there.
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 4) }), fc.constantFrom(min, max))
    }
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array': {
      const minLength = schema.minItems ?? 0
      return fc.array(of(schema.items ?? {}), { minLength, maxLength: Math.max(minLength, depth > 2 ? 1 : 3) })
    }
    case 'object': {
      const properties = Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, of(inner)] as const)
      if (properties.length > 0) {
        return fc.record(Object.fromEntries(properties), { requiredKeys: schema.required ?? [] })
      }
      const extra = typeof schema.additionalProperties === 'object' ? of(schema.additionalProperties) : fc.constant('x')
      return fc.dictionary(fc.constantFrom('sku', 'price', 'Größe', 'imageUrl', 'analysisPurpose'), extra, {
        maxKeys: 3,
      })
    }
    default:
      return fc.oneof(fc.constant('https://images.example/a.jpg'), fc.jsonValue({ maxDepth: 1 }))
  }
}

function textOf({ pattern, format, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time') return fc.constantFrom('2026-11-01T00:00:00Z', '2026-11-02T12:30:00.123Z')
  if (format === 'date') return fc.constantFrom('2026-11-01', '2026-02-28')
  if (pattern !== undefined && !pattern.includes('\\p{')) return fc.stringMatching(new RegExp(pattern))
  const common = fc.constantFrom('https://images.example/a.jpg', 'en', 'de-CH', 'Sell it')
  return fc.oneof(common, fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) }))
}

/** Changes the part of a value that a number stands for, of all its parts. */
function mutate(value: Json, where: number, how: number, what: Json): Json {
  const places = placesIn(value)
  const place = places[where % places.length]
  if (place === undefined || places.length === 1) return what
  const copy = structuredClone(value)
  let parent = copy as Record<string, Json>
  for (const key of place.slice(0, -1)) parent = parent[key] as Record<string, Json>
  const key = place.at(-1) ?? ''
  if (how === 0 && !Array.isArray(parent)) delete parent[key]
  else if (how === 1 && Array.isArray(parent)) parent.push(what)
  else if (how === 1) Object.defineProperty(parent, String(what).slice(0, 300), { value: what, enumerable: true })
  else parent[key] = what
  return copy
}

function placesIn(value: Json, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...at, key]))]
}
