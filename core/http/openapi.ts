import * as z from 'zod'
import { describeKey, Health, type HealthView, idempotencyKey, type JobEventView, Problem } from '../api/jobs/schema.ts'
import { describeCode, type ErrorCode } from '../domain/errors.ts'
import { longestWaitSeconds } from './conditional.ts'
import type { Operation } from './operations.ts'
import { eventStreamHeaders, frame } from './sse.ts'

type Json = Record<string, unknown>

const everywhere: readonly ErrorCode[] = [
  'request.invalid',
  'request.unauthenticated',
  'internal.error',
  'database.unavailable',
  'auth.unavailable',
]
const withBody: readonly ErrorCode[] = ['request.too_large', 'request.unsupported_type']

/** The OpenAPI 3.1 document of the REST routes (https://spec.openapis.org/oas/v3.1.1). */
export function openApiDocument(operations: readonly Operation[]): Json {
  const components: Record<string, unknown> = {}
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    paths[operation.template] ??= {}
    Object.assign(paths[operation.template] as Json, {
      [operation.method.toLowerCase()]: describe(operation, components),
    })
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Vision Pipeline',
      version: '1',
      description: 'Brand images in, structured words out: create a job, watch it, read its two outputs.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [
      { name: 'jobs', description: 'Jobs, their outputs and their runs.' },
      { name: 'usage', description: 'What the caller has used.' },
      { name: 'uploads', description: 'Images on their way to a job.' },
      {
        name: 'operator',
        description: 'For operators: the queue, its workers and its gates. Wants the scope `operator`.',
      },
      { name: 'service', description: 'The service itself.' },
    ],
    paths: { ...paths, '/healthz': { get: describeHealth(components) } },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'Part of the `eventsUrl` of a job.' },
      },
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

