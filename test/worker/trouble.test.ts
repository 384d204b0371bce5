import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { VisionError } from '../../core/domain/errors.ts'
import type { StepContext } from '../../core/domain/step.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { attemptRows, jobRow, makeJob, spending } from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(({ workerDatabase }) => {
  direct = workerDatabase
})
beforeEach(async () => {
  proxied = await openProxied(direct.url, { connections: 4 })
  proxy = proxied.proxy
})
afterEach(async () => {
  await proxied.close().catch(() => undefined)
})

const calls: string[] = []
const lines: string[] = []
const paid = async (step: string, { meter }: StepContext, during = async () => {}) => {
  await meter.sent()
  calls.push(step)
  await during()
  meter.answered(spending())
  return { model: 'a-model', body: {} }
}

function worker(on: Database, steps: Steps, changes: Partial<WorkerOptions> = {}): WorkerOptions {
  calls.length = 0
  lines.length = 0
  const log: WorkerOptions['log'] = (level, message, fields) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  return workerOptions(on, steps, { pollMs: 100, log, ...changes })
}

test.each([
  ['a full disk', 1114, 'HY000'],
  ['a time limit of its own', 3024, 'HY000'],
  ['a replica in place of the writer', 1290, 'HY000'],
])(
  'an answer that %s kept from being saved is saved when that is over, and not paid for again',
  async (_, errno, sqlState) => {
    const jobId = await makeJob(direct)
    const fault = { matches: /insert into `?vision_job_outputs/i, errno, sqlState, message: 'of the test' }
    const steps: Steps = {
      analysis: (_, context) =>
        paid('analysis', context, async () => {
          proxy.failStatements(fault)
          setTimeout(() => proxy.failStatements(null), 2_500)
        }),
      content: (_, __, context) => paid('content', context),
    }
    expect(await drain(worker(proxied, steps), inAMinute())).toMatchObject({ completed: 1, retried: 0, released: 0 })
    expect(calls).toEqual(['analysis', 'content'])
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'completed', attempt: 1, failures: 0 })
  },
)

test('an answer that cannot be stored as it is fails by itself, and is not tried again and again', async () => {
  const jobId = await makeJob(direct, { maxRetries: 0 })
  const fault = { matches: /insert into `?vision_job_outputs/i, errno: 1406, sqlState: '22001', message: 'too long' }
  proxy.failStatements(fault)
  const steps: Steps = {
    analysis: (_, context) => paid('analysis', context),
    content: (_, __, context) => paid('content', context),
  }
  expect(await drain(worker(proxied, steps), inAMinute())).toMatchObject({ failed: 1 })
  expect(await jobRow(direct, jobId)).toMatchObject({ status: 'failed', error_code: 'internal.error' })
})

const leaseOf = (jobId: number) => async () => {
  const [row] = await direct.sql('SELECT lease_expires_at > UTC_TIMESTAMP(3) AS held FROM vision_jobs WHERE id = ?', [
    jobId,
  ])
  return row?.held === 1 ? 'held' : 'expired'
}

test('an outage longer than the lease is no crash of a worker that lives, also where another one looks on', async () => {
  const jobId = await makeJob(direct)
  const begun = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const steps: Steps = {
    analysis: (_, context) =>
      paid('analysis', context, async () => {
        begun.resolve()
        await answered.promise
      }),
    content: (_, __, context) => paid('content', context),
  }
  const stop = new AbortController()
  const until = { ...inAMinute(), signal: stop.signal }
  const other = openDatabase(proxy.url(direct.url), { connections: 4, random: () => 0 })
  const owner = worker(proxied, steps, { leaseMs: 3_000, renewMs: 1_000, idleMs: 50_000, pollMs: 20_000 })
  // After trouble it leaves the others several times what they need to renew theirs, as in production.
  const onlooker = worker(other, steps, { leaseMs: 15_000, renewMs: 5_000, idleMs: 50_000 })
  const living = drain(owner, until)
  await begun.promise
  const looking = drain(onlooker, until)
  const times = (what: string) => lines.filter((line) => line.includes(what)).length
  await proxy.refuse()
  await delay(3_200)
  await expect.poll(leaseOf(jobId)).toBe('expired')
  // It is over just after its owner has tried to renew: the other one looks several times before that happens again.
  const renewals = times('leases not renewed')
  await expect.poll(() => times('leases not renewed'), { interval: 10 }).toBeGreaterThan(renewals)
  expect(times('queue not read')).toBeGreaterThan(0)
  await proxy.resume()
  await expect.poll(leaseOf(jobId)).toBe('held')
  answered.resolve()
  await expect.poll(async () => (await jobRow(direct, jobId)).status).toBe('completed')
  stop.abort()
  await Promise.all([living, looking])
  await other.close()
  expect(await jobRow(direct, jobId)).toMatchObject({ crashes: 0, attempt: 1 })
  expect(await attemptRows(direct, jobId)).toMatchObject([{ outcome: 'completed', possibly_billed: null }])
  expect(calls).toEqual(['analysis', 'content'])
  expect(lines.filter((line) => line.includes('lease lost') || line.includes('dead worker'))).toEqual([])
})

/** The whole process stands still, as one that is stopped by a signal. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

test.each(['analysis.timed_out', 'analysis.unavailable', 'image.timed_out'] as const)(
  'a call that ended in %s while the process stood still blames neither the provider nor the job',
  async (code) => {
    const jobId = await makeJob(direct)
    let times = 0
    const steps: Steps = {
      analysis: (_, context) =>
        paid('analysis', context, async () => {
          if (++times > 1) return
          // The call's own limit is over while nobody listens.
          const timeout = delay(500)
          await delay(100)
          standStill(5_000)
          await timeout
          throw new VisionError(code)
        }),
      content: (_, __, context) => paid('content', context),
    }
    expect(await drain(worker(direct, steps), inAMinute())).toMatchObject({ released: 1, retried: 0, completed: 1 })
    expect(await jobRow(direct, jobId)).toMatchObject({ status: 'completed', failures: 0, crashes: 0 })
    expect(await attemptRows(direct, jobId)).toMatchObject([
      { outcome: 'released', possibly_billed: 'analysis' },
      { outcome: 'completed' },
    ])
    expect((await direct.run(readProviderStates)).of('gemini')).toMatchObject({ consecutiveFailures: 0 })
  },
  30_000,
)

test('the same of a process that did not stand still is a failure', async () => {
  const jobId = await makeJob(direct, { maxRetries: 0 })
  const steps: Steps = {
    analysis: (_, context) => paid('analysis', context, () => Promise.reject(new VisionError('analysis.timed_out'))),
    content: (_, __, context) => paid('content', context),
  }
  expect(await drain(worker(direct, steps), inAMinute())).toMatchObject({ failed: 1 })
  expect(await jobRow(direct, jobId)).toMatchObject({ failures: 1 })
  expect((await direct.run(readProviderStates)).of('gemini')).toMatchObject({ consecutiveFailures: 1 })
})

test('a machine that was frozen as a whole is known by the wall’s clock', async () => {
  const jobId = await makeJob(direct)
  let wall = 0
  let times = 0
  const steps: Steps = {
    analysis: (_, context) =>
      paid('analysis', context, async () => {
        if (++times > 1) return
        wall += 600_000
        throw new VisionError('analysis.unavailable')
      }),
    content: (_, __, context) => paid('content', context),
  }
  await drain(worker(direct, steps, { wall: () => wall }), inAMinute())
  expect(await jobRow(direct, jobId)).toMatchObject({ status: 'completed', failures: 0 })
})
