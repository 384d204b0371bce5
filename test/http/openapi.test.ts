import { randomBytes } from 'node:crypto'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { appRouter, resources } from '../../core/api/router.ts'
import { createBatch } from '../../core/batches/batches.ts'
import { createBrand } from '../../core/brands/brands.ts'
import { errorCodes } from '../../core/domain/errors.ts'
import { operationsOf } from '../../core/http/operations.ts'
import { createKey } from '../../core/keys/keys.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { testEndpoint } from '../../core/webhooks/deliveries.ts'
import { createEndpoint } from '../../core/webhooks/endpoints.ts'
import { webhookEvents } from '../../drizzle/schema.ts'
import { parseStream, sayingOf } from '../support/api/events.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: { type?: string; default?: unknown; items?: { $ref?: string } }
}
interface Described {
  operationId: string
  tags: string[]
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required: boolean; content: { 'application/json': { schema?: object; example: unknown } } }
  responses: Record<string, { content?: Record<string, { schema: object; example?: unknown }>; headers?: object }>
}
interface Document {
  paths: Record<string, Record<string, Described>>
  webhooks: Record<
    string,
    { post: { requestBody: { content: { 'application/json': { schema: object; example: unknown } } } } }
  >
  components: { schemas: Record<string, { enum?: string[]; properties?: Record<string, object> }> }
}

let api: TestApi
let document: Document
let ajv: Ajv2020
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  document = await json(api.call('GET', '/openapi.json'))
  ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'doc', components: document.components })
})
afterAll(() => api.drop())

const everyOperation = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )

/** By the text of their schema: to compile one takes longer than all that it looks at. */
const validators = new Map<string, ValidateFunction>()

/** The errors of a validator that has never heard of zod. */
function errorsOf(schema: object, value: unknown) {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text))
  validators.set(text, validate)
  return validate(value) ? [] : validate.errors
}

interface Following {
  readonly jobId: number
  readonly as?: string
  /** Those that the document asks for, unless a test says otherwise. */
  readonly scopes?: readonly string[]
  readonly key?: string
  readonly last?: number | string
  readonly query?: Record<string, string>
  readonly body?: unknown
}

function scopesOf({ security = [] }: Described): readonly string[] {
  return security.flatMap((one) => one.bearer ?? [])
}

