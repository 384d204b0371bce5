import { perObject } from '../platform/per-object.ts'
import { isRecord } from './refusals.ts'

/** The keywords of Gemini's structured output: https://ai.google.dev/gemini-api/docs/structured-output */
const understood = new Set([
  'type',
  'title',
  'description',
  'properties',
  'required',
  'additionalProperties',
  'propertyOrdering',
  'enum',
  'items',
  'prefixItems',
  'anyOf',
  'format',
  'minimum',
  'maximum',
])

/**
 * Converts a JSON Schema for Gemini. It ignores `minLength`, `maxLength` and `pattern`; array lengths, number bounds and
 * the like multiply the states of its decoder until it refuses the schema with a bare 400, so `minItems` and `maxItems` are
 * dropped too, and bounds are put into words. References are resolved in place; `$schema`, `$id` and `id` are dropped. The
 * bounds are checked on the answer.
 *
 * @throws RangeError a schema refers to itself, or to a missing definition
 */
export const schemaForGemini = perObject(convertedFrom)

function convertedFrom(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const convert = (given: Readonly<Record<string, unknown>>, within: readonly string[]): Record<string, unknown> => {
    if (typeof given.$ref === 'string') {
      const reference = given.$ref
      if (within.includes(reference)) throw new RangeError(`The schema refers to itself: ${reference}`)
      const { $ref: _, ...beside } = given
      return convert({ ...resolve(schema, reference), ...beside }, [...within, reference])
    }
    const kept: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(given)) {
      const name = key === 'oneOf' ? 'anyOf' : key
      if (key === 'const') kept.enum = [value]
      if (!understood.has(name)) continue
      // Field names are not keywords.
      if (name === 'properties' && isRecord(value)) {
        kept.properties = Object.fromEntries(
          Object.entries(value).map(([field, of]) => [field, isRecord(of) ? convert(of, within) : of]),
        )
      } else if (Array.isArray(value)) {
        kept[name] = value.map((one) => (isRecord(one) ? convert(one, within) : one))
      } else {
        kept[name] = isRecord(value) ? convert(value, within) : value
      }
    }
    return kept
  }
  return convert(schema, [])
}

function resolve(root: Readonly<Record<string, unknown>>, reference: string): Record<string, unknown> {
  let found: unknown = reference.startsWith('#') ? root : undefined
  for (const step of reference.replace(/^#\/?/, '').split('/')) {
    if (step === '') continue
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    found = isRecord(found) && Object.hasOwn(found, key) ? found[key] : undefined
  }
  if (!isRecord(found)) throw new RangeError(`The schema refers to what is not there: ${reference}`)
  return found
}
