import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createImageIntake, type ImageIntake } from '../../core/images/intake.ts'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { createPoller, type Poller } from '../../core/worker/create-poller.ts'
import type { Provider } from '../../drizzle/schema.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { startWireServer, type Wire, type WireServer } from '../support/providers/wire.ts'
import { completed, type Decision, deepseekCases, geminiCases } from './answers.ts'

let database: TestDatabase
let services: TestServices
let wire: WireServer
const pollers: Partial<Record<Provider, Poller>> = {}

/** A worker of which one provider is the server that answers as it is told, and the other emulated. */
function pollerWith(provider: 'gemini' | 'deepseek'): Poller {
  pollers[provider] ??= createPoller(
    loadPollerConfig({
      ...services.settings(database.url),
      [`${provider.toUpperCase()}_BASE_URL`]: wire.url,
      [`${provider.toUpperCase()}_API_KEY`]: 'a-key-that-must-not-be-told',
      RETRY_BASE_SECONDS: '600',
      RETRY_CAP_SECONDS: '600',
    }),
    {
      log: () => undefined,
      metrics: createMetrics({ service: 'test', write: () => undefined, now: Date.now }),
      allowLoopbackHttp: false,
    },
  )
  return pollers[provider]
}

beforeAll(async () => {
  // Its own: its tests share one image.
  database = await createTestDatabase()
  services = await startTestServices()
  wire = await startWireServer()
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  taken = await intake.take(await fixtureUrl('halves.png', 'image/png'), 'ann')
})
beforeEach(async () => {
  for (const table of [
    'vision_jobs',
    'vision_job_outputs',
    'vision_job_attempts',
    'vision_provider_states',
    'vision_permits',
  ]) {
    await database.sql(`DELETE FROM ${table}`)
  }
})
afterAll(async () => {
  for (const poller of Object.values(pollers)) await poller?.close()
  await wire.stop()
  await services.stop()
  await database.drop()
})

