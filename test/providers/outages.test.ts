// @module-tag long
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect } from 'vitest'
import { describeCode, type ErrorCode } from '../../core/domain/errors.ts'
import type { Tally } from '../../core/domain/tally.ts'
import { createImageIntake } from '../../core/images/intake.ts'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { createPoller, type Poller } from '../../core/worker/create-poller.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import type { Provider } from '../../dev/emulators/providers/fault-rules.ts'
import { faultKinds } from '../../dev/emulators/providers/fault-rules.ts'
import type { Step } from '../../drizzle/schema.ts'
import { noCap } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { accessTo } from '../support/providers/access.ts'
import { workerOptions } from '../support/worker.ts'

let database: TestDatabase
let services: TestServices
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  services = await startTestServices()
})
afterEach(() => {
  services.providers.faults.clear()
})
afterAll(async () => {
  await services.stop()
})

const lines: { level: string; message: string; [field: string]: unknown }[] = []

/** So many workers of one process, as of one Lambda each, with waits as short as a test needs them. */
async function withWorkers<T>(count: number, work: (drainAll: () => Promise<Tally[]>) => Promise<T>): Promise<T> {
  lines.length = 0
  const config = loadPollerConfig({
    ...services.settings(database.url),
    STEP_TIMEOUT_SECONDS: '4',
    PROVIDER_PAUSE_SECONDS: '0.05',
    PROVIDER_PAUSE_CAP_SECONDS: '0.2',
  })
  const pollers: Poller[] = Array.from({ length: count }, () =>
    createPoller(config, {
      log: (level, message, fields) => void lines.push({ level, message, ...fields }),
      metrics: createMetrics({ service: 'test', write: () => undefined, now: Date.now }),
      pollMs: 200,
      allowLoopbackHttp: false,
    }),
  )
  try {
    return await work(() =>
      Promise.all(pollers.map((poller) => poller.drain({ deadline: performance.now() + 300_000 }))),
    )
  } finally {
    await Promise.all(pollers.map((poller) => poller.close()))
  }
}

/** Ten jobs a user, each with a purpose of its own, by which the emulators' calls are known. */
async function submit(count: number, about: string): Promise<void> {
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  for (let first = 0; first < count; first += 10) {
    const userId = `${about}-${first}`
    const taken = await intake.take(await fixtureUrl('red.png', 'image/png'), userId)
    const jobs = Array.from({ length: Math.min(10, count - first) }, (_, index) => ({
      ...taken,
      analysisPurpose: `${about} ${first + index}.`,
      outputFormat: 'alt_text',
      language: 'en',
    }))
    await createVisionJobs(database, jobs, { userId, maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 })
  }
}

interface JobState {
  readonly status: string
  readonly purpose: string
  readonly failures: number
  readonly code: ErrorCode | null
  readonly nextStep: string
}

const states = async (): Promise<readonly JobState[]> =>
  (await database.sql(
    `SELECT status, analysis_purpose AS purpose, failures, error_code AS code, next_step AS nextStep
     FROM vision_jobs`,
  )) as unknown as JobState[]
const countOf = async (status: string) => (await states()).filter((job) => job.status === status).length
const failures = async () => (await states()).reduce((sum, job) => sum + job.failures, 0)
const answered = (provider: Provider, about: string) =>
  services.providers.calls.log.filter(
    (call) =>
      call.provider === provider && call.purpose?.startsWith(about) && call.outcome === 'answered' && !call.aborted,
  )

/** How many runs of each job ended because a call of the step took too long, by the job's purpose. */
async function timeouts(step: Step): Promise<ReadonlyMap<string, number>> {
  const rows = await database.sql(
    `SELECT job.analysis_purpose AS purpose, COUNT(*) AS runs FROM vision_job_attempts run
       JOIN vision_jobs job ON job.id = run.job_id WHERE run.error_code = ? GROUP BY job.analysis_purpose`,
    [`${step}.timed_out`],
  )
  return new Map(rows.map(({ purpose, runs }) => [String(purpose), Number(runs)]))
}

