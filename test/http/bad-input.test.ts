import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { appRouter, resources } from '../../core/api/router.ts'
import { createBatch } from '../../core/batches/batches.ts'
import { createBrand } from '../../core/brands/brands.ts'
import { describeCode, type ErrorCode, errorCodes } from '../../core/domain/errors.ts'
import { takesBody } from '../../core/http/meta.ts'
import { type Operation, operationsOf } from '../../core/http/operations.ts'
import { Problem } from '../../core/http/problem-schema.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { validInputs, wrongInputs } from '../support/api/arbitrary-input.ts'
import { createTestApi, secret, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, contentOutput, nothingSpent } from '../support/database/jobs.ts'

// Every procedure, by REST and by tRPC, with inputs that its own schema generates: as it wants them, with wrong parts, and
// nothing of the kind. Whatever comes, nothing is the service's fault, and an answer has the form that it is said to have.
// For a longer hunt: TEST_INPUT_RUNS=500 TEST_INPUT_SEED=7 npm test -- test/http/bad-input.test.ts

const numRuns = Number(process.env.TEST_INPUT_RUNS ?? 5)
const seed = Number(process.env.TEST_INPUT_SEED ?? 20_261_127)
const time = numRuns * 1_000 + 60_000

let api: TestApi
let app: ReturnType<typeof createApp>
beforeAll(async () => {
  api = await createTestApi({ waitsPerUser: 0 })
  const scopes = new Set(['operator'])
  app = createApp({ ...api.services, authenticate: async () => ({ userId: 'ann', scopes }) })
  // So that small ids name something.
  const { batchId } = await createBatch(api.database, 'ann', { name: null, defaults: {}, onInvalid: 'skip' })
  await createBrand(api.database, 'ann', { name: 'Ours' })
  for (let made = 0; made < 3; made++) {
    const run = await api.claim(await api.create('ann', { metadata: { sku: 'TR-7' } }))
    await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
    await completeVisionJob(api.database, run, contentOutput, nothingSpent)
  }
  await api.database.sql('UPDATE vision_jobs SET batch_id = ? WHERE id = 2', [batchId])
})
beforeEach(() => api.database.sql('DELETE FROM vision_estimate_quotas'))
afterAll(() => api.drop())

const operations = operationsOf(appRouter, resources)
const nameOf = ({ path }: Operation) => path.split('.').at(-1) ?? ''

