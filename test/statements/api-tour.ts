import { randomBytes } from 'node:crypto'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { createKey } from '../../core/keys/keys.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { job, json, type TestApi } from '../support/api/test-api.ts'

interface Operation {
  operationId: string
  security?: Record<string, string[]>[]
  parameters?: { name: string; in: string; schema: { default?: unknown; items?: object } }[]
  requestBody?: { content: { 'application/json': { example: unknown } } }
}

/** So that no call repeats the key of another. */
let called = 0

/** Calls every operation of the API as its document says, each with a job, a batch, a brand, a webhook and a key of its own. */
export async function callEveryOperation(api: TestApi): Promise<void> {
  const document = await json(api.call('GET', '/openapi.json'))
  const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  for (const { path, method, operation } of operations) {
    const { operationId, security = [], parameters = [], requestBody } = operation
    const ids: Record<string, number> = { textId: 1, version: 1, jobId: await api.create('ann') }
    if (path.includes('/texts') || /getJobStatus|getJobHistory|watchJob$/.test(operationId)) {
      const run = await api.claim(ids.jobId ?? 0)
      const { analysis, content } = exampleJob.outputs
      await saveAnalysis(api.database, run, { model: 'm', body: analysis?.result }, {})
      await completeVisionJob(api.database, run, { model: 'm', body: content?.result }, {})
    }
    if (operationId === 'retryJob' || operationId === 'getJobAttempts') {
      const reason = { code: 'image.not_found', message: 'It is not there.' } as const
      await failVisionJob(api.database, await api.claim(ids.jobId ?? 0), reason, {})
    }
    if (path.includes('{brandId}'))
      ids.brandId = (await post(api, '/v1/brands', { profile: { name: operationId } })).brandId
    if (path.includes('{batchId}')) {
      ids.batchId = (await post(api, '/v1/batches', { name: operationId })).batchId
      await post(api, `/v1/batches/${ids.batchId}/jobs`, { jobs: [job] })
    }
    if (operationId === 'watchJobs') {
      const { batchId, jobs } = await post(api, '/v1/jobs/batch', { jobs: [job] })
      ids.batchId = batchId
      // The stream of a batch ends with it.
      await api.call('POST', `/v1/jobs/${jobs[0].jobId}/cancel`, { as: 'ann' })
    }
    if (path.includes('{keyId}')) {
      const key = { userId: 'ann', name: operationId, scopes: ['read'] } as const
      ids.keyId = (await createKey(api.database, key, randomBytes)).row.id
    }
    if (path.includes('{webhookId}')) {
      const { webhookId } = await post(api, '/v1/webhooks', {
        url: 'https://shop.example/hook',
        events: ['job.completed'],
      })
      ids.webhookId = webhookId
      ids.deliveryId = (await post(api, `/v1/webhooks/${webhookId}/test`)).deliveryId
    }
    const query = new URLSearchParams()
    const headers: Record<string, string> = {}
    for (const { name, in: where, schema } of parameters) {
      if (name === 'If-Match') headers[name] = '*'
      if (name === 'Idempotency-Key') headers[name] = `${operationId}-${called++}`
      if (where === 'query' && schema.default !== undefined) query.set(name, String(schema.default))
    }
    if (operationId === 'watchJobs') query.set('batchId', String(ids.batchId))
    const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(ids[name]))
    const scopes = security.flatMap((one) => one.bearer ?? [])
    const body = requestBody?.content['application/json']?.example
    const reply = await api.call(method.toUpperCase(), `${target}?${query}`, { as: 'ann', scopes, headers, body })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${operationId}: ${reply.status} ${text}`)
    if (operationId === 'createWebhook' || path.includes('{webhookId}')) {
      await api.database.sql("DELETE FROM vision_webhook_endpoints WHERE user_id = 'ann'")
    }
  }
}

/** Posts as ann, and returns the answer. @throws Error if it is refused */
export async function post(api: TestApi, path: string, body: object = {}) {
  const headers = { 'Idempotency-Key': `tour-${called++}` }
  const reply = await api.call('POST', path, { as: 'ann', body, headers })
  const parsed = await json(reply)
  if (!reply.ok) throw new Error(`POST ${path}: ${JSON.stringify(parsed)}`)
  return parsed
}
