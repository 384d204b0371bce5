import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Context, ScheduledEvent } from 'aws-lambda'
import { afterAll, afterEach, expect, vi } from 'vitest'
import type { Tally } from '../../core/domain/tally.ts'
import { createImageIntake } from '../../core/images/intake.ts'
import { BrandAnalysis } from '../../core/pipeline/analysis.ts'
import { formats, type OutputFormat, outputFormats } from '../../core/pipeline/formats.ts'
import { ConfigError } from '../../core/platform/config/load.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { getVisionJob } from '../../core/queue/read/read.ts'
import { compileCache } from '../dev/child-processes.ts'
import { noCap } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'

let database: TestDatabase
let services: TestServices

test.beforeAll(async ({ workerDatabase }) => {
  // The function's log.
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  database = workerDatabase
  services = await startTestServices()
})
afterEach(() => {
  services.providers.faults.clear()
  vi.unstubAllEnvs()
})
afterAll(async () => {
  vi.restoreAllMocks()
  await services.stop()
})

/** What EventBridge Scheduler sends where the target's input is left to it. */
const tick: ScheduledEvent = {
  version: '0',
  id: '89d1a02d-5ec7-412e-82f5-13505f849b41',
  'detail-type': 'Scheduled Event',
  source: 'aws.scheduler',
  account: '123456789012',
  time: '2026-11-23T12:00:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:scheduler:us-east-1:123456789012:schedule/default/poller'],
  detail: '{}' as never,
}
const context = {
  getRemainingTimeInMillis: () => 300_000,
  logStreamName: '2026/11/23/[$LATEST]58419525',
} as Context

/** Fires a function that has just started: its module is loaded anew, as on a cold start. */
async function fire(settings: Record<string, string> = {}): Promise<Tally> {
  for (const [key, value] of Object.entries({ ...services.settings(database.url), ...settings })) vi.stubEnv(key, value)
  vi.stubEnv('LOG_LEVEL', 'error')
  vi.resetModules()
  const { handler } = await import('../../functions/poller.ts')
  return handler(tick, context)
}

async function submit(
  outputFormat: OutputFormat,
  { fixture = 'halves.png', type = 'image/png', inFlightPerUser = noCap } = {},
): Promise<number> {
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  const taken = await intake.take(await fixtureUrl(fixture, type), 'ann')
  const { jobId } = await createVisionJob(
    database,
    { ...taken, analysisPurpose: 'Sell a flag', outputFormat, language: 'en' },
    { userId: 'ann', maxRetries: 3, inFlightPerUser, lifeMs: 86_400_000 },
  )
  return jobId
}

const read = (jobId: number) => getVisionJob(database, { jobId, userId: 'ann' })

test('a tick takes every waiting job through both providers, in every output format', async () => {
  const ids = await Promise.all(outputFormats.map((format) => submit(format)))
  expect(await fire()).toEqual({
    claimed: 6,
    completed: 6,
    retried: 0,
    failed: 0,
    released: 0,
    lost: 0,
    reclaimed: 0,
    expired: 0,
  })
  for (const [index, jobId] of ids.entries()) {
    const { job, outputs } = await read(jobId)
    expect(job.status).toBe('completed')
    const [analysis, content] = ['analysis', 'content'].map((kind) => outputs.find((output) => output.kind === kind))
    expect(BrandAnalysis.parse(analysis?.body).palette.map(({ share }) => share)).toEqual([0.5, 0.5])
    expect(formats[outputFormats[index] as OutputFormat].schema.safeParse(content?.body).error).toBeUndefined()
    expect(analysis?.model).toMatch(/emulated/)
  }
})

test('a tick lets blocked jobs in as others end, until none is left', async () => {
  const ids = []
  for (let made = 0; made < 3; made++) ids.push(await submit('summary', { inFlightPerUser: 1 }))
  expect((await read(ids[2] as number)).job.status).toBe('blocked')
  expect(await fire({ JOB_IN_FLIGHT_PER_USER: '1' })).toMatchObject({ claimed: 3, completed: 3 })
})

