import type * as z from 'zod'
import { describeCode, type ErrorCode } from '../../domain/errors.ts'
import { keyPrefix } from '../../platform/api-key.ts'
import { Health, type HealthView } from '../health-schema.ts'
import { describeKey, idempotencyKey } from '../idempotency-schema.ts'
import { takesBody } from '../meta.ts'
import type { Operation } from '../operations.ts'
import { longestWaitSeconds } from '../prefer.ts'
import { Problem } from '../problem-schema.ts'
import type { Resource } from '../resource.ts'
import { eventStreamHeaders, frame } from '../sse.ts'
import { content, isTrpcOnly, type Json, schemaOf } from './openapi-schema.ts'
import { describeWebhooks } from './openapi-webhooks.ts'

const everywhere: readonly ErrorCode[] = [
  'request.invalid',
  'request.unauthenticated',
  'request.forbidden',
  'internal.error',
  'database.unavailable',
  'auth.unavailable',
]
const conditional: readonly ErrorCode[] = ['request.precondition_failed', 'request.precondition_required']
const withBody: readonly ErrorCode[] = ['request.too_large', 'request.unsupported_type']

/** The OpenAPI 3.1 document of the REST routes (https://spec.openapis.org/oas/v3.1.1). */
export async function openApiDocument(
  info: Json,
  resources: readonly Resource[],
  operations: readonly Operation[],
): Promise<Json> {
  const components: Record<string, unknown> = {}
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    paths[operation.template] ??= {}
    Object.assign(paths[operation.template] as Json, {
      [operation.method.toLowerCase()]: await describe(operation, components),
    })
  }
  const webhooks = await describeWebhooks(resources, components)
  return {
    openapi: '3.1.1',
    info,
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: [
      ...resources.map(({ name, description }) => ({ name, description })),
      { name: 'service', description: 'The service itself.' },
    ],
    paths: { ...paths, '/healthz': { get: describeHealth(components) } },
    ...(Object.keys(webhooks).length > 0 && { webhooks }),
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: `${keyPrefix}…`,
          description:
            'An API key, made by `POST /v1/keys`, as a bearer token: `Authorization: Bearer <key>`. An operation names the scope that the key needs.',
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'A JWT of the issuer that this API trusts. It may read and write; an operator’s has the scope `operator`.',
        },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'Part of a URL that the API gave out, and good for that stream alone.',
        },
      },
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

async function describe(operation: Operation, components: Json): Promise<Json> {
  const { path, resource, method, meta, pathFields } = operation
  const [input, fields, output] = await Promise.all([operation.input(), operation.fields(), meta.output?.()])
  const isInQuery = (name: string) => method === 'GET' && !pathFields.includes(name) && !isTrpcOnly(fields[name])
  const inQuery = Object.keys(fields).filter(isInQuery)
  const hasBody = takesBody(method) && Object.keys(fields).length > pathFields.length
  const parameters = [
    ...pathFields.map((name) => parameter('path', name, fields[name], components)),
    ...inQuery.map((name) => parameter('query', name, fields[name], components)),
    ...(meta.streams ? [parameter('header', 'Last-Event-ID', fields.lastEventId, components)] : []),
    ...(meta.idempotent ? [parameter('header', 'Idempotency-Key', keyInHeader, components)] : []),
    ...(meta.waits ? [preferHeader] : []),
    ...(meta.versioned && method === 'GET' ? [ifNoneMatchHeader] : []),
    ...(meta.conditional ? [ifMatchHeader] : []),
  ]
  return {
    operationId: path.split('.').at(-1),
    tags: [resource],
    summary: meta.summary,
    description: meta.description,
    ...(meta.deprecated && { deprecated: true }),
    security: [
      { apiKey: [meta.scope] },
      { bearer: meta.scope === 'operator' ? [meta.scope] : [] },
      ...(meta.streams ? [{ ticket: [] }] : []),
    ],
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && {
      requestBody: {
        // One that may be left out, as a whole: every field has a default.
        required: !input.safeParse(pathOnly(fields, pathFields)).success,
        description: 'Up to 5.5 MiB, in UTF-8.',
        content: {
          'application/json': content(bodyOf(input, pathFields, components), meta.example?.request),
          ...(meta.takesText && { [meta.takesText.type]: { schema: { type: 'string' } } }),
        },
      },
    }),
    responses: {
      ...successes(method, meta, output, components),
      ...errorResponses(
        [...everywhere, ...(hasBody ? withBody : []), ...(meta.conditional ? conditional : []), ...meta.errors],
        components,
      ),
    },
  }
}

/** An input that has nothing but its path parameters; undefined where there are none. */
function pathOnly(fields: Readonly<Record<string, z.core.$ZodType>>, pathFields: readonly string[]) {
  if (pathFields.length === 0) return undefined
  const filled = pathFields.map((name) => {
    const field = fields[name] as z.ZodType | undefined
    return [name, field?.safeParse('1').success ? '1' : 1] as const
  })
  return Object.fromEntries(filled)
}