/** What no caller may read: secrets, statements, tables, paths and stacks. */
const internals =
  /\b(select|insert into|update|delete from) .*\b(from|values|set|where)\b|vision_(jobs|users|job_|batch|brand|usage|image)|drizzle|mysql|mariadb|node_modules|\/(work|tmp|home|usr)\/|core\/\w+\/|\bat \w+ \(|\.ts:\d+|econn|errno|sqlstate|127\.0\.0\.1:\d/i

async function expectProper(response: Response): Promise<void> {
  const streams = response.headers.get('content-type')?.startsWith('text/event-stream')
  const text = streams ? '' : await response.text()
  if (streams) await response.body?.cancel()
  expect(response.status, text).toBeLessThan(500)
  expect(text).not.toContain(secret)
  if (response.status < 400) return
  const told = JSON.parse(text)
  const isTrpc = !response.headers.get('content-type')?.startsWith('application/problem+json')
  for (const one of isTrpc ? [told].flat() : [told]) {
    if (isTrpc && 'result' in one) continue
    const problem = isTrpc ? problemOf(one) : one
    expect(Problem.strict().safeParse(problem), text).toMatchObject({ success: true })
    expect(describeCode(problem.code as ErrorCode).status, text).toBe(problem.status)
    const own = [problem.detail, ...(problem.errors ?? []).map((error: { detail: string }) => error.detail)].join('\n')
    expect(own).not.toMatch(internals)
    for (const { pointer } of problem.errors ?? []) expect(pointer).toMatch(/^#/)
  }
}

/** An error in tRPC's envelope, as REST would tell it. */
function problemOf({ error }: { error: { message: string; data: Record<string, unknown> } }) {
  const { errorCode, httpStatus, errors, requestId } = error.data
  expect(Object.keys(errorCodes)).toContain(errorCode)
  return {
    type: `/problems/${errorCode}`,
    title: 'As tRPC names it',
    status: httpStatus,
    detail: error.message,
    code: errorCode,
    requestId: requestId ?? 'that of the whole request',
    ...(errors !== undefined && { errors }),
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const inQuery = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined'))
const wellFormed = (text: string) => text.toWellFormed()

/** What a header can hold at all. */
const headerValue = fc.oneof(
  fc.constantFrom(
    '*',
    '"x"',
    'W/"7"',
    '"1-1"',
    '"',
    ',',
    '1:5',
    '-1',
    '9'.repeat(40),
    'x'.repeat(5_000),
    'respond-async',
  ),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
)
const headers = fc.record(
  {
    'if-match': headerValue,
    'if-none-match': headerValue,
    'idempotency-key': headerValue,
    'last-event-id': headerValue,
    prefer: headerValue.filter((value) => !value.includes('wait')),
    traceparent: headerValue,
    'accept-encoding': headerValue,
  },
  { requiredKeys: [] },
)

function callRest(operation: Operation, input: unknown, given: Record<string, string>): Promise<Response> {
  const { method, template, pathFields } = operation
  const fields = isObject(input) ? { ...input } : {}
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = fields[name] ?? 1
    delete fields[name]
    return encodeURIComponent(wellFormed(inQuery(value))) || '%20'
  })
  if (takesBody(method)) {
    const body = JSON.stringify(isObject(input) || pathFields.length > 0 ? (isObject(input) ? fields : input) : input)
    return Promise.resolve(
      app.request(path, { method, body, headers: { 'content-type': 'application/json', ...given } }),
    )
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(wellFormed(name), wellFormed(inQuery(one)))
  }
  return Promise.resolve(app.request(`${path}?${query}`, { method, headers: given }))
}

function callTrpc({ path, type }: Operation, input: unknown, given: Record<string, string>): Promise<Response> {
  const url = `/api/trpc/${path}`
  const json = JSON.stringify(input)
  if (type === 'mutation') {
    const request = { method: 'POST', body: json, headers: { 'content-type': 'application/json', ...given } }
    return Promise.resolve(app.request(url, request))
  }
  return Promise.resolve(app.request(`${url}?input=${encodeURIComponent(wellFormed(json ?? ''))}`, { headers: given }))
}

const check = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => Promise<void>, runs = numRuns) =>
  fc.assert(fc.asyncProperty(arbitrary, holds), { numRuns: runs, seed })

describe.each(operations.map((operation) => [nameOf(operation), operation] as const))('%s', (_, operation) => {
  test(
    'fails by no input, and tells in its form what is wrong',
    async () => {
      const input = await operation.input()
      await check(fc.tuple(wrongInputs(input), headers), async ([value, given]) => {
        await expectProper(await callRest(operation, value, given))
        await expectProper(await callTrpc(operation, value, given))
      })
      await check(
        fc.tuple(validInputs(input), headers),
        async ([value, given]) => expectProper(await callRest(operation, value, given)),
        Math.ceil(numRuns / 2),
      )
    },
    time,
  )
})

test(
  'CSVs of every kind',
  async () => {
    const cell = fc.oneof(
      fc.constantFrom(
        'https://images.example/a.jpg',
        '"',
        '""',
        '"a\nb"',
        "'",
        '=1',
        '\u0000',
        'summary',
        'x'.repeat(3_000),
      ),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    )
    const column = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom('imageUrl', 'analysisPurpose', 'outputFormat', 'language', 'sku', 'outputs'),
      },
      fc.constantFrom('', '__proto__', 'constructor', 'facts', 'price', 'metadata', 'brandId', 'platform'),
      cell,
    )
    const lines = fc.record({
      bom: fc.constantFrom('', '\ufeff'),
      header: fc.array(column, { maxLength: 6 }),
      rows: fc.array(fc.array(cell, { maxLength: 7 }), { maxLength: 5 }),
      separator: fc.constantFrom(',', ';', '\t', '|'),
      end: fc.constantFrom('\n', '\r\n', '\r'),
    })
    const csv = fc.oneof(
      {
        weight: 4,
        arbitrary: lines.map(
          ({ bom, header, rows, separator, end }) =>
            bom + [header, ...rows].map((row) => row.join(separator)).join(end),
        ),
      },
      fc.string({ unit: 'binary', maxLength: 200 }),
    )
    await check(
      fc.tuple(
        fc.oneof(csv, fc.uint8Array({ maxLength: 300 })),
        headers,
        fc.constantFrom('text/csv', 'text/csv; charset=x', 'TEXT/CSV'),
      ),
      async ([body, given, type]) => {
        const bytes = typeof body === 'string' ? wellFormed(body) : new Uint8Array(body)
        const request = { method: 'POST', body: bytes, headers: { ...given, 'content-type': type } }
        await expectProper(await app.request('/v1/batches/1/csv', request))
      },
      numRuns * 4,
    )
  },
  time,
)

