import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import type { Run } from '../../core/domain/run.ts'
import type { StepContext } from '../../core/domain/step.ts'
import type { ProviderAccess } from '../../core/providers/availability/permits.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { noCap, spending } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let database: TestDatabase

beforeAll(async () => {
  // Its own: tests lock tables.
  database = await createTestDatabase()
})
afterEach(async () => {
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
afterAll(() => database.drop())

const answer = (body: unknown) => ({ model: 'a model', body })

/** Steps that answer at once and note who called them; each can be replaced. */
function steps(replaced: Partial<Steps> = {}): Steps & { calls: string[] } {
  const calls: string[] = []
  const paid = async ({ meter }: StepContext) => {
    await meter.sent()
    meter.answered(spending())
  }
  return {
    calls,
    analysis: (run, context) => {
      calls.push(`analysis ${run.jobId}`)
      if (replaced.analysis) return replaced.analysis(run, context)
      return paid(context).then(() => answer({ seen: run.jobId }))
    },
    content: (run, analysis, context) => {
      calls.push(`content ${run.jobId}`)
      if (replaced.content) return replaced.content(run, analysis, context)
      return paid(context).then(() => answer({ from: analysis }))
    },
  }
}

const worker = (using: Steps, changes: Partial<WorkerOptions> = {}) =>
  workerOptions(database, using, { providerWaitMs: 30_000, ...changes })

async function submit(count = 1, userId = 'ann'): Promise<number[]> {
  const ids: number[] = []
  for (let index = 0; index < count; index++) {
    const { jobId } = await createVisionJob(
      database,
      {
        imageUrl: 'https://images.example/one.png',
        analysisPurpose: 'a test',
        outputFormat: 'summary',
        language: 'en',
      },
      { userId, maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 },
    )
    ids.push(jobId)
  }
  return ids
}

async function only(jobId: number | undefined) {
  const [row] = await database.sql('SELECT * FROM vision_jobs WHERE id = ?', [jobId])
  return row
}

const attempts = (jobId: number | undefined) =>
  database.sql('SELECT * FROM vision_job_attempts WHERE job_id = ? ORDER BY attempt', [jobId])

/** A step that waits until it is let go, or for its signal, and says when it has begun. */
function latch() {
  const begun = Promise.withResolvers<void>()
  const open = Promise.withResolvers<void>()
  return {
    begun: begun.promise,
    open: open.resolve,
    async pass({ signal, meter }: StepContext) {
      await meter.sent()
      begun.resolve()
      await Promise.race([
        open.promise,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ])
      meter.answered(spending())
      return answer({})
    },
  }
}

test('an empty queue is drained at once', async () => {
  const summary = await drain(worker(steps()), inAMinute())
  expect(summary).toEqual({
    claimed: 0,
    completed: 0,
    retried: 0,
    failed: 0,
    released: 0,
    lost: 0,
    reclaimed: 0,
    expired: 0,
  })
})

test('every job goes through both steps, and its run tells what was spent', async () => {
  const ids = await submit(12)
  const using = steps()
  const summary = await drain(worker(using), inAMinute())
  expect(summary).toMatchObject({ claimed: 12, completed: 12 })
  expect(using.calls.toSorted()).toEqual(ids.flatMap((id) => [`analysis ${id}`, `content ${id}`]).toSorted())
  const [run] = await attempts(ids[0])
  expect(run).toMatchObject({
    outcome: 'completed',
    step: 'content',
    analysis_input_tokens: 10,
    content_output_tokens: 20,
    possibly_billed: null,
  })
  const outputs = await database.sql('SELECT body FROM vision_job_outputs WHERE job_id = ? ORDER BY id', [ids[0]])
  expect(outputs.map(({ body }) => JSON.parse(String(body)))).toEqual([{ seen: ids[0] }, { from: { seen: ids[0] } }])
})

test('no more jobs than the concurrency run at once, and a freed slot is filled', async () => {
  await submit(7)
  let running = 0
  let most = 0
  const using = steps({
    analysis: async () => {
      most = Math.max(most, ++running)
      await delay(20)
      running--
      return answer({})
    },
  })
  const summary = await drain(worker(using, { concurrency: 3 }), inAMinute())
  expect(summary.completed).toBe(7)
  expect(most).toBe(3)
})

test('an idle worker goes on looking until its idle time is over', async () => {
  const using = steps()
  const draining = drain(worker(using, { idleMs: 2_500 }), inAMinute())
  await delay(300)
  await submit()
  expect((await draining).completed).toBe(1)
})

describe('failures', () => {
  test('a retry after the second step failed does not run the first again', async () => {
    const [id] = await submit()
    let failures = 0
    const using = steps({
      content: async () => {
        if (++failures === 1) throw new VisionError('content.blank_answer')
        return answer({})
      },
    })
    const summary = await drain(worker(using), inAMinute())
    expect(summary).toMatchObject({ claimed: 2, retried: 1, completed: 1 })
    expect(using.calls).toEqual([`analysis ${id}`, `content ${id}`, `content ${id}`])
    expect(await attempts(id)).toMatchObject([
      { attempt: 1, outcome: 'retried', step: 'content', error_code: 'content.blank_answer' },
      { attempt: 2, outcome: 'completed', step: 'content' },
    ])
    expect(await only(id)).toMatchObject({ status: 'completed', failures: 1, attempt: 2, error_code: null })
  })

  test('three retries are four failed runs, and then the job is a dead letter with its last reason', async () => {
    const [id] = await submit()
    const using = steps({
      analysis: () => Promise.reject(new VisionError('analysis.misfit', { detail: 'no palette' })),
    })
    const summary = await drain(worker(using), inAMinute())
    expect(summary).toMatchObject({ claimed: 4, retried: 3, failed: 1 })
    expect(await only(id)).toMatchObject({ status: 'failed', failures: 4, error_code: 'analysis.misfit' })
    expect((await attempts(id)).map((run) => run.error_detail)).toEqual(Array(4).fill('no palette'))
  })

  test('a permanent error fails the job at once', async () => {
    const [id] = await submit()
    const using = steps({ analysis: () => Promise.reject(new VisionError('image.not_found')) })
    expect(await drain(worker(using), inAMinute())).toMatchObject({ claimed: 1, failed: 1 })
    expect(await only(id)).toMatchObject({ status: 'failed', failures: 1, error_code: 'image.not_found' })
  })

  test('a provider at its limit costs the job no retry, and it waits as long as the provider asks', async () => {
    const [id] = await submit()
    const using = steps({
      analysis: () => Promise.reject(new VisionError('analysis.rate_limited', { retryAfterMs: 3_600_000 })),
    })
    expect(await drain(worker(using), inAMinute())).toMatchObject({ claimed: 1, released: 1 })
    expect(await only(id)).toMatchObject({ status: 'scheduled', failures: 0, error_code: 'analysis.rate_limited' })
    const [wait] = await database.sql(
      'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), available_at) AS seconds FROM vision_jobs',
    )
    expect(Number(wait?.seconds)).toBeGreaterThan(3_500)
  })

  test('a provider that is not to be had is left alone: its lane’s other jobs are not tried one after the other', async () => {
    await submit(10)
    const using = steps({
      analysis: async (_, { meter }) => {
        await meter.sent()
        throw new VisionError('analysis.misconfigured')
      },
    })
    expect(await drain(worker(using, { concurrency: 2 }), inAMinute())).toMatchObject({ claimed: 2, released: 2 })
  })

  test('the pause of such a job grows with its attempts, and no wait is longer than a day', async () => {
    const waitAfter = async (attempt: number, retryAfterMs?: number) => {
      const [id] = await submit()
      await database.sql('UPDATE vision_jobs SET attempt = ? WHERE id = ?', [attempt, id])
      const error = new VisionError('analysis.misconfigured', retryAfterMs === undefined ? {} : { retryAfterMs })
      await drain(worker(steps({ analysis: () => Promise.reject(error) })), inAMinute())
      const [wait] = await database.sql(
        'SELECT ROUND(TIMESTAMPDIFF(SECOND, updated_at, available_at)) AS seconds FROM vision_jobs WHERE id = ?',
        [id],
      )
      return Number(wait?.seconds)
    }
    expect(await waitAfter(0)).toBe(30)
    expect(await waitAfter(1)).toBe(60)
    expect(await waitAfter(50)).toBe(480)
    expect(await waitAfter(50, 45_000)).toBe(45)
    expect(await waitAfter(0, 1e15)).toBe(86_400)
  })

  test('jobs that expired do not end a drain before those behind them', async () => {
    await submit(60)
    await database.sql('UPDATE vision_jobs SET expires_at = created_at')
    await submit(1)
    expect(await drain(worker(steps()), inAMinute())).toMatchObject({ expired: 60, completed: 1 })
  })

  test('what a step throws by mistake is told as ours, and its text only to the operator', async () => {
    const [id] = await submit()
    const using = steps({ analysis: () => Promise.reject(new TypeError('x is not a function')) })
    await drain(worker(using), inAMinute())
    expect(await only(id)).toMatchObject({
      error_code: 'internal.error',
      error_message: expect.not.stringContaining('x'),
    })
    expect((await attempts(id))[0]?.error_detail).toContain('x is not a function')
  })
})

describe('leases', () => {
  test('a cancelled job stops within one renewal, and its cut-off call counts as possibly billed', async () => {
    const [id] = await submit()
    const held = latch()
    const lines: unknown[] = []
    const log = (...line: unknown[]) => void lines.push(line)
    const draining = drain(
      worker(steps({ analysis: (_, context) => held.pass(context) }), { renewMs: 50, log }),
      inAMinute(),
    )
    await held.begun
    await cancelVisionJob(database, { jobId: Number(id), userId: 'ann' })
    expect(await draining).toMatchObject({ claimed: 1, lost: 1, completed: 0 })
    expect(await only(id)).toMatchObject({ status: 'cancelled' })
    expect(await attempts(id)).toMatchObject([{ outcome: 'cancelled', possibly_billed: 'analysis' }])
    expect(lines).toContainEqual(['info', 'run lost', expect.objectContaining({ jobId: id, jobStatus: 'cancelled' })])
  })

  test('a deleted job stops within one renewal and leaves nothing behind', async () => {
    const [id] = await submit()
    const held = latch()
    const draining = drain(
      worker(steps({ content: (_, __, context) => held.pass(context) }), { renewMs: 50 }),
      inAMinute(),
    )
    await held.begun
    await deleteVisionJob(database, { jobId: Number(id), userId: 'ann' })
    expect(await draining).toMatchObject({ lost: 1 })
    for (const table of ['vision_jobs', 'vision_job_outputs', 'vision_job_attempts']) {
      expect(await database.sql(`SELECT * FROM ${table}`)).toEqual([])
    }
  })

  test('leases are renewed while a step runs, so that no other worker reclaims the job', async () => {
    const [id] = await submit()
    const held = latch()
    const draining = drain(
      worker(steps({ analysis: (_, context) => held.pass(context) }), { leaseMs: 600, renewMs: 100 }),
      inAMinute(),
    )
    await held.begun
    await delay(1_000)
    expect(await drain(worker(steps()), inAMinute())).toMatchObject({ reclaimed: 0, claimed: 0 })
    held.open()
    expect(await draining).toMatchObject({ completed: 1 })
    expect(await attempts(id)).toHaveLength(1)
  })

  test('a worker that lost its lease cannot complete the job, and the other run counts', async () => {
    const [id] = await submit()
    const held = latch()
    const stale = drain(worker(steps({ content: (_, __, context) => held.pass(context) })), inAMinute())
    await held.begun
    await database.sql('UPDATE vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND')
    const using = steps()
    expect(await drain(worker(using), inAMinute())).toMatchObject({ reclaimed: 1, completed: 1 })
    held.open()
    expect(await stale).toMatchObject({ lost: 1, completed: 0 })
    // The saved step was not paid for twice, and the stale run still tells what it spent.
    expect(using.calls).toEqual([`content ${id}`])
    expect(await attempts(id)).toMatchObject([
      { attempt: 1, outcome: 'lost', error_code: 'worker.lost', content_output_tokens: 20 },
      { attempt: 2, outcome: 'completed' },
    ])
    expect(await only(id)).toMatchObject({ status: 'completed', crashes: 1, failures: 0 })
  })

  test('a job whose workers died twice runs alone', async () => {
    const ids = await submit(6)
    await database.sql('UPDATE vision_jobs SET crashes = 2 WHERE id = ?', [ids[2]])
    const running = new Set<number>()
    const beside = new Map<number, number>()
    const using = steps({
      analysis: async (run: Run) => {
        running.add(run.jobId)
        await delay(30)
        for (const jobId of running) beside.set(jobId, Math.max(beside.get(jobId) ?? 0, running.size))
        running.delete(run.jobId)
        return answer({})
      },
    })
    expect(await drain(worker(using), inAMinute())).toMatchObject({ completed: 6 })
    expect(beside.get(Number(ids[2]))).toBe(1)
    expect(Math.max(...beside.values())).toBeGreaterThan(1)
  })
})

describe('the end of the worker’s time', () => {
  test('no step is begun that the time left may not suffice for, and the saved step stays', async () => {
    const [id] = await submit()
    let now = 0
    const using = steps({
      analysis: async () => {
        now = 20_000
        return answer({})
      },
    })
    const options = worker(using, { now: () => now, stepMs: { analysis: 10_000, content: 10_000 }, callMs: 10_000 })
    expect(await drain(options, { deadline: 30_000 })).toMatchObject({ claimed: 1, released: 1 })
    expect(using.calls).toEqual([`analysis ${id}`])
    expect(await only(id)).toMatchObject({ status: 'pending', next_step: 'content', failures: 0, crashes: 0 })
  })

  test('nothing is claimed when no step could be finished, and that is logged', async () => {
    await submit()
    const lines: unknown[] = []
    const log = (...line: unknown[]) => void lines.push(line)
    const options = worker(steps(), { stepMs: { analysis: 60_000, content: 60_000 }, log })
    expect(await drain(options, { deadline: performance.now() + 10_000 })).toMatchObject({ claimed: 0 })
    expect(lines).toEqual([['error', 'not enough time left for one job', expect.anything()]])
  })

  test('a call that there is no time left for does not go out, whatever came before it took', async () => {
    const [id] = await submit()
    let now = 0
    let paid = false
    const using = steps({
      analysis: async (_, { meter }) => {
        now = 22_000
        await meter.sent()
        paid = true
        return answer({})
      },
    })
    const options = worker(using, { now: () => now, stepMs: { analysis: 10_000, content: 10_000 }, callMs: 5_000 })
    expect(await drain(options, { deadline: 30_000 })).toMatchObject({ claimed: 1, released: 1 })
    expect(paid).toBe(false)
    expect(await attempts(id)).toMatchObject([{ outcome: 'released', possibly_billed: null }])
  })

  test.each(['stop', 'lease'] as const)(
    'a database that hangs does not keep a step running beyond its %s',
    async (end) => {
      const [id] = await submit()
      const begun = Promise.withResolvers<void>()
      const aborted = Promise.withResolvers<Error>()
      let paid = false
      const using = steps({
        // It brings its image, say, and has not paid for anything yet.
        analysis: async (_, { signal, meter }) => {
          begun.resolve()
          await new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => {
              aborted.resolve(signal.reason)
              resolve()
            })
          })
          await meter.sent()
          paid = true
          return answer({})
        },
      })
      const stop = new AbortController()
      const leases = end === 'lease' ? { leaseMs: 1_500, renewMs: 400 } : {}
      const draining = drain(worker(using, leases), { ...inAMinute(), signal: stop.signal })
      await begun.promise
      await database.sql('LOCK TABLES vision_jobs WRITE, vision_job_attempts WRITE')
      // By now a look is waiting for the lock.
      await delay(2_200)
      if (end === 'stop') stop.abort()
      const reason = await Promise.race([aborted.promise, delay(1_000)])
      await database.sql('UNLOCK TABLES')
      expect(String(reason)).toMatch(end === 'stop' ? /must stop/ : /could not be renewed/)
      stop.abort()
      // Nobody took it meanwhile, so it was not lost: it is given back.
      expect(await draining).toMatchObject({ released: expect.any(Number), lost: 0, reclaimed: 0 })
      expect(paid).toBe(false)
      expect(await only(id)).toMatchObject({ status: 'pending', crashes: 0 })
      expect(await attempts(id)).toEqual(
        (await attempts(id)).map((row) => ({ ...row, outcome: 'released', possibly_billed: null })),
      )
    },
  )

  test('a call that is out when the lease becomes uncertain is answered, and its answer saved when the database is back', async () => {
    const [id] = await submit()
    const held = latch()
    const lines: unknown[] = []
    const using = steps({ content: (_, __, context) => held.pass(context) })
    // Long enough that a busy machine does not lose it before the tables are locked.
    const options = worker(using, { leaseMs: 2_000, renewMs: 500, log: (...line) => void lines.push(line) })
    const draining = drain(options, inAMinute())
    await held.begun
    await database.sql('LOCK TABLES vision_jobs WRITE, vision_job_attempts WRITE')
    await delay(2_600)
    held.open()
    await delay(500)
    await database.sql('UNLOCK TABLES')
    expect(await draining).toMatchObject({ completed: 1, lost: 0, reclaimed: 0 })
    expect(await only(id)).toMatchObject({ status: 'completed', attempt: 1 })
    expect(await attempts(id)).toMatchObject([{ outcome: 'completed', possibly_billed: null }])
    expect(lines.filter((line) => String(line).includes('lease lost'))).toEqual([])
  })

  test('what still runs shortly before the deadline is stopped and given back at no cost', async () => {
    const [id] = await submit()
    const held = latch()
    const options = worker(steps({ analysis: (_, context) => held.pass(context) }), {
      stepMs: { analysis: 100, content: 100 },
      callMs: 100,
    })
    expect(await drain(options, { deadline: performance.now() + 5_500 })).toMatchObject({ claimed: 1, released: 1 })
    expect(await only(id)).toMatchObject({ status: 'pending', failures: 0, crashes: 0, lease_expires_at: null })
    expect(await attempts(id)).toMatchObject([{ outcome: 'released', possibly_billed: 'analysis' }])
  })

  test('a worker that is told to stop gives back what it runs, even a step that does not listen', async () => {
    const ids = await submit(3)
    const stop = new AbortController()
    const using = steps({
      analysis: () => {
        stop.abort()
        return new Promise(() => undefined)
      },
    })
    const summary = await drain(worker(using, { idleMs: 60_000 }), { ...inAMinute(), signal: stop.signal })
    expect(summary).toMatchObject({ claimed: 3, released: 3 })
    for (const id of ids) expect(await only(id)).toMatchObject({ status: 'pending' })
  })

  test('a worker that is told to stop while it claims pays for nothing of what it gets', async () => {
    const [id] = await submit()
    const stop = new AbortController()
    const workerId = 'stopped'
    const access = accessTo(database, { workerId })
    const providers: ProviderAccess = {
      ...access,
      reserve: async (...wanted) => {
        const permits = await access.reserve(...wanted)
        stop.abort()
        return permits
      },
    }
    const options = worker(steps(), { workerId, providers })
    expect(await drain(options, { ...inAMinute(), signal: stop.signal })).toMatchObject({ claimed: 1, released: 1 })
    expect(await only(id)).toMatchObject({ status: 'pending', failures: 0 })
    expect(await attempts(id)).toMatchObject([{ outcome: 'released', analysis_model: null, possibly_billed: null }])
  })
})