/** Sends what the document says of an operation, and holds the reply against what the document says of it. */
async function follow(
  { path, method, operation }: ReturnType<typeof everyOperation>[number],
  { jobId, as, scopes = scopesOf(operation), key, last, body, query: asked = {} }: Following,
) {
  const isOfBrand = path.includes('{brandId}')
  const brandId = isOfBrand ? (await createBrand(api.database, 'ann', { name: 'One' })).id : undefined
  // One of the key, so that the key is used twice for the same batch.
  const idempotency = { key: key ?? `${operation.operationId}-0`, requestHash: '' }
  const someBatch = { name: null, defaults: {}, onInvalid: 'refuse', idempotency } as const
  const isOfBatch = path.includes('{batchId}')
  const batchId = isOfBatch ? (await createBatch(api.database, 'ann', someBatch)).batchId : undefined
  const someKey = { userId: 'ann', name: 'One', scopes: ['read'] } as const
  const isOfKey = path.includes('{keyId}')
  const keyId = isOfKey ? (await createKey(api.database, someKey, randomBytes)).row.id : undefined
  const ofWebhook = path.startsWith('/v1/webhooks') ? await someWebhook() : {}
  const ids: Record<string, number | undefined> = {
    ...ofWebhook,
    keyId,
    jobId,
    brandId,
    batchId,
    textId: 1,
    version: 1,
  }
  const query = new URLSearchParams(asked)
  const headers: Record<string, string> = {}
  let target = path
  for (const { name, in: where, required, schema } of operation.parameters ?? []) {
    if (where === 'path') {
      // A user is the operator's to name; the others are the caller's own.
      const isUser = name === 'user'
      expect([name, required, schema.type]).toEqual([name, true, isUser ? 'string' : 'integer'])
      const [wrong, right] = isUser ? ['cli:root', 'quinn'] : ['0', String(ids[name])]
      target = target.replace(`{${name}}`, jobId === 0 ? wrong : right)
    } else if (where === 'header') {
      if (key && name === 'Idempotency-Key') headers[name] = key
      if (name === 'If-Match') headers[name] = '*'
      if (last && name === 'Last-Event-ID') headers[name] = String(last)
    } else if (schema.items) {
      const words = document.components.schemas[schema.items.$ref?.split('/').at(-1) ?? '']?.enum ?? []
      for (const word of words) query.append(name, word)
    } else if (schema.default !== undefined) {
      query.set(name, String(schema.default))
    }
  }
  const reply = await api.call(method, `${target}?${query}`, {
    headers,
    ...(as !== undefined && { as, scopes }),
    ...(operation.requestBody &&
      body !== null && { body: body ?? operation.requestBody.content['application/json'].example }),
  })
  const described = operation.responses[reply.status]
  expect([operation.operationId, reply.status, undocumented(reply, described)]).toEqual([
    operation.operationId,
    reply.status,
    [],
  ])
  expect([operation.operationId, reply.status, Object.keys(operation.responses)]).toEqual([
    operation.operationId,
    reply.status,
    expect.arrayContaining([String(reply.status)]),
  ])
  const type = reply.headers.get('content-type')?.split(';')[0] ?? ''
  if (described?.content === undefined) {
    expect(await reply.text()).toBe('')
  } else {
    // JSON comes first, where there are others to choose from.
    expect(Object.keys(described.content)[0]).toBe(type)
    const schema = described.content[type]?.schema ?? {}
    if (type === 'text/event-stream' && 'contentSchema' in schema) {
      const events = parseStream(await reply.text()).flatMap((part) => sayingOf(part) ?? [])
      const { operationId } = operation
      expect(events.map(({ type }) => type)).toEqual(
        operationId === 'watchJob' ? ['analysis', 'text', 'completed'] : ['job', 'batch'],
      )
      for (const event of events) expect(errorsOf(schema.contentSchema as object, event)).toEqual([])
      return reply.status
    }
    expect(errorsOf(schema, await reply.json())).toEqual([])
  }
  return reply.status
}

/** The only one of its owner, who may have ten. */
async function someWebhook() {
  await api.database.sql('DELETE FROM vision_webhook_endpoints')
  const settings = { url: 'https://shop.example/hook', events: webhookEvents, description: null }
  const { row } = await createEndpoint(api.database, 'ann', settings, randomBytes)
  const delivery = await testEndpoint(api.database, { userId: 'ann', endpointId: row.id })
  return { webhookId: row.id, deliveryId: delivery.id }
}

/** The headers that an answer has and the document does not, or that the document has in another form. */
function undocumented(reply: Response, described: Described['responses'][string] | undefined): string[] {
  const headers = (described?.headers ?? {}) as Record<string, { schema: object }>
  return [...reply.headers].flatMap(([name, value]) => {
    // The media type is said by the content.
    if (name === 'content-type') return []
    const header = headers[name]
    if (header === undefined) return [name]
    const { type } = header.schema as { type: string }
    return errorsOf(header.schema, type === 'integer' ? Number(value) : value)?.length ? [`${name}: ${value}`] : []
  })
}

test('the document stands up to the recommended rules', async () => {
  const config = await createConfig({ extends: ['recommended'], telemetry: 'off' })
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  expect(problems.map(({ ruleId, location }) => [ruleId, location[0]?.pointer])).toEqual([
    // Nothing that a caller does makes that one fail.
    ['operation-4xx-response', '#/paths/~1healthz/get/responses'],
  ])
})

test('every procedure is in the document, under the name that it has in tRPC', () => {
  const names = operationsOf(appRouter, resources).map(({ path }) => path.split('.').at(-1))
  expect(names).toHaveLength(Object.keys(appRouter._def.procedures).length)
  expect(
    everyOperation()
      .map(({ operation }) => operation.operationId)
      .sort(),
  ).toEqual([...names, 'getHealth'].sort())
})

test('an operation stands under what it is about', () => {
  const tags = Object.fromEntries(everyOperation().map(({ operation }) => [operation.operationId, operation.tags]))
  expect(tags).toMatchObject({
    createJob: ['jobs'],
    createUpload: ['uploads'],
    createBrand: ['brands'],
    getHealth: ['service'],
  })
})

