import mysql, { type Connection } from 'mysql2/promise'
import { afterAll, beforeEach, describe, expect } from 'vitest'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { createVisionJob, createVisionJobs } from '../../core/queue/create/create.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  hour,
  jobRow,
  makeJob,
  makeJobs,
  noBackoff,
  nothingSpent,
  passed,
  someJob,
  statusOf,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let database: TestDatabase
let other: Connection
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  other = await mysql.createConnection(database.url)
})
afterAll(async () => {
  await other.end()
})

const userId = 'user-1'
const owned = (jobId: number) => ({ jobId, userId })
const create = (count: number, cap: number) => makeJobs(database, count, { inFlightPerUser: cap })
const admit = (cap: number) => admitVisionJobs(database, userId, cap)

/** The user's jobs in each status, by id. */
async function jobsIn(...statuses: string[]): Promise<number[]> {
  const rows = await database.sql('SELECT id FROM vision_jobs WHERE status IN (?) ORDER BY id', [statuses])
  return rows.map(({ id }) => Number(id))
}

/** Whether the user is known to have blocked jobs. */
async function isMarked(): Promise<boolean> {
  const [row] = await database.sql('SELECT blocked_seen_at FROM vision_users WHERE user_id = ?', [userId])
  return row?.blocked_seen_at != null
}

/** Nobody has looked after the user's blocked jobs for a while. */
async function neglected(): Promise<void> {
  await database.sql(
    'UPDATE vision_users SET blocked_seen_at = UTC_TIMESTAMP(3) - INTERVAL 16 SECOND WHERE blocked_seen_at IS NOT NULL',
  )
}

/** A job whose analysis is saved, waiting for its next try, which is due. */
async function begunJob(cap: number): Promise<number> {
  const jobId = await makeJob(database, { inFlightPerUser: cap })
  const run = await claimOne(database)
  expect(run.jobId).toBe(jobId)
  await saveAnalysis(database, run, analysisOutput, nothingSpent)
  await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
  return jobId
}