function describe({ path, method, template, meta, input, fields, pathFields }: Operation, components: Json): Json {
  const inQuery = method === 'GET' ? Object.keys(fields).filter((name) => !pathFields.includes(name)) : []
  const hasBody = method === 'POST' && Object.keys(fields).length > pathFields.length
  const withScope: readonly ErrorCode[] = meta.scope ? ['request.forbidden'] : []
  const parameters = [
    ...pathFields.map((name) => parameter('path', name, fields[name], components)),
    ...inQuery.map((name) => parameter('query', name, fields[name], components)),
    ...(meta.streams ? [parameter('header', 'Last-Event-ID', fields.lastEventId, components)] : []),
    ...(meta.idempotent ? [parameter('header', 'Idempotency-Key', keyInHeader, components)] : []),
    ...(meta.waits ? [preferHeader] : []),
    ...(meta.versioned && method === 'GET' ? [knownHeader] : []),
  ]
  return {
    operationId: path.split('.').at(-1),
    // Whom it is for, or what the path is about: jobs, uploads.
    tags: [meta.scope ?? template.split('/')[2]],
    summary: meta.summary,
    description: meta.description,
    ...(meta.scope && { security: [{ bearer: [meta.scope] }] }),
    ...(meta.streams && { security: [{ bearer: [] }, { ticket: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && {
      requestBody: {
        // One that may be left out, as a whole: every field has a default.
        required: !input.safeParse(undefined).success,
        description: 'Up to 5.5 MiB, in UTF-8.',
        content: { 'application/json': content(schemaOf(input, 'body', components), meta.example?.request) },
      },
    }),
    responses: {
      ...successes(method, meta, components),
      ...failures([...everywhere, ...withScope, ...(hasBody ? withBody : []), ...meta.errors], components),
    },
  }
}

const keyInHeader = idempotencyKey
  .optional()
  .meta({ description: describeKey('The field `idempotencyKey` of the body may say it instead.') })

function describeHealth(components: Json): Json {
  const reply = (description: string, status: HealthView['status']) => ({
    description,
    headers: { ...callHeaders, ...(status === 'unavailable' && retryAfter) },
    content: { 'application/json': content(schemaOf(Health, 'output', components), { status }) },
  })
  return {
    operationId: 'getHealth',
    tags: ['service'],
    summary: 'Ask whether the service is ready',
    description: 'Asked without a token, as often as a load balancer likes.',
    security: [],
    responses: {
      200: reply('Calls can be served.', 'ok'),
      503: reply('Not now.', 'unavailable'),
    },
  }
}

const text = { type: 'string' }
/** What every answer says of its call. */
const callHeaders = {
  'x-request-id': { schema: text, description: 'The id of this call.' },
  'x-trace-id': {
    schema: { type: 'string', pattern: '^[0-9a-f]{32}$' },
    description: 'The trace that this call belongs to: that of its `traceparent`, else a new one.',
  },
}
const challenge = {
  'www-authenticate': {
    schema: text,
    description:
      'What is wanted (RFC 6750): `error="invalid_token"` if a token came along, `insufficient_scope` with the `scope` that is missing.',
  },
}
const codings = {
  'accept-encoding': { schema: text, description: 'Which codings are taken, if the body came in another.' },
}
const preferHeader = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description: `\`wait=<seconds>\`, from 1 to ${longestWaitSeconds}: how long to wait for an answer that says more (RFC 7240).`,
  schema: text,
  example: 'wait=20',
}
const knownHeader = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of an earlier answer: nothing new is answered with 304.',
  schema: text,
  example: 'W/"42-3"',
}
const versionHeaders = {
  etag: { schema: text, description: 'The version of the job that the answer shows.' },
  'cache-control': { schema: text, description: 'A job is its owner’s, and is to be asked for again.' },
  'retry-after': {
    schema: { type: 'integer' },
    description:
      'After so many seconds it is worth asking again; absent once the job has ended, and for those who wait.',
  },
}
const streamHeaders = Object.fromEntries(
  Object.keys(eventStreamHeaders)
    .filter((name) => name !== 'content-type')
    .map((name) => [
      name,
      { schema: text, description: 'For what is between: nothing is kept, changed or collected.' },
    ]),
)
const appliedHeader = {
  'preference-applied': { schema: text, description: 'The `wait` that was honoured, in seconds.' },
}
const limits = {
  'ratelimit-policy': {
    schema: { type: 'string' },
    description: 'What the caller is allowed (draft-ietf-httpapi-ratelimit-headers-11).',
  },
  ratelimit: { schema: { type: 'string' }, description: 'What is left of it.' },
}
const retryAfter = { 'retry-after': { schema: { type: 'integer' }, description: 'In seconds.' } }

function parameter(where: string, name: string, field: z.core.$ZodType | undefined, components: Json): Json {
  if (field === undefined) throw new Error(`there is no field ${name}`)
  const { description, ...schema } = schemaOf(field, 'input', components)
  return {
    name,
    in: where,
    required: field._zod.optin === undefined,
    ...(description !== undefined && { description }),
    schema,
  }
}

function successes(method: Operation['method'], meta: Operation['meta'], components: Json): Json {
  const { status, output, example, idempotent, limited, locates, versioned, waits, streams, summary } = meta
  const headers = {
    ...callHeaders,
    ...(limited && limits),
    ...(locates && { location: { schema: { type: 'string' }, description: 'Where the job is.' } }),
    ...(versioned && versionHeaders),
    ...(waits && appliedHeader),
  }
  const reply = output && {
    content: { 'application/json': content(schemaOf(output, 'output', components), example?.reply) },
  }
  if (streams && output) {
    const contentSchema = schemaOf(output, 'output', components)
    const events = { type: 'string', description: 'Server-sent events; the `data` of each is JSON.', contentSchema }
    return {
      [status]: {
        description: `${summary}: the events.`,
        headers: { ...headers, ...streamHeaders },
        content: { 'text/event-stream': content(events, example && wire(example.reply)) },
      },
      204: { description: 'The job has ended, and the client has its last event: it need not come back.', headers },
    }
  }
  return {
    [status]: { description: `${summary}: done.`, headers, ...reply },
    ...(versioned && method === 'GET' && { 304: { description: 'The job is as `If-None-Match` has it.', headers } }),
    ...(idempotent && { 200: { description: 'What an earlier call with the same key created.', headers, ...reply } }),
  }
}

/** An event as an example of the text. */
function wire(data: unknown): string {
  return frame([String((data as JobEventView).version), data as JobEventView])
}

/** One response for each status, with the codes that may come with it. */
function failures(codes: readonly ErrorCode[], components: Json): Json {
  const schema = schemaOf(Problem, 'output', components)
  const byStatus = Map.groupBy(codes, (code) => describeCode(code).status ?? 500)
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${describeCode(code).message}`).join('\n\n'),
        headers: {
          ...callHeaders,
          ...((status === 401 || status === 403) && challenge),
          ...(status === 415 && codings),
          ...((status === 503 || status === 429) && retryAfter),
          ...(status === 429 && limits),
        },
        content: { 'application/problem+json': { schema } },
      },
    ]),
  )
}

function content(schema: Json, example: unknown): Json {
  return { schema, ...(example !== undefined && { example }) }
}

/** Where a schema is used: for what is sent as a body or as a parameter, or for what is answered. */
type Use = 'body' | 'input' | 'output'

/** A schema as JSON Schema; every part of it that has an id becomes a component, and is referred to. */
function schemaOf(schema: z.core.$ZodType, use: Use, components: Json): Json {
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

/** Leaves out what a reader of the document does not need, and says what OpenAPI has words for. */
function suit(use: Use) {
  return ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    // zod's own pattern for times, and a ban on fields that a later release adds.
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
    if (use === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    // Generators of types take a field that has a default for one that is always there, also in what is sent.
    if (use === 'body' && jsonSchema.default !== undefined) {
      const { default: value, description = '' } = jsonSchema
      if (typeof value !== 'object') jsonSchema.description = `${description} \`${value}\` if left out.`.trim()
      delete jsonSchema.default
    }
    const { def } = zodSchema._zod
    if (def.type === 'union' && 'discriminator' in def) {
      Object.assign(jsonSchema, { discriminator: discriminatorOf(String(def.discriminator), def.options) })
    }
  }
}

/** Which of several schemas a value is of, by one of its fields (https://spec.openapis.org/oas/v3.1.1#discriminator-object). */
function discriminatorOf(propertyName: string, options: readonly z.core.$ZodType[]): Json {
  const mapping = options.flatMap((option) =>
    [...(option._zod.propValues?.[propertyName] ?? [])].map((value) => [
      String(value),
      `${componentPath}${z.globalRegistry.get(option)?.id}`,
    ]),
  )
  return { propertyName, mapping: Object.fromEntries(mapping) }
}