test('the document says what is so unless it is said otherwise, and where else a key may be', () => {
  const { language, idempotencyKey, imageUrl } = document.components.schemas.CreateJob?.properties ?? {}
  expect(language).toMatchObject({ description: expect.stringContaining('`en` if left out') })
  expect(idempotencyKey).toMatchObject({ description: expect.stringContaining('header `Idempotency-Key`') })
  expect(imageUrl).toMatchObject({ description: expect.stringMatching(/4 MB.*5\.5 MiB/) })
  const [header] = document.paths['/v1/jobs']?.post?.parameters ?? []
  expect(header).toMatchObject({ name: 'Idempotency-Key', description: expect.stringContaining('`idempotencyKey`') })
  expect(header).not.toMatchObject({ description: expect.stringContaining('header') })
})

test('how long a call may wait is as the document says', async () => {
  const jobId = await api.create('ann')
  await api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'ann' })
  const prefer = document.paths['/v1/jobs/{jobId}']?.get?.parameters?.find(({ name }) => name === 'Prefer')
  const [, longest] = /More than (\d+) is taken for \1/.exec(JSON.stringify(prefer)) ?? []
  const waited = async (seconds: number) => {
    const reply = await api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann', headers: { prefer: `wait=${seconds}` } })
    return reply.headers.get('preference-applied')
  }
  expect(await waited(Number(longest))).toBe(`wait=${longest}`)
  expect(await waited(99)).toBe(`wait=${longest}`)
  expect(await waited(Number(longest) - 1)).toBe(`wait=${Number(longest) - 1}`)
})

test('a parameter is never null, and what tRPC clients send by themselves is not one', async () => {
  const listed = everyOperation().flatMap(({ operation }) => operation.parameters ?? [])
  const inQuery = listed.filter((one) => one.in === 'query')
  const fields = await Promise.all(operationsOf(appRouter, resources).map((operation) => operation.fields()))
  const pages = fields.filter((named) => Object.hasOwn(named, 'direction'))
  expect(pages.length).toBeGreaterThan(3)
  expect(inQuery.filter(({ name }) => name === 'cursor')).toHaveLength(pages.length)
  for (const { name, schema } of inQuery)
    expect([name, JSON.stringify(schema)]).toEqual([name, expect.not.stringContaining('null')])
  expect(inQuery.map(({ name }) => name)).not.toContain('direction')
})

test('health is as the document says, well or ill, and asks for no token', async () => {
  const health = document.paths['/healthz']?.get as Described
  expect(health.security).toEqual([])
  for (const isReady of [true, false]) {
    const reply = await createApp({ ...api.services, isReady: async () => isReady }).request('/healthz')
    const described = health.responses[reply.status]
    expect(undocumented(reply, described)).toEqual([])
    expect(Object.keys(described?.headers ?? {}).every((name) => reply.headers.has(name))).toBe(true)
    const schema = described?.content?.['application/json']?.schema ?? { not: {} }
    expect(errorsOf(schema, await reply.json())).toEqual([])
  }
})

test('a refused caller learns the scheme, the error and the scope', async () => {
  const challengeOf = async (path: string, options: object) =>
    (await api.call('GET', path, options)).headers.get('www-authenticate')
  expect(await challengeOf('/v1/jobs', {})).toBe('Bearer realm="vision-pipeline"')
  for (const [path, told] of [
    ['/v1/jobs', 'The token is not valid.'],
    ['/api/trpc/visionPipeline.getJobHistory', 'The token is not valid.'],
  ] as const) {
    expect(await challengeOf(path, { headers: { authorization: 'Bearer x' } })).toBe(
      `Bearer realm="vision-pipeline", error="invalid_token", error_description="${told}"`,
    )
  }
  expect(await challengeOf('/v1/jobs/1/events?ticket=x', {})).toContain('error="invalid_token"')
  expect(await challengeOf('/v1/worker', { as: 'ann' })).toBe(
    'Bearer realm="vision-pipeline", error="insufficient_scope", error_description="This needs a token or an API key with the scope `operator`.", scope="operator"',
  )
})