/** Drains again and again until it is so. */
async function drainUntil(drainAll: () => Promise<unknown>, isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await drainAll()
    // To ask more often costs more than all the jobs.
    await delay(200)
  }
}

test('jobs through providers that fail three times in ten, in every way there is, all end, and no step that was completed is paid for twice', async () => {
  const kinds = faultKinds.filter((kind) => kind !== 'latency')
  for (const provider of ['gemini', 'deepseek'] as const) {
    for (const kind of kinds) {
      services.providers.faults.add({ provider, kind, rate: 0.3 / kinds.length, retryAfterSeconds: null })
    }
    // Each at least once, however the dice fall.
    for (const kind of kinds) services.providers.faults.add({ provider, kind, retryAfterSeconds: null })
  }
  const count = 100
  await submit(count, 'Storm')
  await withWorkers(4, (drainAll) =>
    drainUntil(drainAll, async () => (await countOf('completed')) + (await countOf('failed')) === count),
  )
  for (const job of await states()) {
    expect(job.failures).toBeLessThanOrEqual(4)
    if (job.status === 'failed' && describeCode(job.code as ErrorCode).errorClass === 'retryable') {
      expect(job.failures).toBe(4)
    }
  }
  for (const provider of ['gemini', 'deepseek'] as const) {
    const calls = Map.groupBy(answered(provider, 'Storm'), (call) => call.purpose)
    // On a busy machine an answer can come after the worker has given the call up: that one was never received.
    const late = await timeouts(provider === 'gemini' ? 'analysis' : 'content')
    const twice = [...calls].filter(([purpose = '', { length }]) => length > 1 + (late.get(purpose) ?? 0))
    expect(twice).toEqual([])
    // Every way of failing was met.
    const { outcomes } = services.providers.calls.counts()[provider]
    for (const kind of kinds) expect(outcomes[kind], kind).toBeGreaterThan(0)
  }
  expect(await countOf('completed')).toBe(answered('deepseek', 'Storm').length)
  expect(await countOf('completed')).toBeGreaterThan(0.7 * count)
}, 600_000)

