import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appRouter, resources } from '../../core/api/router.ts'
import { operationsOf } from '../../core/http/operations.ts'
import { createKey } from '../../core/keys/keys.ts'
import { type Scope, scopes } from '../../core/platform/auth.ts'
import { createTestApi, json, type TestApi } from '../support/api/test-api.ts'

let api: TestApi
const keys = new Map<string, string>()
beforeAll(async () => {
  api = await createTestApi()
  for (const scope of scopes) {
    const others = scopes.filter((one) => one !== scope)
    for (const list of [[scope], others]) {
      const { key } = await createKey(api.database, { userId: 'ann', name: 'Test', scopes: list }, randomBytes)
      keys.set(list.join(' '), key)
    }
  }
})
afterAll(() => api.drop())

const operations = operationsOf(appRouter, resources)
const nameOf = (path: string) => path.split('.').at(-1) ?? ''

/** Every procedure and what a key needs for it. Whoever adds one decides here as well. */
const table: Readonly<Record<Scope, readonly string[]>> = {
  read: [
    'createEventsTicket',
    'estimateJobs',
    'getBatch',
    'getBatchResults',
    'getBrand',
    'getBrandVersion',
    'getJobAttempts',
    'getJobHistory',
    'getJobStatus',
    'getText',
    'getUsage',
    'getWebhook',
    'listBatches',
    'listBrandVersions',
    'listBrands',
    'listDeliveries',
    'listKeys',
    'listTextRevisions',
    'listWebhooks',
    'watchJob',
    'watchJobs',
  ],
  write: [
    'addBatchJobs',
    'addTexts',
    'archiveBrand',
    'cancelBatch',
    'cancelJob',
    'cancelMatchingJobs',
    'createBatch',
    'createBrand',
    'createJob',
    'createJobs',
    'createKey',
    'createUpload',
    'createWebhook',
    'deleteBatch',
    'deleteJob',
    'deleteMatchingJobs',
    'deleteWebhook',
    'editText',
    'importBatchCsv',
    'regenerateText',
    'resendDelivery',
    'retryBatch',
    'retryJob',
    'retryMatchingJobs',
    'revokeKey',
    'rotateWebhookSecret',
    'testWebhook',
    'updateBrand',
    'updateWebhook',
  ],
  operator: [
    'cancelJobs',
    'eraseUser',
    'findJobs',
    'getFailures',
    'getJobForOperator',
    'getMinutes',
    'getOperatorActions',
    'getUserLimits',
    'getWorkerStatus',
    'pauseClaims',
    'pruneJobs',
    'redriveJobs',
    'resumeClaims',
    'setUserLimits',
  ],
}

test('every procedure has the scope that this table names', () => {
  const found = Object.groupBy(operations, ({ meta }) => meta.scope)
  const named = scopes.map((scope) => [scope, (found[scope] ?? []).map(({ path }) => nameOf(path)).sort()])
  expect(Object.fromEntries(named)).toEqual(table)
})

test('the document says the same of every operation, and that a token will do', async () => {
  const { paths, components } = await json(api.call('GET', '/openapi.json'))
  expect(components.securitySchemes).toMatchObject({
    apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'vpk_…' },
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  })
  for (const { template, method, meta } of operations) {
    const { security, responses, tags } = paths[template][method.toLowerCase()]
    const inToken = meta.scope === 'operator' ? ['operator'] : []
    expect([template, security.slice(0, 2)]).toEqual([template, [{ apiKey: [meta.scope] }, { bearer: inToken }]])
    expect(responses[403]).toBeDefined()
    expect([template, tags.includes('operator')]).toEqual([template, meta.scope === 'operator'])
  }
})

test('what only looks is read, and what changes anything is not', () => {
  for (const { type, meta, path } of operations) {
    if (type !== 'mutation') expect([path, meta.scope]).not.toEqual([path, 'write'])
    else if (meta.scope === 'read') expect(['createEventsTicket', 'estimateJobs']).toContain(nameOf(path))
  }
})

test.each(operations.map((operation) => [nameOf(operation.path), operation] as const))(
  '%s is refused to a key with all scopes but its own, and allowed with that one',
  async (_, { path, type, method, template, meta }) => {
    const statuses = async (key: string | undefined) => {
      const headers = { authorization: `Bearer ${key}` }
      const hasBody = method !== 'GET' && method !== 'DELETE'
      // An id that is none, so that nothing is done: what is refused is refused before anything is read.
      const rest = await api.call(method, template.replaceAll(/\{\w+\}/g, 'x'), {
        headers,
        ...(hasBody && { body: { x: 1 } }),
      })
      const trpc = await api.call(type === 'mutation' ? 'POST' : 'GET', `/api/trpc/${path}`, {
        headers,
        ...(type === 'mutation' && { body: { x: 1 } }),
      })
      await Promise.all([rest.body?.cancel(), trpc.body?.cancel()])
      return [rest.status, type === 'subscription' ? rest.status : trpc.status]
    }
    const others = scopes.filter((scope) => scope !== meta.scope).join(' ')
    expect(await statuses(keys.get(others))).toEqual([403, 403])
    for (const status of await statuses(keys.get(meta.scope))) expect([401, 403]).not.toContain(status)
  },
)
