import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, describe, expect } from 'vitest'
import type { StepContext } from '../../core/domain/step.ts'
import type { ProviderLimits } from '../../core/providers/limits.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { makeJobs, spending } from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'
import { workerOptions } from '../support/worker.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  proxied = await openProxied(direct.url, { connections: 4 })
  proxy = proxied.proxy
  // All connections are there before anything is counted: each begins with statements of its own.
  const all = Array.from({ length: 4 }, () => proxied.run((on) => on.execute(sql`SELECT SLEEP(0.5)`)))
  await Promise.all(all)
})
afterAll(() => proxied.close())

const paid = async ({ meter }: StepContext) => {
  await meter.sent()
  await delay(20)
  meter.answered(spending())
  return { model: 'a-model', body: {} }
}
const steps: Steps = {
  analysis: (_, context) => paid(context),
  content: (_, __, context) => paid(context),
}

/** What one job costs while `work` goes on beside a worker: statements, and commits that write. What comes with time is left out: polls and reports. */
async function costOf(jobs: number, limits: ProviderLimits, work: () => Promise<void>) {
  const workerId = `counted-${Math.random()}`
  const stop = new AbortController()
  const draining = drain(
    workerOptions(proxied, steps, {
      providers: accessTo(proxied, { workerId, limits: { gemini: limits, deepseek: limits } }),
      workerId,
      concurrency: 25,
      idleMs: 60_000,
      pollMs: 20,
    }),
    { deadline: performance.now() + 120_000, signal: stop.signal },
  )
  // The first report.
  await delay(300)
  proxy.statements.length = 0
  const before = proxy.commits
  await work()
  const completed = async () => (await direct.sql("SELECT 1 FROM vision_jobs WHERE status = 'completed'")).length
  await expect.poll(completed, { timeout: 60_000 }).toBe(jobs)
  await delay(100)
  const reports = proxy.statements.filter((one) => /^insert into `vision_workers`/.test(one)).length
  const commits = (proxy.commits - before - reports) / jobs
  const withTime = /^SELECT\s+(EXISTS|\(SELECT COUNT)|FROM vision_provider_states$|\bvision_worker(s|_minutes)\b/
  const statements = proxy.statements.filter((one) => !withTime.test(one.trim()))
  stop.abort()
  await draining
  const of = (what: RegExp) => statements.filter((one) => what.test(one)).length / jobs
  return {
    statements: statements.length / jobs,
    commits,
    permits: of(/vision_permits/),
    providerStates: of(/vision_provider_states/),
    /** Each a commit of its own: virtual time goes on with each claim. */
    lanes: of(/^INSERT INTO vision_lanes/),
  }
}

const oneByOne = (jobs: number) => async () => {
  for (let job = 1; job <= jobs; job++) {
    await makeJobs(direct, 1)
    const ended = async () => (await direct.sql("SELECT 1 FROM vision_jobs WHERE status = 'completed'")).length
    await expect.poll(ended, { interval: 20 }).toBe(job)
  }
}
const atOnce = (jobs: number) => async () => {
  await makeJobs(direct, jobs)
}

const limits: ProviderLimits = { requestsPerMinute: 10_000, requestsInFlight: 1_000 }

describe('what a job costs, looks aside', () => {
  test('in a trickle, at providers without limits: no lock of a provider’s row, no permit, three commits and virtual time', async () => {
    const cost = await costOf(10, {}, oneByOne(10))
    expect(cost).toMatchObject({ permits: 0, providerStates: 0, lanes: 1 })
    expect(cost.commits - cost.lanes).toBeLessThanOrEqual(3.5)
    expect(cost.statements).toBeLessThanOrEqual(26)
  })

  test('among 25 in flight, at providers without limits', async () => {
    const cost = await costOf(200, {}, atOnce(200))
    expect(cost).toMatchObject({ permits: 0, providerStates: 0 })
    expect(cost.commits).toBeLessThanOrEqual(2.5)
    expect(cost.statements).toBeLessThanOrEqual(10)
  })

  test('in a trickle, at providers with limits: no more is reserved than there is to claim', async () => {
    const cost = await costOf(10, limits, oneByOne(10))
    // Of each of two calls: two counts, the reservation, the note that it goes out, and the end.
    expect(cost.permits).toBeLessThanOrEqual(11)
    expect(cost.lanes).toBe(1)
    expect(cost.commits - cost.lanes).toBeLessThanOrEqual(10)
    expect(cost.statements).toBeLessThanOrEqual(43)
  })

  test('among 25 in flight, at providers with limits: what happens at the same time is noted together', async () => {
    const cost = await costOf(200, limits, atOnce(200))
    expect(cost.permits).toBeLessThanOrEqual(5)
    expect(cost.commits).toBeLessThanOrEqual(5)
    expect(cost.statements).toBeLessThanOrEqual(14)
  })
})