/** The picture of all jobs, taken in once. */
let taken: Awaited<ReturnType<ImageIntake['take']>>
async function submit(): Promise<number> {
  const { jobId } = await createVisionJob(
    database,
    { ...taken, analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en' },
    { userId: 'ann', maxRetries: 3, inFlightPerUser: 1_000, lifeMs: 86_400_000 },
  )
  return jobId
}

const drain = (provider: 'gemini' | 'deepseek') => pollerWith(provider).drain({ deadline: performance.now() + 600_000 })
const jobs = async () =>
  (await database.sql('SELECT status, failures, error_code FROM vision_jobs ORDER BY id')) as unknown as readonly {
    readonly status: string
    readonly failures: number
    readonly error_code: string | null
  }[]
const runs = () => database.sql('SELECT * FROM vision_job_attempts ORDER BY id')

/** What became of the one job, and of its provider, after one run. */
async function decisionOn(provider: 'gemini' | 'deepseek'): Promise<Decision | string> {
  const [job] = await jobs()
  const state = (await database.run(readProviderStates)).of(provider)
  if (!job || !state) return 'nothing'
  if (job.status === 'completed' || job.status === 'failed') {
    return job.status === 'completed' ? 'completed' : 'permanent'
  }
  const { status, failures } = job
  if (status !== 'scheduled') return status
  // Its time was over long ago: does it end now?
  await database.sql("UPDATE vision_jobs SET expires_at = '2020-01-01'")
  await expireVisionJobs(database)
  const standsStill = (await jobs())[0]?.status !== 'failed'
  if (state.backoffMs > 0 && failures === 0) {
    if (!standsStill) return 'wait'
    return state.backoffCode?.endsWith('.quota_exhausted') ? 'wait for the reset' : 'operator'
  }
  if (standsStill || state.backoffMs > 0) return 'paused, at the cost of the job'
  return `${failures > 0 ? 'retry' : 'wait'}${state.consecutiveFailures > 0 ? ' and count' : ''}`
}

describe.each([
  ['gemini', geminiCases],
  ['deepseek', deepseekCases],
] as const)('%s answers with', (provider, cases) => {
  test.each(cases)('%s', async (_, answer, decision) => {
    wire.answer(answer)
    await submit()
    expect(await drain(provider)).toMatchObject({ lost: 0 })
    expect(await decisionOn(provider)).toBe(decision)
    expect(wire.requests).toHaveLength(1)
    expect(JSON.stringify(await runs())).not.toContain('a-key-that-must-not-be-told')
  })
})

test('an answer that does not fit is asked for once more, and then the job ends', async () => {
  wire.answer(completed('"…"'))
  await submit()
  expect(await drain('deepseek')).toMatchObject({ lost: 0, failed: 1 })
  expect(await decisionOn('deepseek')).toBe('permanent')
  expect(wire.requests).toHaveLength(2)
})

const begun = '{"id":"x","choices":[{"mess'
test.each<[string, Wire, 'content' | null]>([
  ['an answer that ends too early', { body: begun }, 'content'],
  ['blank lines and an answer that ends too early', { body: begun, blankLines: 2 }, 'content'],
  ['blank lines and then nothing', { body: '', blankLines: 2 }, 'content'],
  ['a stream that nobody asked for', { body: 'data: {"choices":[]}\n\ndata: [DONE]\n\n' }, 'content'],
  ['signs of life and then nothing', { body: ': keep-alive\n\n: keep-alive\n\n' }, 'content'],
  ['a broken connection', { body: begun, cut: 'within' }, 'content'],
  ['a page of somebody else', { body: '<html>login</html>' }, null],
  ['JSON of somebody else', { body: { ok: true } }, null],
  ['a word of somebody else', { body: 'OK' }, null],
  ['nothing', { body: '' }, null],
  ['a refusal that ends too early', { status: 500, body: begun }, null],
])('%s tells whether the call may have been billed', async (_, answer, step) => {
  wire.answer(answer)
  await submit()
  await drain('deepseek')
  expect(await runs()).toMatchObject([{ error_code: 'content.unavailable', possibly_billed: step, content_calls: 0 }])
})

test.each<['gemini' | 'deepseek', string, Wire, number]>([
  ['deepseek', 'a header with a unit', limited('Slow down', { 'retry-after': '120s' }), 120],
  ['deepseek', 'a header said twice', limited('Slow down', { 'retry-after': '60, 90' }), 90],
  ['deepseek', 'a header in milliseconds', limited('Slow down', { 'retry-after-ms': '90000' }), 90],
  ['deepseek', 'a message', limited('Rate limit reached. Please try again in 1m20s.'), 80],
  ['deepseek', 'a message in words', limited('Please retry after 95 seconds.'), 95],
  ['deepseek', 'the longer of both', limited('Please try again in 2m.', { 'retry-after': '60' }), 120],
  ['gemini', 'a message in minutes', limited('You exceeded your quota. Please retry in 3m4.5s.'), 184],
  ['gemini', 'a message in hours', limited('You exceeded your quota. Please retry in 2h3m4.5s.'), 7384],
  ['gemini', 'a detail', limited('Slow down', {}, [{ retryDelay: '38.1s' }]), 38],
  ['gemini', 'a detail that is spelt out', limited('Slow down', {}, [{ retryDelay: { seconds: '90' } }]), 90],
])('%s is left alone for as long as it asks by %s', async (provider, _, answer, seconds) => {
  wire.answer(answer)
  await submit()
  await drain(provider)
  const backoffMs = (await database.run(readProviderStates)).of(provider).backoffMs
  expect(backoffMs).toBeGreaterThan((seconds - 6) * 1000)
  expect(backoffMs).toBeLessThanOrEqual((seconds + 1) * 1000)
})

function limited(message: string, headers: Record<string, string> = {}, details: readonly object[] = []): Wire {
  return { status: 429, headers, body: { error: { message, details } } }
}

test('a wait that is asked for as a date is kept', async () => {
  const body = { error: { message: 'Rate limit reached', type: 'rate_limit_reached' } }
  wire.answer(() => ({
    status: 429,
    body,
    headers: { 'retry-after': new Date(Date.now() + 600_000).toUTCString() },
  }))
  await submit()
  await drain('deepseek')
  expect((await database.run(readProviderStates)).of('deepseek').backoffMs).toBeGreaterThan(500_000)
  expect((await database.run(readProviderStates)).of('deepseek').backoffMs).toBeLessThanOrEqual(601_000)
})

test('a quota of a day pauses its provider until it is renewed at midnight in California', async () => {
  const [, answer] = geminiCases.find(([title]) => title === 'a full day') ?? []
  wire.answer(answer ?? {})
  await submit()
  await drain('gemini')
  const backoffMs = (await database.run(readProviderStates)).of('gemini').backoffMs
  const hour = new Intl.DateTimeFormat('en-US', { timeZone: 'America/Los_Angeles', hour: '2-digit', hourCycle: 'h23' })
  expect(Number(hour.format(Date.now() + backoffMs + 60_000))).toBe(0)
})

test.each([
  ['no count of tokens', [null, null, null, null]],
  ['an empty count of tokens', [null, null, null, null]],
  ['counts that are none', [null, null, null, null]],
  ['a good answer', [1210, 0, 380, 0]],
] as const)('what is not known of a call stays unknown, and so does its cost: %s', async (title, tokens) => {
  const [, answer] = geminiCases.find(([one]) => one === title) ?? []
  wire.answer(answer ?? {})
  await submit()
  await drain('gemini')
  const [run] = await runs()
  expect(['input', 'cached', 'output', 'thinking'].map((kind) => run?.[`analysis_${kind}_tokens`])).toEqual(tokens)
  if (tokens[0] === null) expect(run?.analysis_cost).toBeNull()
  else expect(Number(run?.analysis_cost)).toBeGreaterThan(0)
})

test.each([
  ['the field of DeepSeek', { ...counts(), prompt_cache_hit_tokens: 448 }, 448],
  ['the field of OpenAI', { ...counts(), prompt_tokens_details: { cached_tokens: 448 } }, 448],
  ['null', { ...counts(), prompt_cache_hit_tokens: null }, null],
  ['more than there is', { ...counts(), prompt_cache_hit_tokens: 700 }, null],
])('cached tokens come from %s', async (_, usage, cached) => {
  const [, answer] = deepseekCases.find(([title]) => title === 'a good answer') ?? []
  wire.answer({ ...answer, body: { ...(answer?.body as object), usage } })
  await submit()
  await drain('deepseek')
  const [run] = await runs()
  expect(run).toMatchObject({ content_input_tokens: 690, content_cached_tokens: cached, content_output_tokens: 240 })
  if (cached === null) expect(run?.content_cost).toBeNull()
  else expect(Number(run?.content_cost)).toBeGreaterThan(0)
})

function counts() {
  return { prompt_tokens: 690, completion_tokens: 240, total_tokens: 930 }
}

test('a request that is wrong for every job fails none of thirty, and pauses its provider', async () => {
  wire.answer({ status: 400, body: { error: { code: 400, message: 'Request contains an invalid argument.' } } })
  for (let made = 0; made < 30; made++) await submit()
  for (let time = 0; time < 6; time++) {
    await drain('gemini')
    await database.sql("UPDATE vision_jobs SET available_at = '2020-01-01' WHERE status = 'scheduled'")
    await database.sql("UPDATE vision_provider_states SET backoff_until = '2020-01-01'")
  }
  const all = await jobs()
  expect(all.map(({ status }) => status)).not.toContain('failed')
  // The four before the fifth.
  expect(all.reduce((sum, { failures }) => sum + failures, 0)).toBe(4)
  expect((await database.run(readProviderStates)).of('gemini').downSince).not.toBeNull()
})

test('a single job that a firewall refuses fails after its retries, and pauses nothing', async () => {
  wire.answer({ status: 403, headers: { 'content-type': 'text/html' }, body: '<html>Blocked</html>' })
  await submit()
  for (let time = 0; time < 4; time++) {
    await drain('gemini')
    await database.sql("UPDATE vision_jobs SET available_at = '2020-01-01' WHERE status = 'scheduled'")
  }
  expect(await jobs()).toMatchObject([{ status: 'failed', error_code: 'analysis.refused', failures: 4 }])
  expect((await database.run(readProviderStates)).of('gemini')).toMatchObject({ downSince: null, backoffMs: 0 })
})

test('a second try after an answer that was cut off has at least twice the room', async () => {
  const asked = () => wire.requests.map((body) => JSON.parse(body).max_tokens)
  wire.answer({ body: { choices: [{ message: { content: '{' }, finish_reason: 'length' }] } })
  await submit()
  await drain('deepseek')
  const [first] = asked()
  expect(await jobs()).toMatchObject([{ error_code: 'content.cut_off' }])
  await database.sql("UPDATE vision_jobs SET available_at = '2020-01-01'")
  await drain('deepseek')
  expect(asked()).toHaveLength(2)
  expect(asked()[1]).toBeGreaterThanOrEqual(2 * first)
})
