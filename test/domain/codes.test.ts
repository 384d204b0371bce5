import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect } from 'vitest'
import { type ApiServices, createApp } from '../../core/api/app.ts'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { createBatch, maxOpen } from '../../core/batches/batches.ts'
import { cancelBatch } from '../../core/batches/change.ts'
import { createBrand, maxBrands, maxVersions } from '../../core/brands/brands.ts'
import { openDatabase } from '../../core/database/client.ts'
import { type ErrorCode, errorCodes, VisionError } from '../../core/domain/errors.ts'
import { createByteBudget } from '../../core/images/budget.ts'
import { connectToFirst } from '../../core/images/connect.ts'
import { type DownloadOptions, downloadImage } from '../../core/images/download.ts'
import { createImageLoader } from '../../core/images/load.ts'
import { createLookup } from '../../core/images/resolve.ts'
import { openImageStore } from '../../core/images/store.ts'
import { grantUpload } from '../../core/images/uploads.ts'
import { createKey, maxKeys } from '../../core/keys/keys.ts'
import type { BrandAnalysis } from '../../core/pipeline/analysis.ts'
import { createSteps } from '../../core/pipeline/steps.ts'
import { createAuthenticator } from '../../core/platform/auth.ts'
import type { CallErrorKind } from '../../core/providers/kinds.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { addBatchCounts } from '../../core/usage/batch-counts.ts'
import type { UserLimits } from '../../core/usage/quotas.ts'
import type { UploadLimits } from '../../core/usage/upload-quota.ts'
import { createEndpoint, maxEndpoints } from '../../core/webhooks/endpoints.ts'
import { maxSecrets } from '../../core/webhooks/secrets.ts'
import { codeTable, jobFieldTable, settingTables } from '../../dev/docs/reference-docs.ts'
import type { FaultRule } from '../../dev/emulators/providers/fault-rules.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { webhookEvents } from '../../drizzle/schema.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { contentOutput, noBackoff, passed } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import { png, pngHeader, pngSignature } from '../support/images/image-files.ts'
import { makeCertificate } from '../support/network/certificate.ts'
import { answer, type Behaviour, type HostileServer, startHostileServer } from '../support/network/hostile-server.ts'
import { startNameServer } from '../support/network/name-server.ts'
import { modelOf } from '../support/providers/access.ts'

// Every code of the table, brought about by the part that has it: what nothing can end in has no place there. What else
// ends in a code is tested beside its part.

const certificate = makeCertificate(['images.example'])
let api: TestApi
let emulators: ProviderEmulators
let images: HostileServer
let halves: Uint8Array
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  emulators = await startProviderEmulators()
  images = await startHostileServer(certificate)
  halves = await readFile(new URL('../fixtures/images/halves.png', import.meta.url))
})
afterEach(() => emulators.faults.clear())
afterAll(async () => {
  await images.stop()
  await emulators.stop()
  await api.drop()
})

const someBatch = { name: null, defaults: {}, onInvalid: 'refuse' } as const

/** The code that an API call is refused with. */
const refusal = async (...call: Parameters<TestApi['call']>): Promise<string> => (await json(api.call(...call))).code
const ann = { as: 'ann' }
const create = (changes: object) => refusal('POST', '/v1/jobs', { ...ann, body: { ...job, ...changes } })
const inline = (bytes: Uint8Array) =>
  create({ imageUrl: `data:image/png;base64,${Buffer.from(bytes).toString('base64')}` })

/** The code that something is rejected with. */
const rejection = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was wrong',
    (error) => (error instanceof VisionError ? error.code : String(error)),
  )

/** The code that a job shows. */
const codeOf = async (jobId: number): Promise<string> =>
  (await json(api.call('GET', `/v1/jobs/${jobId}`, ann))).error?.code

const nowhere = 'http://127.0.0.1:1'

