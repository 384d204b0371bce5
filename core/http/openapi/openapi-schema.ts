import * as z from 'zod'

export type Json = Record<string, unknown>

/** A field that tRPC's clients send by themselves, so it is left out of REST and the document. */
export function isTrpcOnly(field: z.core.$ZodType | undefined): boolean {
  return field !== undefined && z.globalRegistry.get(field)?.trpcOnly === true
}

export function content(schema: Json, example: unknown): Json {
  return { schema, ...(example !== undefined && { example }) }
}

/** Where a schema is used: in a request's body, in its parameters, or in a response. */
export type Use = 'body' | 'parameter' | 'output'

/** A schema as JSON Schema; every part of it that has an id becomes a component, and is referred to. */
export function schemaOf(schema: z.core.$ZodType, use: Use, components: Json): Json {
  const io = use === 'output' ? 'output' : 'input'
  const { properties, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), { io, override: suit(use) })
  const refer = (node: unknown): unknown =>
    JSON.parse(JSON.stringify(node), (key, value) =>
      key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', componentPath) : value,
    )
  for (const [id, definition] of Object.entries($defs)) components[id] = refer(definition)
  return refer(properties?.it) as Json
}

const componentPath = '#/components/schemas/'

/** Removes keywords that readers of the document do not need, and uses OpenAPI's own. */
function suit(use: Use) {
  return ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    // zod's own pattern for times, and a ban on fields that a later release may add.
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
    if (use === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    // Type generators treat a field with a default as required, in requests too.
    if (use === 'body' && jsonSchema.default !== undefined) {
      const { default: value, description = '' } = jsonSchema
      if (typeof value !== 'object') jsonSchema.description = `${description} \`${value}\` if left out.`.trim()
      delete jsonSchema.default
    }
    const { def } = zodSchema._zod
    // URLs and headers cannot carry null.
    if (use === 'parameter' && def.type === 'nullable' && jsonSchema.anyOf) {
      const [given] = jsonSchema.anyOf
      delete jsonSchema.anyOf
      Object.assign(jsonSchema, given)
    }
    if (def.type === 'union' && 'discriminator' in def) {
      Object.assign(jsonSchema, { discriminator: discriminatorOf(String(def.discriminator), def.options) })
    }
  }
}

/** Which of several schemas a value has, by one of its fields (https://spec.openapis.org/oas/v3.1.1#discriminator-object). */
function discriminatorOf(propertyName: string, options: readonly z.core.$ZodType[]): Json {
  const mapping = options.flatMap((option) =>
    [...(option._zod.propValues?.[propertyName] ?? [])].map((value) => [
      String(value),
      `${componentPath}${z.globalRegistry.get(option)?.id}`,
    ]),
  )
  return { propertyName, mapping: Object.fromEntries(mapping) }
}