describe('while a provider is down', () => {
  test('Gemini: what has its analysis goes on, what needs one waits, and nothing is failed', async () => {
    await withWorkers(2, async (drainAll) => {
      services.providers.faults.add({ provider: 'deepseek', kind: 'unauthorized', times: 'unlimited' })
      await submit(10, 'Begun')
      await drainUntil(drainAll, async () => (await states()).every(({ nextStep }) => nextStep === 'content'))
      services.providers.faults.clear()
      services.providers.faults.add({ provider: 'gemini', kind: 'unavailable', times: 'unlimited' })
      await submit(20, 'Fresh')
      await drainUntil(drainAll, async () => (await countOf('completed')) === 10)
      for (let time = 0; time < 20; time++) await drainAll().then(() => delay(50))
      expect((await states()).filter(({ purpose }) => purpose.startsWith('Fresh')).map(({ status }) => status)).toEqual(
        expect.not.arrayContaining(['failed', 'completed']),
      )
      // An overload is no fault of a job, not even before the fifth time tells that it is an outage.
      expect(await failures()).toBe(0)
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', message: 'provider paused', provider: 'gemini', down: true }),
      )
      services.providers.faults.clear()
      await drainUntil(drainAll, async () => (await countOf('completed')) === 30)
      expect(lines).toContainEqual(expect.objectContaining({ message: 'provider recovered', provider: 'gemini' }))
    })
  })

  test('DeepSeek: analyses are made and kept, none is paid for twice, and nothing is failed', async () => {
    await withWorkers(2, async (drainAll) => {
      services.providers.faults.add({ provider: 'deepseek', kind: 'unavailable', times: 'unlimited' })
      await submit(20, 'Halfway')
      await drainUntil(drainAll, async () => (await states()).every(({ nextStep }) => nextStep === 'content'))
      for (let time = 0; time < 20; time++) await drainAll().then(() => delay(50))
      expect(await countOf('failed')).toBe(0)
      expect(await failures()).toBe(0)
      services.providers.faults.clear()
      await drainUntil(drainAll, async () => (await countOf('completed')) === 20)
      expect(answered('gemini', 'Halfway')).toHaveLength(20)
      expect(answered('deepseek', 'Halfway')).toHaveLength(20)
    })
  })

  test.each<[Provider, 'unauthorized' | 'insufficient_balance' | 'unknown_model']>([
    ['gemini', 'unauthorized'],
    ['gemini', 'unknown_model'],
    ['deepseek', 'unauthorized'],
    ['deepseek', 'insufficient_balance'],
    ['deepseek', 'unknown_model'],
  ])(
    '%s refuses us (%s): one call at a time finds out, and no job pays for it',
    async (provider, kind) => {
      await withWorkers(2, async (drainAll) => {
        services.providers.faults.add({ provider, kind, times: 'unlimited' })
        const about = `${provider} ${kind}`
        const count = 10
        await submit(count, about)
        for (let time = 0; time < 10; time++) await drainAll().then(() => delay(50))
        const refused = services.providers.calls.log.filter(
          (call) => call.purpose?.startsWith(about) && call.outcome === kind,
        )
        // Every job may have been under way when the first refusal came; after that each refused probe opens the circuit once more.
        const { backoffs } = (await database.run(readProviderStates)).of(provider)
        // A worker that looked just before it opened may send what it has claimed: far from the 100 of all rounds.
        expect(refused.length).toBeLessThanOrEqual(count + backoffs + 10)
        expect(await failures()).toBe(0)
        expect(await countOf('failed')).toBe(0)
        services.providers.faults.clear()
        await drainUntil(drainAll, async () => (await countOf('completed')) === count)
      })
    },
    300_000,
  )
})

test('eight workers never pass a provider’s limit of a minute, in whatever minute one looks', async () => {
  // A minute of five seconds; the last three of them are what may pass between the database's note and the call.
  const windowMs = 5_000
  const noteMs = 3_000
  const limit = 20
  const count = 70
  const sent: number[] = []
  const allSent = new AbortController()
  const steps: Steps = {
    analysis: async (_, { meter }) => {
      await meter.sent()
      if (sent.push(performance.now()) === count) allSent.abort()
      meter.answered()
      return { model: 'a model', body: {} }
    },
    content: async (_, __, { meter }) => {
      await meter.sent()
      meter.answered()
      return { model: 'a model', body: {} }
    },
  }
  await submit(count, 'Limit')
  const worker = async (index: number) => {
    const workerId = `limited-${index}`
    const limits = { gemini: { requestsPerMinute: limit }, deepseek: {} }
    const providers = accessTo(database, { workerId, windowMs, limits })
    // A call that a busy machine ends for its time is made once more.
    const patient = { stepMs: { analysis: 60_000, content: 60_000 }, callMs: 60_000 }
    await drain(workerOptions(database, steps, { workerId, providers, concurrency: 10, idleMs: 120_000, ...patient }), {
      deadline: performance.now() + 300_000,
      signal: allSent.signal,
    })
  }
  await Promise.all(Array.from({ length: 8 }, (_, index) => worker(index)))
  expect(sent).toHaveLength(count)
  const most = Math.max(...sent.map((from) => sent.filter((at) => at >= from && at < from + windowMs - noteMs).length))
  expect(most).toBeLessThanOrEqual(limit)
  // And it is used, not merely kept: a busy machine has sent no more than a half of it in the time.
  expect(most).toBeGreaterThanOrEqual(limit / 2)
}, 400_000)