/** The code of an API that one of its services fails. */
async function failing(services: Partial<ApiServices>, headers = {}): Promise<string> {
  const app = createApp({
    ...api.services,
    authenticate: async () => ({ userId: 'ann', scopes: new Set(['read', 'write']) }),
    ...services,
  })
  return (await json(app.request('/v1/jobs/1', { headers }) as Promise<Response>)).code
}

/** The code of a creation by a user who may have this much. */
async function limited(limits: Partial<UserLimits>): Promise<string> {
  const app = createApp({
    ...api.services,
    authenticate: async () => ({ userId: 'ann', scopes: new Set(['read', 'write']) }),
    limits: { ...api.services.limits, ...limits },
  })
  const body = JSON.stringify(job)
  const headers = { 'content-type': 'application/json' }
  return (await json(app.request('/v1/jobs', { method: 'POST', headers, body }) as Promise<Response>)).code
}

/** The code of an upload by a user who may be granted this much. */
async function uploading(uploadLimits: UploadLimits): Promise<string> {
  const app = createApp({
    ...api.services,
    authenticate: async () => ({ userId: 'ann', scopes: new Set(['read', 'write']) }),
    uploadLimits,
  })
  const body = JSON.stringify({ contentType: 'image/png', bytes: 10 })
  const headers = { 'content-type': 'application/json' }
  return (await json(app.request('/v1/uploads', { method: 'POST', headers, body }) as Promise<Response>)).code
}

