import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { makeJob, makeJobs, spending } from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { workerOptions } from '../support/worker.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  proxied = await openProxied(direct.url, { connections: 4 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

const call = async (meter: { sent(): Promise<void>; answered(used: ReturnType<typeof spending>): void }) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: { title: 'A poster' } }
}
const steps: Steps = { analysis: (_, { meter }) => call(meter), content: (_, __, { meter }) => call(meter) }

const worker = (changes: Partial<WorkerOptions>) =>
  workerOptions(proxied, steps, { workerId: 'worker-1', concurrency: 100, ...changes })

/** What a drain asked of the database: its statements, and how many commits wrote something. */
async function countsOf(draining: Promise<unknown>) {
  await draining
  const kinds = Map.groupBy(proxy.statements, (one) =>
    one
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/[\d'].*/g, '')
      .slice(0, 70),
  )
  const by = [...kinds].map(([kind, all]) => `${all.length} ${kind}`).toSorted()
  return { statements: proxy.statements.length, by: by.join('\n') }
}

test('at 100 in flight a job takes at most half a statement and a tenth of a commit', async () => {
  const jobs = 1_000
  await makeJobs(direct, jobs)
  proxy.statements.length = 0
  const commits = proxy.commits
  const { statements, by } = await countsOf(drain(worker({}), { deadline: performance.now() + 120_000 }))
  expect(await direct.sql('SELECT status, COUNT(*) AS n FROM vision_jobs GROUP BY 1')).toEqual([
    { status: 'completed', n: jobs },
  ])
  expect(statements / jobs, by).toBeLessThanOrEqual(0.5)
  expect((proxy.commits - commits) / jobs).toBeLessThanOrEqual(0.1)
  // The settlement knows what the rows of its runs hold, and the claim has the states that the poll has read.
  expect(proxy.statements.filter((one) => /^select .*from .?vision_job_attempts/is.test(one))).toEqual([])
  const of = (start: string) => proxy.statements.filter((one) => one.startsWith(start)).length
  expect(of('SELECT provider AS name'), by).toBeLessThanOrEqual(2.5 * of('SELECT\n        (SELECT COUNT(*)'))
})

test('where places become free one by one, a job takes at most 18 statements: a poll’s count is claimed without another, and states serve for a moment', async () => {
  const jobs = 250
  await makeJobs(direct, jobs)
  proxy.statements.length = 0
  let calls = 0
  const slow: Steps = {
    // Of lengths that keep the jobs apart.
    analysis: (_, { meter }) => delay(100 + ((++calls * 37) % 200)).then(() => call(meter)),
    content: (_, __, { meter }) => delay(100 + ((++calls * 37) % 200)).then(() => call(meter)),
  }
  const options = workerOptions(proxied, slow, { workerId: 'worker-2', concurrency: 25 })
  const { statements, by } = await countsOf(drain(options, { deadline: performance.now() + 120_000 }))
  expect((await direct.sql("SELECT 1 FROM vision_jobs WHERE status = 'completed'")).length).toBeGreaterThanOrEqual(jobs)
  const of = (start: string) => proxy.statements.filter((one) => one.startsWith(start)).length / jobs
  expect(of('SELECT\n        (SELECT COUNT(*)'), by).toBeLessThanOrEqual(0.2)
  expect(of('SELECT provider AS name'), by).toBeLessThanOrEqual(0.5)
  expect(statements / jobs, by).toBeLessThanOrEqual(18)
})

test('in a trickle, one job every 400 ms, a job takes at most 12 statements, polls included', async () => {
  const jobs = 15
  proxy.statements.length = 0
  const began = performance.now()
  const stopping = new AbortController()
  const draining = drain(worker({ idleMs: 60_000 }), { deadline: performance.now() + 60_000, signal: stopping.signal })
  for (let made = 0; made < jobs; made++) {
    await makeJob(direct)
    await new Promise((resolve) => setTimeout(resolve, 400))
  }
  const isDone = async () => (await direct.sql("SELECT 1 FROM vision_jobs WHERE status <> 'completed'")).length
  await expect.poll(isDone, { timeout: 30_000, interval: 200 }).toBe(0)
  stopping.abort()
  const { statements, by } = await countsOf(draining)
  // On a busy machine they come later than every 400 ms, and polls go on meanwhile.
  const jobTimes = Math.max(jobs, (performance.now() - began) / 400)
  expect(statements / jobTimes, by).toBeLessThanOrEqual(12)
})
