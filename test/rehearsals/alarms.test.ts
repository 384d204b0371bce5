import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { createPoller } from '../../core/worker/create-poller.ts'
import { claimOne, emptyQueue, makeJob } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixture } from '../support/images/storage.ts'
import { readMetrics } from '../support/metrics.ts'
import { commandsOfAlarm, run } from './runbook.ts'

// From an alarm to the cause by the very commands of its page in docs/operating.md: what fails is a real worker, and the metric
// that fires the alarm is its own.

vi.setConfig({ testTimeout: 60_000 })

let database: TestDatabase
let services: TestServices
let images: Server
let image: string
let lines: string[] = []
beforeAll(async () => {
  // Its own: a table is broken on the way.
  database = await createTestDatabase()
  services = await startTestServices()
  const halves = await fixture('halves.png')
  images = createServer(({ url }, response) => {
    response.writeHead(url === '/halves.png' ? 200 : 404, { 'content-type': 'image/png' }).end(halves)
  })
  await new Promise<void>((listening) => images.listen(0, '127.0.0.1', listening))
  image = `http://127.0.0.1:${(images.address() as AddressInfo).port}/halves.png`
})
afterEach(async () => {
  lines = []
  services.providers.faults.clear()
  await emptyQueue(database)
})
afterAll(async () => {
  images.close()
  await services.stop()
  await database.drop()
})

/** Drains the queue once, as the deployed poller does. */
async function drain(settings: Record<string, string> = {}): Promise<void> {
  const config = loadPollerConfig({ ...services.settings(database.url), ...settings })
  const metrics = createMetrics({ service: 'vision-test', write: (line) => void lines.push(line), now: Date.now })
  const poller = createPoller(config, { log: () => undefined, metrics, allowLoopbackHttp: true })
  await poller.drain({ deadline: performance.now() + 300_000 })
  await poller.close()
}

/** The values of a metric under a dimension, as the alarm sums them. */
function told(metric: string, dimension?: readonly [name: string, value: string]): number {
  return readMetrics(lines)
    .filter(({ dimensions }) => dimension === undefined || dimensions[dimension[0]] === dimension[1])
    .reduce((sum, { values }) => sum + (values[metric] ?? 0), 0)
}

/** What the operator's commands of an alarm's page write, about this job and user. */
async function follow(alarm: string, jobId: number, settings: Record<string, string> = {}): Promise<string> {
  const outputs: string[] = []
  const env = { DATABASE_URL: database.url, ...settings }
  for (const command of commandsOfAlarm(alarm).filter((one) => one.startsWith('npm run ops -- '))) {
    const about = command.replace(/ job 21$/, ` job ${jobId}`).replace('--user ann', '--user user-1')
    const { output } = await run(about, { folder: '.', env })
    outputs.push(output)
  }
  expect(outputs.length).toBeGreaterThan(0)
  return outputs.join('\n')
}

test('StorageUnavailable: a key of the bucket that was withdrawn', async () => {
  const jobs = [await makeJob(database, { imageUrl: image }), await makeJob(database, { imageUrl: image })]
  const withdrawn = { S3_SECRET_ACCESS_KEY: 'withdrawn-key' }
  await drain(withdrawn)
  await database.sql("UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) WHERE status = 'scheduled'")
  await drain(withdrawn)
  expect(told('JobsReleasedByCode', ['code', 'storage.unavailable'])).toBe(4)
  const { BUCKET_NAME = '', AWS_REGION = '', S3_ENDPOINT = '', S3_ACCESS_KEY_ID = '' } = services.settings(database.url)
  const written = await follow('StorageUnavailable', jobs[0] ?? 0, {
    BUCKET_NAME,
    AWS_REGION,
    S3_ENDPOINT,
    S3_ACCESS_KEY_ID,
    ...withdrawn,
  })
  for (const jobId of jobs) expect(written).toMatch(new RegExp(`^ *${jobId}  scheduled .*storage\\.unavailable`, 'm'))
  expect(written).toMatch(/^run 2: .*signature/im)
  expect(written).toMatch(/^bucket +WRONG/m)
})

test('InternalError: a column that a migration made too small', async () => {
  const jobId = await makeJob(database, { imageUrl: image, maxRetries: 0 })
  await database.sql('ALTER TABLE vision_job_outputs MODIFY body VARCHAR(20) NOT NULL')
  await drain()
  await database.sql('ALTER TABLE vision_job_outputs MODIFY body MEDIUMTEXT NOT NULL')
  expect(told('JobsFailedByCode', ['code', 'internal.error'])).toBe(1)
  const written = await follow('InternalError', jobId)
  expect(written).toMatch(new RegExp(`^internal\\.error .* job ${jobId}$`, 'm'))
  expect(written).toMatch(/^run 1: .*Data too long for column 'body'/m)
})

test('WorkerLost: an image that kills every worker', async () => {
  const jobId = await makeJob(database, { imageUrl: image })
  const run = await claimOne(database, { workerId: 'of-the-log-stream' })
  expect(run.jobId).toBe(jobId)
  await database.sql(
    'UPDATE vision_jobs SET crashes = 5, lease_expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = ?',
    [jobId],
  )
  await drain()
  expect(told('JobsFailedByCode', ['code', 'worker.lost'])).toBe(1)
  const written = await follow('WorkerLost', jobId)
  expect(written).toMatch(new RegExp(`^ *${jobId}  failed .*worker\\.lost`, 'm'))
  expect(written).toMatch(/^ *1 {2}lost .*worker\.lost/m)
})

test('JobExpired: a job that was blocked behind its user’s own until its time was over', async () => {
  const jobId = await makeJob(database, { imageUrl: image })
  await database.sql(
    "UPDATE vision_jobs SET status = 'blocked', expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = ?",
    [jobId],
  )
  await drain()
  expect(told('JobsFailedByCode', ['code', 'job.expired'])).toBe(1)
  const written = await follow('JobExpired', jobId)
  expect(written).toMatch(new RegExp(`^ *${jobId}  failed .*job\\.expired +0 `, 'm'))
  expect(written).toMatch(/^jobs in flight +\d+ +JOB_IN_FLIGHT_PER_USER$/m)
})

test('JobsFailed: dead links, of one user', async () => {
  const jobs: number[] = []
  for (let made = 0; made < 10; made++) jobs.push(await makeJob(database, { imageUrl: `${image}.gone` }))
  await drain()
  expect(told('JobsFailed')).toBe(10)
  const written = await follow('JobsFailed', jobs[9] ?? 0)
  expect(written).toMatch(/^image\.not_found +analysis +10 +1 /m)
  expect(written).toContain('The image server answered 404.')
})

test('DeepseekPaused: an account without balance', async () => {
  const jobId = await makeJob(database, { imageUrl: image })
  services.providers.faults.add({ provider: 'deepseek', kind: 'insufficient_balance' })
  await drain()
  expect(told('ProviderPaused', ['provider', 'deepseek'])).toBe(1)
  const written = await follow('DeepseekPaused', jobId)
  expect(written).toMatch(/^deepseek +open for \d+ s \(content\.insufficient_balance\), down since/m)
})