describe('creation', () => {
  test('lets as many of a user’s jobs in as the cap allows, and holds the others', async () => {
    const ids = await create(25, 10)
    expect(await jobsIn('pending')).toEqual(ids.slice(0, 10))
    expect(await jobsIn('blocked')).toEqual(ids.slice(10))
    expect(await jobRow(database, ids[24] as number)).toMatchObject({ version: 1, start_tag: 0, available_at: null })
    const [late] = await create(1, 10)
    expect(await jobsIn('blocked')).toEqual([...ids.slice(10), late])
    expect(await statusOf(database, await makeJob(database, { userId: 'user-2', inFlightPerUser: 10 }))).toBe('pending')
  })

  test('counts jobs that are processing, and none that have ended or wait for their time', async () => {
    await create(2, 2)
    const [first, second] = (await claim(database)) as [Run, Run]
    const [third] = await create(1, 2)
    expect(await jobsIn('blocked')).toEqual([third])
    await completeVisionJob(database, first, contentOutput, nothingSpent)
    await retryVisionJob(database, second, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
    const more = await create(2, 2)
    expect(await jobsIn('pending'), 'what waits longer goes first').toEqual([third, more[0]])
    expect(await jobsIn('blocked')).toEqual([more[1]])
  })

  test('of a job that exists already changes nothing, and takes no place', async () => {
    const keyed = (key: string) => ({ ...someJob, idempotency: { key, requestHash: 'a'.repeat(64) } })
    const options = { userId, maxRetries: 3, inFlightPerUser: 1, lifeMs: hour }
    const first = await createVisionJob(database, keyed('a'), options)
    const blocked = await createVisionJob(database, keyed('b'), options)
    expect(await createVisionJob(database, keyed('a'), options)).toEqual({ ...first, replayed: true })
    expect(await createVisionJob(database, keyed('b'), options)).toEqual({ ...blocked, replayed: true })
    expect([await jobsIn('pending'), await jobsIn('blocked')]).toEqual([[first.jobId], [blocked.jobId]])
    const wider = { ...options, inFlightPerUser: 3 }
    const [, second] = await createVisionJobs(database, [keyed('a'), keyed('c'), keyed('d')], wider)
    expect(await jobsIn('pending')).toEqual([first.jobId, blocked.jobId, second?.jobId])
  })

  test('of a blocked job misses no place that is freed before the others can see it', async () => {
    await create(1, 1)
    const run = await claimOne(database)
    // Whoever creates with this key waits, having counted already.
    await other.query('BEGIN')
    await other.query(
      `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
         idempotency_key, request_hash, created_at, updated_at, expires_at)
       VALUES (?, 'completed', 3, 'u', 'p', 'o', 'en', 'k', 'h', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [userId],
    )
    const creating = makeJob(database, { inFlightPerUser: 1, idempotency: { key: 'k', requestHash: 'a'.repeat(64) } })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await completeVisionJob(database, run, contentOutput, nothingSpent)
    expect(await admit(1), 'there is nothing to be seen yet').toBe(0)
    await other.query('ROLLBACK')
    expect(await statusOf(database, await creating)).toBe('pending')
  })
})

describe('a place is freed', () => {
  const ends: Record<string, (run: Run) => Promise<unknown>> = {
    completes: (run) => completeVisionJob(database, run, contentOutput, nothingSpent),
    fails: (run) => failVisionJob(database, run, badAnswer, nothingSpent),
    'must wait for its next try': (run) =>
      retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true }),
    'is cancelled': (run) => cancelVisionJob(database, run),
    'is deleted': (run) => deleteVisionJob(database, run),
    'loses its worker': async (run) => {
      await passed(database, 'lease_expires_at', run.jobId)
      const owners: string[] = []
      await reclaimVisionJobs(database, noBackoff, ({ userId: owner }) => owners.push(owner))
      expect(owners).toEqual([userId])
    },
    'expires while it is pending': async (run) => {
      await releaseVisionJob(database, run, 'analysis', nothingSpent)
      await passed(database, 'expires_at', run.jobId)
      const owners: string[] = []
      await expireVisionJobs(database, (owner) => owners.push(owner))
      expect(owners).toEqual([userId])
    },
    'is found expired by a claim': async (run) => {
      await releaseVisionJob(database, run, 'analysis', nothingSpent)
      await passed(database, 'expires_at', run.jobId)
      const owners: string[] = []
      const onExpired = (owner: string) => owners.push(owner)
      await claimPendingVisionJobs(database, {
        workerId: 'w',
        limit: 1,
        leaseMs: hour,
        lane: 'analysis',
        onExpired,
      })
      expect(owners).toEqual([userId])
    },
  }
  test.each(Object.keys(ends))('when a job %s, and the oldest blocked job takes it', async (how) => {
    const ids = await create(5, 2)
    const [run] = (await claim(database)) as [Run, Run]
    expect(await admit(2), 'none is free yet').toBe(0)
    await ends[how]?.(run)
    expect(await admit(2)).toBe(1)
    expect(await jobRow(database, ids[2] as number)).toMatchObject({ status: 'pending', version: 2 })
    expect(await jobsIn('blocked')).toEqual(ids.slice(3))
    expect(await admit(2)).toBe(0)
  })

  test('by no job that is given back, and by no blocked one that is cancelled or expires', async () => {
    const [, , cancelled, deleted, expired, last] = (await create(6, 2)) as [number, ...number[]]
    const [run] = (await claim(database)) as [Run, Run]
    await releaseVisionJob(database, run, 'analysis', nothingSpent)
    await cancelVisionJob(database, owned(cancelled as number))
    await deleteVisionJob(database, owned(deleted as number))
    await passed(database, 'expires_at', expired as number)
    expect(await pollQueue(database)).toMatchObject({ expired: true })
    expect(await expireVisionJobs(database)).toBe(1)
    expect(await statusOf(database, expired as number)).toBe('failed')
    expect(await admit(2)).toBe(0)
    expect(await jobsIn('blocked')).toEqual([last])
  })

  test('a user is marked as long as there are blocked jobs, and no longer', async () => {
    const ids = await create(2, 1)
    expect(await isMarked()).toBe(true)
    await cancelVisionJob(database, owned(ids[0] as number))
    expect(await admit(1)).toBe(1)
    expect(await isMarked()).toBe(false)
  })
})

describe('promotion', () => {
  test('lets in what there is room for, in order, and holds the others; those go in before any later job', async () => {
    const ids = await create(4, 4)
    for (const run of await claim(database)) {
      await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    }
    expect(await promoteDueVisionJobs(database, 3)).toBe(4)
    expect(await jobsIn('pending')).toEqual(ids.slice(0, 3))
    expect(await jobRow(database, ids[3] as number)).toMatchObject({
      status: 'blocked',
      available_at: null,
      start_tag: 0,
    })
    const [late] = await create(1, 3)
    const [run] = await claim(database)
    await failVisionJob(database, run as Run, badAnswer, nothingSpent)
    await admit(3)
    expect(await jobsIn('blocked')).toEqual([late])
  })

  test('of a redriven job waits for a place like any other', async () => {
    const ids = await create(1, 1)
    await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
    const next = await create(1, 1)
    await redriveVisionJob(database, owned(ids[0] as number), { lifeMs: hour })
    expect(await promoteDueVisionJobs(database, 1)).toBe(1)
    expect([await jobsIn('pending'), await jobsIn('blocked')]).toEqual([next, ids])
  })
})

describe('what was begun goes first', () => {
  test('a blocked job whose analysis is saved is admitted before older ones whose is not', async () => {
    const begun = await begunJob(2)
    const ids = await create(4, 2)
    await claim(database)
    await promoteDueVisionJobs(database, 2)
    expect(await jobsIn('blocked')).toEqual([begun, ...ids.slice(2)])
    const [row] = await database.sql("SELECT id FROM vision_jobs WHERE status = 'processing' ORDER BY id")
    await cancelVisionJob(database, owned(Number(row?.id)))
    await admit(2)
    expect(await jobsIn('pending')).toEqual([begun])
  })

  test('one that is promoted takes the place of the last pending job of the first lane', async () => {
    const begun = await begunJob(3)
    const ids = await create(4, 3)
    expect(await promoteDueVisionJobs(database, 3)).toBe(1)
    expect(await jobsIn('pending')).toEqual([begun, ...ids.slice(0, 2)])
    expect(await jobRow(database, ids[2] as number)).toMatchObject({ status: 'blocked', start_tag: 0, version: 2 })
    expect(await isMarked()).toBe(true)
  })

  test('one that is blocked does so when the others are given back, as in an outage of the first provider', async () => {
    const begun = await begunJob(2)
    const ids = await create(2, 2)
    const runs = await claim(database)
    await promoteDueVisionJobs(database, 2)
    expect(await jobsIn('blocked')).toEqual([begun])
    for (const run of runs) await releaseVisionJob(database, run, 'analysis', nothingSpent)
    expect(await admit(2)).toBe(1)
    expect(await jobsIn('pending')).toEqual(expect.arrayContaining([begun]))
    expect(await jobsIn('pending')).toHaveLength(2)
    expect(await jobsIn('blocked')).toEqual([ids[1]])
  })

  test('one that a claim has just taken is left alone, and the next is tried', async () => {
    const begun = await begunJob(3)
    const ids = (await create(3, 3)) as [number, number, number]
    await other.query('BEGIN')
    await other.query("UPDATE vision_jobs SET status = 'processing' WHERE id = ?", [ids[2]])
    const promoting = promoteDueVisionJobs(database, 3)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await other.query('COMMIT')
    await promoting
    expect(await jobsIn('processing')).toEqual([ids[2]])
    expect(await jobsIn('pending')).toEqual([begun, ids[0]])
    expect(await jobsIn('blocked')).toEqual([ids[1]])
  })

  test('where all that is in flight runs or was begun too, it waits', async () => {
    const begun = [await begunJob(9), await begunJob(9), await begunJob(9)]
    await create(1, 9)
    await claim(database)
    await promoteDueVisionJobs(database, 3)
    expect(await jobsIn('pending')).toEqual(begun.slice(0, 2))
    expect(await jobsIn('blocked')).toEqual(begun.slice(2))
  })
})

describe('a cap that is changed', () => {
  test('takes nothing away when it is lowered, and lets nothing in before there are fewer', async () => {
    const ids = await create(6, 4)
    const [first, second, third] = (await claim(database)) as [Run, Run, Run]
    expect(await admit(2)).toBe(0)
    for (const run of [first, second]) await failVisionJob(database, run, badAnswer, nothingSpent)
    expect(await admit(2)).toBe(0)
    expect(await jobsIn('processing')).toEqual(ids.slice(2, 4))
    await failVisionJob(database, third, badAnswer, nothingSpent)
    expect(await admit(2)).toBe(1)
  })

  test('lets more in at the next occasion when it is raised', async () => {
    const ids = await create(6, 2)
    expect(await admit(5)).toBe(3)
    expect(await jobsIn('pending')).toEqual(ids.slice(0, 5))
  })
})

describe('a worker', () => {
  let running: Record<string, number>
  let most: Record<string, number>
  beforeEach(() => {
    running = {}
    most = {}
  })
  const step = async <T>(run: Run, output: T): Promise<T> => {
    running[run.userId] = (running[run.userId] ?? 0) + 1
    most[run.userId] = Math.max(most[run.userId] ?? 0, running[run.userId] ?? 0)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running[run.userId] = (running[run.userId] ?? 0) - 1
    return output
  }
  const steps: Steps = { analysis: (run) => step(run, analysisOutput), content: (run) => step(run, contentOutput) }
  const worker = (changes: Partial<WorkerOptions> = {}) =>
    workerOptions(database, steps, { concurrency: 20, inFlightPerUser: 3, providerWaitMs: 30_000, ...changes })

  test('drains all jobs of users with more than their share, never more of one’s at a time than the cap', async () => {
    for (const name of ['a', 'b']) await makeJobs(database, 30, { userId: name, inFlightPerUser: 3 })
    const drained = await Promise.all([drain(worker(), inAMinute()), drain(worker(), inAMinute())])
    expect(drained.reduce((sum, { completed }) => sum + completed, 0)).toBe(60)
    expect(await jobsIn('completed')).toHaveLength(60)
    expect(most).toEqual({ a: 3, b: 3 })
    expect(await isMarked()).toBe(false)
  })

  test('lets the next in where another died between settling a job and letting the next in', async () => {
    const ids = await create(5, 2)
    for (const run of await claim(database)) await completeVisionJob(database, run, contentOutput, nothingSpent)
    expect(await pollQueue(database)).toMatchObject({ blocked: false, lanes: [] })
    expect(await drain(worker({ inFlightPerUser: 2 }), inAMinute())).toMatchObject({ claimed: 0 })
    await neglected()
    expect(await pollQueue(database)).toMatchObject({ blocked: true })
    expect(await drain(worker({ inFlightPerUser: 2 }), inAMinute())).toMatchObject({ completed: 3 })
    expect(await jobsIn('completed')).toEqual(ids)
  })

  test('waits for no user that a dead connection has locked: the jobs of others, and pending ones, run', async () => {
    const [due] = (await create(3, 2)) as [number, number, number]
    const run = await claimOne(database)
    await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
    await neglected()
    await makeJob(database, { userId: 'user-2' })
    await other.query('BEGIN')
    await other.query('SELECT 1 FROM vision_users WHERE user_id = ? FOR UPDATE', [userId])
    try {
      expect(await drain(worker(), inAMinute())).toMatchObject({ completed: 2 })
    } finally {
      await other.query('ROLLBACK')
    }
    expect([await jobsIn('scheduled'), (await jobsIn('blocked')).length]).toEqual([[due], 1])
    expect(await drain(worker(), inAMinute())).toMatchObject({ completed: 2 })
  })

  test('looks again only after a while at a user for whom there is still no room', async () => {
    await create(2, 1)
    await claimOne(database)
    await neglected()
    await drain(worker({ inFlightPerUser: 1 }), inAMinute())
    expect(await pollQueue(database)).toMatchObject({ blocked: false })
    expect(await isMarked()).toBe(true)
  })

  test.each(['reclaimed', 'expired'] as const)('lets the next in for a job that it found %s', async (what) => {
    const [first, second] = (await create(2, 1)) as [number, number]
    if (what === 'reclaimed') {
      await claimOne(database)
      await database.sql('UPDATE vision_jobs SET crashes = 5 WHERE id = ?', [first])
      await passed(database, 'lease_expires_at', first)
    } else {
      await passed(database, 'expires_at', first)
    }
    expect(await drain(worker({ inFlightPerUser: 1 }), inAMinute())).toMatchObject({ [what]: 1, completed: 1 })
    expect(await statusOf(database, second)).toBe('completed')
  })
})