test('codes are listed, and results and events say which of them they are', () => {
  const { schemas } = document.components as unknown as { schemas: Record<string, Record<string, unknown>> }
  const codes = Object.keys(errorCodes)
  expect(schemas.ErrorCode).toMatchObject({ enum: codes })
  expect(schemas.Problem).toMatchObject({ properties: { code: { enum: expect.arrayContaining(['internal.error']) } } })
  for (const [name, property] of [
    ['Content', 'outputFormat'],
    ['JobEvent', 'type'],
    ['JobsEvent', 'type'],
  ] as const) {
    const { discriminator, oneOf, anyOf } = schemas[name] as {
      discriminator: { propertyName: string; mapping: Record<string, string> }
      oneOf?: { $ref: string }[]
      anyOf?: { $ref: string }[]
    }
    expect(discriminator.propertyName).toBe(property)
    // Each value leads to a schema that takes it.
    const targets = Object.entries(discriminator.mapping)
    expect(new Set(targets.map(([, target]) => target))).toEqual(new Set((oneOf ?? anyOf)?.map(({ $ref }) => $ref)))
    for (const [value, target] of targets) {
      const schema = schemas[target.split('/').at(-1) ?? ''] as { properties: Record<string, object> }
      expect([value, errorsOf(schema.properties[property] ?? { not: {} }, value)]).toEqual([value, []])
    }
  }
})

test('what may be left out of a body has no default there, which generators of types would take for required', () => {
  const bodies = Object.entries(document.components.schemas).filter(([name]) => /^Create|Redrive$/.test(name))
  const inline = everyOperation().flatMap(({ operation }) => operation.requestBody?.content['application/json'] ?? [])
  expect(bodies.length).toBeGreaterThan(3)
  expect(JSON.stringify([bodies, inline.map(({ schema }) => schema)])).not.toContain('"default"')
})

test('what has a default may be left out', () => {
  const parameters = everyOperation().flatMap(({ operation }) => operation.parameters ?? [])
  const withDefault = parameters.filter(({ schema }) => schema.default !== undefined)
  expect(withDefault).not.toEqual([])
  for (const { name, required } of withDefault) expect([name, required]).toEqual([name, false])
})

test('its examples fit its schemas', () => {
  const contents = everyOperation().flatMap(({ operation }) =>
    [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
      Object.values(part?.content ?? {}),
    ),
  ) as { schema: object; example?: unknown }[]
  const examples = contents.filter((one) => one.example !== undefined)
  expect(examples.length).toBeGreaterThan(8)
  for (const { schema, example } of examples) expect(errorsOf(schema, example)).toEqual([])
})

test('what is posted to webhooks is in the document, and its examples fit', () => {
  expect(Object.keys(document.webhooks).toSorted()).toEqual([...webhookEvents, 'webhook.test'].toSorted())
  for (const [type, { post }] of Object.entries(document.webhooks)) {
    const { schema, example } = post.requestBody.content['application/json']
    expect([errorsOf(schema, example), example]).toEqual([[], expect.objectContaining({ type, payloadVersion: 1 })])
    expect(errorsOf(schema, { type, data: {} })).not.toEqual([])
  }
})

test('a schema of the document can be failed', () => {
  const schema = { $ref: '#/components/schemas/Job' }
  const { outputs, ...summary } = exampleJob
  expect(errorsOf(schema, exampleJob)).toEqual([])
  for (const wrong of [summary, { ...exampleJob, progress: 101 }, { ...exampleJob, createdAt: 'yesterday' }]) {
    expect(errorsOf(schema, wrong)).not.toEqual([])
  }
  const palette = [{ hex: 'red', name: 'red', share: 2 }]
  const analysis = { ...outputs.analysis, result: { ...outputs.analysis?.result, palette } }
  expect(errorsOf(schema, { ...exampleJob, outputs: { ...outputs, analysis } })).not.toEqual([])
})