/** The code of a download from a server that does this. */
function download(behaviour: Behaviour, changes: Partial<DownloadOptions> = {}): Promise<string> {
  images.behave(behaviour)
  return rejection(
    downloadImage('https://images.example/', {
      maxBytes: 1000,
      timeoutMs: 10_000,
      allowLoopbackHttp: false,
      signal: new AbortController().signal,
      lookup: async () => [{ address: '8.8.8.8' }],
      connect: () => connectToFirst([{ address: '127.0.0.1', family: 4 }], images.port),
      certificateAuthorities: certificate.cert,
      ...changes,
    }),
  )
}
const head = (status: string, ...headers: string[]) =>
  answer([`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n'), 'x')

/** The two steps over adapters that find their providers at this address. */
function stepsAt(baseUrl: string, { bytes = halves, timeoutMs = 5_000, again = false } = {}) {
  const options = { baseUrl, model: 'test', timeoutMs }
  const steps = createSteps(
    {
      image: async () => ({ bytes, type: 'image/png', release: () => undefined }),
      brand: async () => undefined,
    },
    { analysis: modelOf('gemini', options), content: modelOf('deepseek', options) },
    randomBytes,
  )
  const job = { analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en', traceId: null }
  const context = () => ({
    signal: new AbortController().signal,
    meter: {
      imageLoaded: () => undefined,
      sent: async () => undefined,
      answered: () => undefined,
      again: async () => again,
      failed: () => undefined,
    },
  })
  const analysis = exampleJob.outputs.analysis?.result as BrandAnalysis
  return {
    analysis: () => steps.analysis(job, context()),
    content: () => steps.content(job, analysis, context()),
  }
}
const stepOf = { gemini: 'analysis', deepseek: 'content' } as const

/** The code of a provider’s step when its emulator has a fault. */
function fault(provider: FaultRule['provider'], kind: FaultRule['kind'], timeoutMs = 5_000): Promise<string> {
  emulators.faults.add({ provider, kind })
  const baseUrl = provider === 'gemini' ? emulators.geminiBaseUrl : emulators.deepseekBaseUrl
  return rejection(stepsAt(baseUrl, { timeoutMs })[stepOf[provider]]())
}

/** The code of a step whose provider does not fit either time. */
function misfitTwice(provider: FaultRule['provider']): Promise<string> {
  emulators.faults.add({ provider, kind: 'malformed', times: 2 })
  const baseUrl = provider === 'gemini' ? emulators.geminiBaseUrl : emulators.deepseekBaseUrl
  return rejection(stepsAt(baseUrl, { again: true })[stepOf[provider]]())
}

/** The code of a step whose provider answers so. */
async function answered(step: 'analysis' | 'content', status: number, body: unknown): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await rejection(stepsAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)[step]())
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
const finished = (finish_reason: string) => ({ choices: [{ message: { content: '{}' }, finish_reason }] })
const ended = (finishReason: string) => ({ candidates: [{ finishReason }] })
const exhausted = {
  error: { code: 429, message: 'Quota exceeded', details: [{ violations: [{ quotaId: 'RequestsPerDay' }] }] },
}

/** Those of each step that its emulator shows, or else what its provider says. */
const ofCalls: Record<`${'analysis' | 'content'}.${CallErrorKind}`, () => Promise<string>> = {
  'analysis.blocked': () => fault('gemini', 'blocked'),
  'analysis.rejected': () =>
    rejection(stepsAt(emulators.geminiBaseUrl, { bytes: new Uint8Array([1, 2, 3]) }).analysis()),
  'analysis.refused': () => answered('analysis', 400, { error: { message: 'Request contains an invalid argument.' } }),
  'analysis.misfit': () => fault('gemini', 'malformed'),
  'analysis.invalid_answer': () => misfitTwice('gemini'),
  'analysis.blank_answer': () => fault('gemini', 'blank'),
  'analysis.cut_off': () => fault('gemini', 'truncated'),
  'analysis.recited': () => answered('analysis', 200, ended('RECITATION')),
  'analysis.timed_out': () => fault('gemini', 'hang', 200),
  'analysis.unavailable': () => answered('analysis', 500, {}),
  'analysis.overloaded': () => fault('gemini', 'unavailable'),
  'analysis.rate_limited': () => fault('gemini', 'rate_limited'),
  'analysis.quota_exhausted': () => answered('analysis', 429, exhausted),
  'analysis.insufficient_balance': () => fault('gemini', 'insufficient_balance'),
  'analysis.misconfigured': () => fault('gemini', 'unauthorized'),

  'content.blocked': () => fault('deepseek', 'blocked'),
  'content.rejected': () => answered('content', 413, { error: { message: 'too large' } }),
  'content.refused': () => answered('content', 422, { error: { message: 'no' } }),
  'content.misfit': () => fault('deepseek', 'malformed'),
  'content.invalid_answer': () => misfitTwice('deepseek'),
  'content.blank_answer': () => fault('deepseek', 'blank'),
  'content.cut_off': () => fault('deepseek', 'truncated'),
  'content.recited': () => answered('content', 200, finished('recitation')),
  'content.timed_out': () => fault('deepseek', 'hang', 200),
  'content.unavailable': () => answered('content', 502, {}),
  'content.overloaded': () => fault('deepseek', 'unavailable'),
  'content.rate_limited': () => fault('deepseek', 'rate_limited'),
  'content.quota_exhausted': () => answered('content', 429, { error: { message: 'x', code: 'daily_quota_exceeded' } }),
  'content.insufficient_balance': () => fault('deepseek', 'insufficient_balance'),
  'content.misconfigured': () => fault('deepseek', 'unknown_model'),
}

const webhookUrl = 'https://shop.example/hook'
const makeWebhook = async (userId: string) => {
  const settings = { url: webhookUrl, events: webhookEvents, description: null }
  return (await createEndpoint(api.database, userId, settings, randomBytes)).row.id
}

/** A job with its analysis and its text. */
async function completedJob(): Promise<number> {
  const jobId = await api.create('ann')
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, contentOutput, {})
  await completeVisionJob(api.database, run, contentOutput, {})
  return jobId
}

const ways: Record<ErrorCode, () => Promise<string>> = {
  'request.invalid': () => create({ outputFormat: 'poem' }),
  'request.unauthenticated': () => refusal('GET', '/v1/jobs'),
  'request.forbidden': () => refusal('GET', '/v1/worker', ann),
  'request.not_found': () => refusal('GET', '/v1/nothing', ann),
  'request.method_not_allowed': () => refusal('PUT', '/v1/jobs', ann),
  'request.too_large': () => create({ metadata: { text: 'x'.repeat(6_000_000) } }),
  'request.unsupported_type': () =>
    refusal('POST', '/v1/jobs', { ...ann, body: 'x', headers: { 'content-type': 'text/plain' } }),
  'auth.unavailable': () => {
    const keys = { AUTH_JWKS_URL: `${nowhere}/keys`, AUTH_ISSUER: 'x', AUTH_AUDIENCE: 'x' }
    const token = ['{"alg":"RS256"}', '{"sub":"ann"}', 'signature'].map((part) =>
      Buffer.from(part).toString('base64url'),
    )
    return failing({ authenticate: createAuthenticator(keys) }, { authorization: `Bearer ${token.join('.')}` })
  },
  'job.not_found': () => refusal('GET', '/v1/jobs/9007199254740991', ann),
  'job.not_cancellable': async () => {
    const jobId = await api.create('ann')
    await completeVisionJob(api.database, await api.claim(jobId), contentOutput, {})
    return refusal('POST', `/v1/jobs/${jobId}/cancel`, ann)
  },
  'job.not_retryable': async () => {
    const jobId = await api.create('ann')
    await cancelVisionJob(api.database, { jobId, userId: 'ann' })
    return refusal('POST', `/v1/jobs/${jobId}/retry`, ann)
  },
  'idempotency.mismatch': async () => {
    await api.create('ann', { idempotencyKey: 'once' })
    return create({ idempotencyKey: 'once', outputFormat: 'alt_text' })
  },
  'key.not_found': () => refusal('DELETE', '/v1/keys/1', ann),
  'key.too_many': async () => {
    const request = { userId: 'collector', name: 'One', scopes: ['read'] } as const
    for (let made = 0; made < maxKeys; made++) await createKey(api.database, request, randomBytes)
    return refusal('POST', '/v1/keys', { as: 'collector', body: { name: 'One more' } })
  },
  'webhook.not_found': () => refusal('GET', '/v1/webhooks/9007199254740991', ann),
  'webhook.too_many': async () => {
    for (let made = 0; made < maxEndpoints; made++) await makeWebhook('collector')
    return refusal('POST', '/v1/webhooks', { as: 'collector', body: { url: webhookUrl } })
  },
  'webhook.invalid_url': () => refusal('POST', '/v1/webhooks', { ...ann, body: { url: 'ftp://shop.example' } }),
  'webhook.too_many_secrets': async () => {
    const path = `/v1/webhooks/${await makeWebhook('ann')}/rotate`
    for (let made = 1; made < maxSecrets; made++) await api.call('POST', path, { ...ann, body: {} })
    return refusal('POST', path, { ...ann, body: {} })
  },
  'webhook.disabled': async () => {
    const path = `/v1/webhooks/${await makeWebhook('ann')}`
    await api.call('PATCH', path, { ...ann, body: { status: 'disabled' } })
    return refusal('POST', `${path}/test`, ann)
  },
  'webhook.delivery_not_found': async () =>
    refusal('POST', `/v1/webhooks/${await makeWebhook('ann')}/deliveries/9007199254740991/resend`, ann),
  'text.not_found': async () => refusal('GET', `/v1/jobs/${await api.create('ann')}/texts/24`, ann),
  'text.not_ready': async () => refusal('POST', `/v1/jobs/${await api.create('ann')}/texts/1/regenerate`, ann),
  'text.too_many': async () => {
    const outputs = [{ outputFormat: 'summary', variants: 24 }]
    return refusal('POST', `/v1/jobs/${await completedJob()}/texts`, { ...ann, body: { outputs } })
  },
  'text.too_many_revisions': async () => {
    const jobId = await completedJob()
    await api.database.sql('UPDATE vision_job_texts SET revision = 100 WHERE job_id = ?', [jobId])
    return refusal('POST', `/v1/jobs/${jobId}/texts/1/regenerate`, ann)
  },
  'batch.not_found': () => refusal('GET', '/v1/batches/9007199254740991', ann),
  'batch.closed': async () => {
    const { batchId } = await createBatch(api.database, 'ann', someBatch)
    await cancelBatch(api.database, { userId: 'ann', batchId }, () => true)
    return refusal('POST', `/v1/batches/${batchId}/jobs`, { ...ann, body: { jobs: [job] } })
  },
  'batch.full': async () => {
    const { batchId } = await createBatch(api.database, 'ann', someBatch)
    await api.database.run((on) => addBatchCounts(on, [{ batchId, status: 'created', jobs: 10_000 }]))
    return refusal('POST', `/v1/batches/${batchId}/jobs`, { ...ann, body: { jobs: [job] } })
  },
  'batch.too_many': async () => {
    const rows = Array.from({ length: maxOpen }, () => "('collector', '{}', UTC_TIMESTAMP(3), '2999-01-01')")
    await api.database.sql(
      `INSERT INTO vision_batches (user_id, defaults, created_at, closes_at) VALUES ${rows.join()}`,
    )
    return refusal('POST', '/v1/batches', { as: 'collector', body: {} })
  },
  'brand.not_found': () => refusal('GET', '/v1/brands/9007199254740991', ann),
  'brand.too_many': async () => {
    for (let made = 0; made < maxBrands; made++) await createBrand(api.database, 'collector', { name: `Brand ${made}` })
    return refusal('POST', '/v1/brands', { as: 'collector', body: { profile: { name: 'One more' } } })
  },
  'brand.too_many_versions': async () => {
    const { id } = await createBrand(api.database, 'ann', { name: 'One' })
    await api.database.sql('UPDATE vision_brands SET version = ? WHERE id = ?', [maxVersions, id])
    return refusal('PUT', `/v1/brands/${id}`, { ...ann, body: { profile: { name: 'Two' }, version: maxVersions } })
  },
  'request.precondition_failed': async () => {
    const { id } = await createBrand(api.database, 'ann', { name: 'One' })
    return refusal('PUT', `/v1/brands/${id}`, { ...ann, body: { profile: { name: 'Two' }, version: 7 } })
  },
  'request.precondition_required': async () => {
    const { id } = await createBrand(api.database, 'ann', { name: 'One' })
    return refusal('PUT', `/v1/brands/${id}`, { ...ann, body: { profile: { name: 'Two' } } })
  },
  'limit.jobs_per_day': () => limited({ jobsPerDay: 0 }),
  'limit.jobs_waiting': () => limited({ jobsWaiting: 0 }),
  'limit.spend_per_day': () => limited({ costPerDay: 0 }),
  'limit.uploads_per_day': () => uploading({ uploadsPerDay: 0, uploadBytesPerDay: 100 }),
  'limit.upload_bytes_per_day': () => uploading({ uploadsPerDay: 1, uploadBytesPerDay: 0 }),
  'limit.estimates_per_minute': async () => {
    await api.database.sql("INSERT INTO vision_estimate_quotas VALUES ('curious', UTC_TIMESTAMP(3), 60)")
    return refusal('POST', '/v1/estimate', { as: 'curious', body: { jobs: [job] } })
  },
  'limit.webhook_requests_per_minute': async () => {
    const path = `/v1/webhooks/${await makeWebhook('ann')}/test`
    await api.database.sql('UPDATE vision_webhook_endpoints SET requests = 60, requests_since = UTC_TIMESTAMP(3)')
    return refusal('POST', path, ann)
  },
  'upload.not_found': () => create({ imageUrl: 'upload:uploads/of-nobody/nothing' }),
  'database.unavailable': async () => {
    const database = openDatabase('mysql://nobody@127.0.0.1:1/nothing', { connections: 1, random: () => 0 })
    try {
      return await failing({ database })
    } finally {
      await database.close()
    }
  },

  'job.expired': async () => {
    const jobId = await api.create('ann')
    await passed(api.database, 'expires_at', jobId)
    await expireVisionJobs(api.database)
    return codeOf(jobId)
  },
  'worker.lost': async () => {
    const jobId = await api.create('ann')
    await api.claim(jobId)
    await passed(api.database, 'lease_expires_at', jobId)
    await reclaimVisionJobs(api.database, noBackoff)
    return codeOf(jobId)
  },
  'internal.error': () => failing({ database: { ...api.database, run: () => Promise.reject(new Error('a mistake')) } }),

  'image.invalid_url': () => create({ imageUrl: 'ftp://images.example/poster.png' }),
  'image.forbidden_address': () => download(answer(), { lookup: async () => [{ address: '10.0.0.1' }] }),
  'image.not_found': () => download(head('404 Not Found')),
  'image.unknown_host': async () => {
    const names = await startNameServer({})
    const lookup = createLookup({ servers: [names.address] })
    return download(answer(), { lookup }).finally(() => names.stop())
  },
  'image.upload_missing': async () => {
    const { store, database, now } = api.services
    const upload = { contentType: 'image/png', bytes: 10, userId: 'ann', now: now() } as const
    const { imageUrl } = await grantUpload(store, upload)
    const load = createImageLoader({
      database,
      store,
      budget: createByteBudget(1_000_000),
      link: async () => undefined,
      allowLoopbackHttp: false,
    })
    return rejection(load({ userId: 'ann', imageUrl, imageId: null }, new AbortController().signal))
  },
  'image.refused': () => download(head('403 Forbidden')),
  'image.too_large': () => download(head('200 OK', 'content-length: 1001')),
  'image.unsupported_type': () => inline(Buffer.from('GIF89a, and so on')),
  'image.malformed': () => inline(png(8, 4, pngHeader(9, 9))),
  'image.truncated': () => inline(pngSignature),
  'image.too_many_pixels': () => inline(png(16_000, 16_000)),
  'image.unsupported_encoding': () => download(head('200 OK', 'content-encoding: compress')),
  'image.invalid_response': () => download(answer('SSH-2.0-OpenSSH_9.2\r\n')),
  'image.untrusted_server': () => download(answer(), { certificateAuthorities: makeCertificate(['a.example']).cert }),
  'image.too_many_redirects': () => download(head('302 Found', 'location: /again')),
  'image.unreachable': () => download(head('503 Busy')),
  'image.timed_out': () => download(() => undefined, { timeoutMs: 100 }),
  'storage.unavailable': () => {
    const store = openImageStore({
      BUCKET_NAME: 'images',
      AWS_REGION: 'us-east-1',
      S3_ENDPOINT: nowhere,
      S3_ACCESS_KEY_ID: 'x',
      S3_SECRET_ACCESS_KEY: 'x',
    })
    return rejection(store.put('images/one', halves, 'image/png')).finally(() => store.close())
  },

  ...ofCalls,
}

describe('every code is reached', () => {
  test.each(Object.keys(errorCodes) as ErrorCode[])('%s', async (code) => {
    expect(await ways[code]()).toBe(code)
  })
})

test('the generated documentation is up to date', async () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
  const expectIn = async (path: string, text: string) =>
    expect((await read(path)).includes(text), `npm run docs puts ${path} right`).toBe(true)
  await expectIn('docs/errors.md', codeTable())
  await expectIn('docs/api.md', jobFieldTable())
  for (const example of ['.env.example', '.env.deploy.example']) {
    await expectIn('docs/configuration.md', settingTables(await read(example)))
  }
  for (const code of Object.keys(errorCodes)) expect(codeTable()).toContain(`| \`${code}\` |`)
})