test.each([
  ['red.png', 'image/png', '#ff0000'],
  ['sample.webp', 'image/webp', undefined],
  ['sample.heic', 'image/heic', undefined],
  ['photo-like.jpg', 'image/jpeg', undefined],
])('an image of each kind is described: %s', async (fixture, type, colour) => {
  const jobId = await submit('alt_text', { fixture, type })
  expect(await fire()).toMatchObject({ completed: 1 })
  const analysis = BrandAnalysis.parse((await read(jobId)).outputs.find(({ kind }) => kind === 'analysis')?.body)
  if (colour) expect(analysis.palette).toMatchObject([{ hex: colour, share: 1 }])
  else expect(analysis.palette.length).toBeGreaterThan(0)
})

test('when DeepSeek fails after Gemini answered, the retry does not call Gemini again', async () => {
  const jobId = await submit('summary')
  services.providers.faults.add({ provider: 'deepseek', kind: 'blank', times: 2 })
  const before = services.providers.calls.counts()
  expect(await fire()).toMatchObject({ claimed: 3, retried: 2, completed: 1 })
  const after = services.providers.calls.counts()
  expect(after.gemini.total - before.gemini.total).toBe(1)
  expect(after.deepseek.total - before.deepseek.total).toBe(3)
  expect((await read(jobId)).job).toMatchObject({ status: 'completed', failures: 2, attempt: 3 })
})

test('an answer that does not fit is asked for once more in the same run, and both calls count', async () => {
  const jobId = await submit('summary')
  services.providers.faults.add({ provider: 'gemini', kind: 'malformed', malformedAs: 'misfit' })
  expect(await fire()).toMatchObject({ retried: 0, completed: 1 })
  const [run] = await database.sql('SELECT * FROM vision_job_attempts WHERE job_id = ?', [jobId])
  expect(run).toMatchObject({ outcome: 'completed', analysis_calls: 2, content_calls: 1, possibly_billed: null })
})

test('a second answer that does not fit fails the job, and there is no third', async () => {
  const jobId = await submit('summary')
  services.providers.faults.add({ provider: 'deepseek', kind: 'malformed', malformedAs: 'misfit', times: 'unlimited' })
  const before = services.providers.calls.counts().deepseek.total
  expect(await fire()).toMatchObject({ retried: 0, failed: 1 })
  expect(services.providers.calls.counts().deepseek.total - before).toBe(2)
  services.providers.faults.clear()
  expect((await read(jobId)).job).toMatchObject({ status: 'failed', errorCode: 'content.invalid_answer' })
  const [run] = await database.sql('SELECT * FROM vision_job_attempts WHERE job_id = ?', [jobId])
  expect(String(run?.error_detail)).toContain('headline is missing')
})