test('a client that knows nothing but the document gets what the document promises', async () => {
  for (const one of everyOperation()) {
    const { operationId, responses } = one.operation
    const jobId = await api.create('ann')
    if (operationId === 'retryJob' || operationId === 'getJobAttempts') {
      const reason = { code: 'image.not_found', message: 'It is not there.' } as const
      await failVisionJob(api.database, await api.claim(jobId), reason, {})
    }
    if (['getJobStatus', 'getJobHistory', 'watchJob'].includes(operationId)) await finish(jobId)
    if (one.path.includes('/texts')) await finish(jobId)
    const success = Number(
      Object.keys(responses)
        .filter((status) => status.startsWith('2') && !(operationId.startsWith('watchJob') && status === '204'))
        .at(-1),
    )
    // A stream of all jobs has no end.
    const query = operationId === 'watchJobs' ? { batchId: String(await endedBatch()) } : {}
    const following = { jobId, as: 'ann', key: operationId, query }
    expect([operationId, await follow(one, following)]).toEqual([operationId, success])
    if (operationId === 'watchJob') expect(await follow(one, { jobId, as: 'ann', last: 5 })).toBe(204)
    if (operationId === 'watchJobs') expect(await follow(one, { ...following, last: `${Date.now()}-0-end` })).toBe(204)
    if (responses[200] && success === 201) {
      expect(await follow(one, { jobId, as: 'ann', key: operationId })).toBe(200)
    }
  }
})

/** One that has ended and takes no more jobs. */
async function endedBatch(): Promise<number> {
  const { batchId, jobs } = await json(api.call('POST', '/v1/jobs/batch', { as: 'ann', body: { jobs: [job] } }))
  await api.call('POST', `/v1/jobs/${jobs[0].jobId}/cancel`, { as: 'ann' })
  return batchId
}

async function finish(jobId: number): Promise<void> {
  const run = await api.claim(jobId)
  const { analysis, content } = exampleJob.outputs
  await saveAnalysis(api.database, run, { model: 'm', body: analysis?.result }, {})
  await completeVisionJob(api.database, run, { model: 'm', body: content?.result }, {})
}

test('and when it does something wrong, it is told so as the document says', async () => {
  for (const one of everyOperation()) {
    const { operationId, responses, requestBody, security } = one.operation
    if (security?.length === 0) continue
    const jobId = await api.create('ann')
    const key = `${operationId}-2`
    if (one.path.includes('/texts')) await finish(jobId)
    expect(await follow(one, { jobId })).toBe(401)
    if (scopesOf(one.operation).length > 0) {
      expect(await follow(one, { jobId, as: 'ann', scopes: ['read', 'operators'] })).toBe(403)
    }
    // An operator sees everybody's.
    const isOwned = scopesOf(one.operation).length === 0
    if (one.path.includes('{') && isOwned) expect(await follow(one, { jobId, as: 'mallory' })).toBe(404)
    if (one.path.includes('{')) expect(await follow(one, { jobId: 0, as: 'ann' })).toBe(400)
    if (requestBody) {
      expect(await follow(one, { jobId, as: 'ann', body: { nothing: 'of use' } })).toBe(400)
      // What need not be sent is what the server can do without.
      const status = await follow(one, { jobId, as: 'ann', body: null, key: `${key}-without` })
      expect([operationId, status < 300]).toEqual([operationId, !requestBody.required])
      // Where it need not, it is done now.
      if (requestBody.required || responses[201])
        expect(await follow(one, { jobId, as: 'ann', key })).toBe(responses[201] ? 201 : 200)
    }
    if (
      /^\/v1\/(brands|keys|webhooks)/.test(one.path) ||
      one.path.includes('/texts') ||
      operationId === 'importBatchCsv'
    )
      continue
    if (requestBody && responses[409]) {
      const example = requestBody.content['application/json'].example
      const other = JSON.parse(JSON.stringify(example).replace('"summary"', '"alt_text"'))
      expect(await follow(one, { jobId, as: 'ann', key, body: other })).toBe(409)
    } else if (responses[409]) {
      await api.call('POST', `/v1/jobs/${jobId}/cancel`, { as: 'ann' })
      const conflict = operationId === 'cancelJob' ? 200 : 409
      expect(await follow(one, { jobId, as: 'ann' })).toBe(conflict)
    }
  }
})

test('every code that it names exists, with the status that it is named under', () => {
  for (const { operation } of everyOperation()) {
    for (const [status, { description = '' }] of Object.entries(operation.responses) as [
      string,
      { description?: string },
    ][]) {
      for (const [, code] of description.matchAll(/`([a-z_.]+)`:/g)) {
        const entry = errorCodes[code as keyof typeof errorCodes]
        expect([code, 'status' in entry ? entry.status : 500]).toEqual([code, Number(status)])
      }
    }
  }
})