test(
  'cursors, tokens, paths and bodies that are nothing of the kind',
  async () => {
    const lists: string[] = []
    for (const { fields, template } of operations) if (Object.hasOwn(await fields(), 'cursor')) lists.push(template)
    const id = fc.oneof(fc.integer().map(String), fc.constantFrom('', '99999999999999999999', '1.5', '1e3', '-0', 'x'))
    const cursor = fc.oneof(
      id.map((text) => Buffer.from(`1:${text}`).toString('base64url')),
      id.map((text) => Buffer.from(`2:${text}`).toString('base64')),
      fc.string({ unit: 'binary', maxLength: 120 }).map(wellFormed),
    )
    await check(
      fc.tuple(fc.constantFrom(...lists), cursor),
      async ([template, text]) => {
        const path = template.replaceAll(/\{\w+\}/g, '1')
        await expectProper(await app.request(`${path}?cursor=${encodeURIComponent(text)}`))
      },
      numRuns * 4,
    )
    await check(
      fc.tuple(headerValue, fc.constantFrom('', 'Bearer ', 'Basic ', 'bearer\t')),
      async ([value, scheme]) =>
        expectProper(await api.app.request('/v1/jobs', { headers: { authorization: scheme + value } })),
      numRuns * 2,
    )
    const paths = fc.array(
      fc.constantFrom(
        '/',
        '/v1',
        '/jobs',
        '/1',
        '/%',
        '/%00',
        '/%ff',
        '/..',
        '/%2e%2e',
        '//',
        '?',
        '&',
        '=',
        '#',
        '/texts',
        '/results',
        '/api/trpc',
        '/visionPipeline.getUsage,x',
        '?batch=1',
        '/ÿ',
        '/🎉',
      ),
      { minLength: 1, maxLength: 6 },
    )
    const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND')
    const type = fc.constantFrom(
      'application/json',
      'application/json; charset=utf-16',
      'text/plain',
      'multipart/form-data',
      'application/problem+json',
    )
    await check(
      fc.tuple(paths, methods, type, fc.uint8Array({ maxLength: 60 })),
      async ([parts, method, contentType, body]) => {
        const has = method !== 'GET' && method !== 'HEAD'
        const response = await app.request(`http://api.example/${parts.join('')}`, {
          method,
          ...(has && { body: new Uint8Array(body), headers: { 'content-type': contentType } }),
        })
        if (method === 'HEAD') expect(response.status).toBeLessThan(500)
        else await expectProper(response)
      },
      numRuns * 8,
    )
  },
  time,
)