/** The body of a request: the input without its path parameters. */
function bodyOf(input: z.ZodType, pathFields: readonly string[], components: Json): Json {
  const schema = schemaOf(input, 'body', components)
  if (pathFields.length === 0) return schema
  const id = String(schema.$ref ?? '')
    .split('/')
    .at(-1)
  const whole = (id ? components[id] : schema) as { properties?: Json; required?: readonly string[] }
  const isSent = (name: string) => !pathFields.includes(name)
  const sent = {
    ...whole,
    properties: Object.fromEntries(Object.entries(whole.properties ?? {}).filter(([name]) => isSent(name))),
    required: whole.required?.filter(isSent) ?? [],
  }
  if (!id) return sent
  components[id] = sent
  return schema
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
  description: `\`wait=<seconds>\`, from 1 on: how long to wait for an answer that says more (RFC 7240). More than ${longestWaitSeconds} is taken for ${longestWaitSeconds}, as \`Preference-Applied\` says.`,
  schema: text,
  example: 'wait=20',
}
const ifNoneMatchHeader = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of an earlier answer: nothing new is answered with 304.',
  schema: text,
  example: 'W/"42-3"',
}
const ifMatchHeader = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description:
    'The `ETag` of what was read: if it was changed since, the answer is 412, and nothing is changed. `*` is whatever it has come to. Without it and without `version` the answer is 428.',
  schema: text,
  example: '"7-3"',
}
const versionHeaders = {
  etag: { schema: text, description: 'The version that the answer shows.' },
  'cache-control': { schema: text, description: 'For its owner alone, and to be asked for again.' },
  'retry-after': {
    schema: { type: 'integer' },
    description:
      'The seconds after which to ask again; absent if nothing will change any more, and for a caller that waits.',
  },
}
const streamHeaders = Object.fromEntries(
  Object.keys(eventStreamHeaders)
    .filter((name) => name !== 'content-type')
    .map((name) => [name, { schema: text, description: 'For proxies: nothing is to be cached, changed or buffered.' }]),
)
const pageHeader = {
  link: { schema: text, description: 'The next page, if there is one: `rel="next"` (RFC 8288).' },
}
const downloadHeader = {
  'content-disposition': { schema: text, description: 'What a download is saved as; absent with JSON.' },
}
const replayedHeader = {
  'idempotent-replayed': {
    schema: { type: 'string', enum: ['true'] },
    description: 'The answer is that of an earlier call with the same idempotency key: nothing new was made.',
  },
}
const deprecatedHeaders = {
  deprecation: { schema: text, description: 'Since when this should not be used any more: RFC 9745.' },
  sunset: { schema: text, description: 'When this stops to work, once that is known: RFC 8594.' },
  link: { schema: text, description: 'What to use instead: `rel="deprecation"`, `rel="sunset"`.' },
}
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
  const { description, ...schema } = schemaOf(field, 'parameter', components)
  return {
    name,
    in: where,
    required: field._zod.optin === undefined,
    ...(description !== undefined && { description }),
    schema,
  }
}

function successes(
  method: Operation['method'],
  meta: Operation['meta'],
  output: z.ZodType | undefined,
  components: Json,
): Json {
  const {
    status,
    example,
    idempotent,
    limited,
    locates,
    versioned,
    waits,
    streams,
    summary,
    media = [],
    deprecated,
  } = meta
  const headers = {
    ...callHeaders,
    ...(limited && limits),
    ...(locates && { location: { schema: { type: 'string' }, description: 'Where to find what was created.' } }),
    ...(versioned && versionHeaders),
    ...(waits && appliedHeader),
    ...(output && isPaged(output) && pageHeader),
    ...(media.length > 0 && downloadHeader),
    ...(deprecated && deprecatedHeaders),
  }
  const reply = output && {
    content: {
      'application/json': content(schemaOf(output, 'output', components), example?.reply),
      ...Object.fromEntries(media.map((type) => [type, { schema: { type: 'string' } }])),
    },
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
      204: { description: 'The stream is complete and the client has its last event: it need not come back.', headers },
    }
  }
  return {
    [status]: {
      description: `${summary}: done.`,
      headers: { ...headers, ...(idempotent && status === 200 && replayedHeader) },
      ...reply,
    },
    ...(versioned &&
      method === 'GET' && {
        304: { description: 'Nothing has changed since the version that `If-None-Match` names.', headers },
      }),
    ...(idempotent &&
      status !== 200 && {
        200: {
          description: 'What an earlier call with the same key created.',
          headers: { ...headers, ...replayedHeader },
          ...reply,
        },
      }),
  }
}

/** Whether an output is a page of a list. */
function isPaged(output: z.ZodType): boolean {
  const { def } = (output as unknown as z.core.$ZodTypes)._zod
  return def.type === 'object' && 'nextCursor' in def.shape
}

/** An event as an example of the text. */
function wire(data: unknown): string {
  const event = data as { readonly type: string; readonly version: number }
  return frame([String(event.version), event])
}

/** One response for each status, with the codes that may come with it. */
function errorResponses(codes: readonly ErrorCode[], components: Json): Json {
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