test('a worker that is killed loses nothing: another takes the job up and its saved step is not paid for twice', async () => {
  const jobId = await submit('summary')
  services.providers.faults.add({ provider: 'deepseek', kind: 'latency', latencyMs: 60_000 })
  const before = services.providers.calls.counts().gemini.total
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { handler } = await import(${JSON.stringify(fileURLToPath(new URL('../../functions/poller.ts', import.meta.url)))})
       await handler({}, { getRemainingTimeInMillis: () => 300000 })`,
    ],
    { env: { ...compileCache(), PATH: process.env.PATH, ...services.settings(database.url) }, stdio: 'ignore' },
  )
  try {
    await vi.waitFor(
      async () => expect((await read(jobId)).job).toMatchObject({ status: 'processing', nextStep: 'content' }),
      { timeout: 60_000, interval: 50 },
    )
    await vi.waitFor(() => expect(services.providers.calls.counts().deepseek.outcomes.waiting).toBe(1), 60_000)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  // Its lease holds until the database's clock says otherwise.
  expect(await fire()).toMatchObject({ reclaimed: 0, claimed: 0 })
  await database.sql('UPDATE vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [jobId])
  await delay(5)
  expect(await fire()).toMatchObject({ reclaimed: 1, completed: 1 })
  expect(services.providers.calls.counts().gemini.total - before).toBe(1)
  const runs = await database.sql('SELECT * FROM vision_job_attempts WHERE job_id = ? ORDER BY attempt', [jobId])
  expect(runs).toMatchObject([
    { outcome: 'lost', error_code: 'worker.lost', possibly_billed: 'content' },
    { outcome: 'completed', step: 'content' },
  ])
})

test('a tick closes the streams whose process has died', async () => {
  await database.sql(
    `INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at)
      VALUES ('ann', 1, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 61 SECOND)`,
  )
  await fire()
  expect(await database.sql('SELECT * FROM vision_job_sessions')).toMatchObject([{ close_reason: 'expired' }])
})

test('a job whose stored image is gone fails at once and says so', async () => {
  const jobId = await submit('summary')
  await database.sql("UPDATE vision_images SET sha256 = 'another'")
  expect(await fire()).toMatchObject({ failed: 1 })
  expect((await read(jobId)).job).toMatchObject({ errorCode: 'image.not_found' })
})

test('a deployed function never fetches from its own machine', async () => {
  const { jobId } = await createVisionJob(
    database,
    {
      imageUrl: `${services.providers.geminiBaseUrl}/image.png`,
      analysisPurpose: 'Look inside',
      outputFormat: 'summary',
      language: 'en',
    },
    { userId: 'ann', maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 },
  )
  expect(await fire()).toMatchObject({ failed: 1 })
  expect((await read(jobId)).job).toMatchObject({ errorCode: 'image.invalid_url' })
})

test('a function that lacks settings does not start, and names them all', async () => {
  vi.resetModules()
  for (const key of Object.keys(services.settings(''))) vi.stubEnv(key, '')
  const { handler } = await import('../../functions/poller.ts')
  const error = await handler(tick, context).catch((caught: Error) => caught)
  expect((error as ConfigError).name).toBe(ConfigError.name)
  for (const key of ['DATABASE_URL', 'BUCKET_NAME', 'GEMINI_API_KEY', 'DEEPSEEK_API_KEY']) {
    expect((error as Error).message).toContain(key)
  }
})

test('a tick says in its row what it did and where its log is, and deletes what ended long ago', async () => {
  const [old, young, running] = await Promise.all([submit('summary'), submit('summary'), submit('summary')])
  await database.sql("UPDATE vision_jobs SET status = 'cancelled' WHERE id IN (?)", [[old, young]])
  for (const [jobId, hours] of [
    [old, 30 * 24 + 1],
    [young, 30 * 24 - 1],
  ]) {
    await database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR WHERE id = ?', [
      hours,
      jobId,
    ])
  }
  await database.sql('DELETE FROM vision_workers')
  await fire()
  expect(await database.sql('SELECT id FROM vision_jobs ORDER BY id')).toEqual(
    [young, running].toSorted((one, other) => one - other).map((id) => ({ id })),
  )
  expect(
    await database.sql('SELECT host, claimed, completed, stopped_at IS NULL AS running FROM vision_workers'),
  ).toEqual([{ host: '2026/11/23/[$LATEST]58419525', claimed: 1, completed: 1, running: 0 }])
})

test('one tick prunes and sweeps until nothing is left, however much there is', async () => {
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)'
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
       created_at, updated_at, finished_at, expires_at)
     ${numbers} SELECT 'ann', 'cancelled', 3, 'https://a.example/b.png', 'x', 'summary', 'en', UTC_TIMESTAMP(3),
       UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 31 DAY, UTC_TIMESTAMP(3) FROM n`,
    [1_000],
  )
  await submit('summary')
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
       created_at, updated_at, finished_at, expires_at)
     ${numbers} SELECT 'ann', 'failed', 3, 'https://a.example/b.png', 'x', 'summary', 'en', UTC_TIMESTAMP(3),
       UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 31 DAY, UTC_TIMESTAMP(3) FROM n`,
    [150],
  )
  await database.sql(
    `INSERT INTO vision_images (user_id, sha256, state, type, bytes, width, height, sweep_at, created_at)
     ${numbers} SELECT 'ann', SHA2(i, 256), 'stored', 'image/png', 1, 1, 1, UTC_TIMESTAMP(3) - INTERVAL 1 HOUR,
       UTC_TIMESTAMP(3) FROM n`,
    [65],
  )
  await fire()
  expect(await database.sql('SELECT status, COUNT(*) AS jobs FROM vision_jobs GROUP BY status')).toEqual([
    { status: 'completed', jobs: 1 },
  ])
  expect(await database.sql('SELECT COUNT(*) AS images FROM vision_images')).toEqual([{ images: 1 }])
})

test('a function with a limit on money and a model without a price does not start, and says what to set', async () => {
  const settings = { USER_DOLLARS_PER_DAY: '1', GEMINI_MODEL: 'gemini-unheard-of' }
  await expect(fire(settings)).rejects.toThrow(/PRICES.*GEMINI_MODEL, gemini-unheard-of/)
})
