import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { gatherMs, lookMs, watchfulMs } from '../../core/worker/lookout.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { createBell } from '../../core/worker/wake/bell.ts'
import { hour, makeJob, spending, statusOf } from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { workerOptions } from '../support/worker.ts'

let direct: TestDatabase
let proxied: ProxiedDatabase
let proxy: DatabaseProxy
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  proxied = await openProxied(direct.url, { connections: 4 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

const answer = async (meter: { sent(): Promise<void>; answered(used: ReturnType<typeof spending>): void }) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: { title: 'A poster' } }
}

/**
 * A worker that polls once an hour, whose first job takes until `end`, and others no time, unless they take as long: where a run ends
 * the worker polls.
 */
function busyWorker(first: number, changes: Partial<WorkerOptions> = {}, areOthersHeld = false) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const stopping = new AbortController()
  const steps: Steps = {
    analysis: async (run, { meter }) => {
      if (areOthersHeld || run.jobId === first) await ended
      return answer(meter)
    },
    content: (_, __, { meter }) => answer(meter),
  }
  const stepMs = { analysis: hour, content: 1_000 }
  const options = workerOptions(proxied, steps, { pollMs: hour, idleMs: hour, stepMs, callMs: hour, ...changes })
  const draining = drain(options, { deadline: performance.now() + 100 * hour, signal: stopping.signal })
  const stop = async () => {
    end()
    await expect.poll(() => statusOf(direct, first), { timeout: 10_000 }).toBe('completed')
    stopping.abort()
    await draining
  }
  return { end, stop }
}

const begun = (jobId: number) =>
  expect.poll(() => statusOf(direct, jobId), { timeout: 10_000, interval: 50 }).not.toBe('pending')
const looks = () => proxy.statements.filter((one) => /^SET STATEMENT .* FOR SELECT EXISTS|AS pending$/.test(one)).length

test('a job that comes while a worker works is begun long before its next poll, one after the other', async () => {
  const first = await makeJob(direct)
  const worker = busyWorker(first)
  await begun(first)
  for (let number = 0; number < 2; number++) await begun(await makeJob(direct))
  await worker.stop()
})

test('a worker claims the second at once, and then lets jobs gather and takes all of them by one claim', async () => {
  const first = await makeJob(direct)
  const worker = busyWorker(first, {}, true)
  await begun(first)
  const jobs: number[] = []
  for (let number = 0; number < 4; number++) {
    jobs.push(await makeJob(direct))
    await delay(2 * lookMs)
  }
  for (const job of jobs) await begun(job)
  // By the database's clock, and not by their number: where the jobs take long to make there are more.
  const rows = await direct.sql(
    'SELECT DISTINCT UNIX_TIMESTAMP(started_at) * 1000 AS at FROM vision_job_attempts WHERE job_id >= ? ORDER BY 1',
    [first],
  )
  const claims = rows.map(({ at }) => Number(at))
  const afterTheOneBeforeTheLast = claims.slice(2).map((at, index) => at - (claims[index] ?? 0))
  expect(afterTheOneBeforeTheLast.length).toBeGreaterThan(0)
  expect(Math.min(...afterTheOneBeforeTheLast)).toBeGreaterThan(gatherMs - 100)
  expect((claims[1] ?? 0) - (claims[0] ?? 0)).toBeLessThan(gatherMs)
  await worker.stop()
})

test.each([
  { which: 'is full', changes: () => ({ concurrency: 1 }) },
  { which: 'hears a bell', changes: () => ({ bell: createBell() }) },
])('a worker that $which does not look', async ({ changes }) => {
  const first = await makeJob(direct)
  const worker = busyWorker(first, changes())
  await begun(first)
  proxy.statements.length = 0
  await delay(gatherMs + 5 * lookMs)
  expect(looks()).toBe(0)
  await worker.stop()
})

test('a worker does not look for what it has no permit for', async () => {
  const first = await makeJob(direct)
  const worker = busyWorker(first)
  await begun(first)
  await direct.sql("INSERT INTO vision_provider_states (provider, paused_at) VALUES ('all', UTC_TIMESTAMP(3))")
  await makeJob(direct)
  // A look sees it, or the poll that is due does; then there is none.
  await delay(5 * lookMs)
  proxy.statements.length = 0
  await delay(5 * lookMs)
  expect(looks()).toBe(0)
  await direct.sql('DELETE FROM vision_provider_states')
  await worker.stop()
})

test('a worker without jobs looks for ten seconds more, and from then on polls alone', async () => {
  let passed = 0
  const first = await makeJob(direct)
  const worker = busyWorker(first, { now: () => performance.now() + passed, pollMs: 3_000 })
  worker.end()
  await expect.poll(() => statusOf(direct, first), { timeout: 10_000 }).toBe('completed')
  proxy.statements.length = 0
  await expect.poll(looks, { timeout: 10_000 }).toBeGreaterThan(1)
  passed = watchfulMs
  // Until the poll that is due.
  await delay(4_000)
  proxy.statements.length = 0
  await delay(5 * lookMs)
  expect(looks()).toBe(0)
  await worker.stop()
})
