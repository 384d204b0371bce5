import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { LeaseLost } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  contentOutput,
  makeJobs,
  noBackoff,
  noCap,
  nothingSpent,
  passed,
  tornJobs,
} from '../support/database/jobs.ts'
import { closePools, openPools } from '../support/database/pools.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const claimers = 16
/** Between two rounds of what goes round and round: without it the processors are busy finding nothing to do. */
const restMs = 5
let database: TestDatabase
let pools: Database[]
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
  pools = openPools(database.url, claimers)
})
afterAll(() => closePools(pools))

test('sixteen workers at once never share a job and lose none, whatever else goes on', async () => {
  const waiting = 300
  const late = 100
  for (let user = 0; user < 4; user++) await makeJobs(database, waiting / 4, { userId: `user-${user}` })
  const claims = new Map<string, number>()
  const cancelled = new Set<number>()
  let inserting = true
  let open = waiting

  const insert = async () => {
    for (let batch = 0; batch < late / 10; batch++) {
      const { length } = await makeJobs(database, 10, { userId: `late-${batch % 7}` })
      open += length
    }
    inserting = false
  }
  const cancel = async () => {
    while (open > 0 || inserting) {
      const rows = await database.sql(
        "SELECT id, user_id FROM vision_jobs WHERE status = 'pending' ORDER BY RAND() LIMIT 2",
      )
      for (const { id, user_id } of rows) {
        try {
          await cancelVisionJob(database, { jobId: Number(id), userId: String(user_id) })
          cancelled.add(Number(id))
          open--
        } catch (error) {
          expect(error).toMatchObject({ code: 'job.not_cancellable' })
        }
      }
      if (cancelled.size >= 60) return
    }
  }
  const promote = async () => {
    while (open > 0 || inserting) {
      await promoteDueVisionJobs(database, noCap)
      await delay(restMs)
    }
  }
  const work = async (pool: Database, number: number) => {
    const workerId = `worker-${number}`
    while (open > 0 || inserting) {
      for (const lane of ['content', 'analysis'] as const) {
        const { runs } = await claimPendingVisionJobs(pool, { workerId, lane, limit: 10, leaseMs: 60_000 })
        for (const [index, run] of runs.entries()) {
          const key = `${run.jobId} ${run.attempt}`
          claims.set(key, (claims.get(key) ?? 0) + 1)
          try {
            if (run.attempt === 1 && index % 5 === 1) {
              await retryVisionJob(pool, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: true })
            } else if (run.attempt === 1 && index % 5 === 2) {
              await saveAnalysis(pool, run, analysisOutput, nothingSpent)
              await releaseVisionJob(pool, run, 'content', nothingSpent)
            } else {
              await completeVisionJob(pool, run, contentOutput, nothingSpent)
              open--
            }
          } catch (error) {
            // Only a cancel takes a job away here.
            expect(error).toBeInstanceOf(LeaseLost)
          }
        }
      }
    }
  }
  await Promise.all([insert(), cancel(), promote(), ...pools.map(work)])

  expect(
    [...claims].filter(([, count]) => count > 1),
    'claimed twice',
  ).toEqual([])
  const ended = await database.sql('SELECT status, COUNT(*) AS jobs FROM vision_jobs GROUP BY status ORDER BY status')
  expect(ended).toEqual([
    { status: 'completed', jobs: waiting + late - cancelled.size },
    { status: 'cancelled', jobs: cancelled.size },
  ])
  expect(await tornJobs(database.sql), 'one ended row for each run').toEqual([])
})

test('sixteen workers at once never have more of a user’s jobs in flight than the cap, and leave none blocked', async () => {
  const cap = 5
  const users = Array.from({ length: 3 }, (_, index) => `capped-${index}`)
  let retries = 0
  const retrying = {
    connections: 2,
    random: () => {
      retries++
      return Math.random()
    },
  }
  const crowd = openPools(database.url, claimers, retrying)
  const api = openDatabase(database.url, { ...retrying, connections: 8 })
  const admit = (on: Database, userId: string) => admitVisionJobs(on, userId, cap)
  let creating = users.length
  let done = false
  const errors: unknown[] = []

  const create = async (userId: string) => {
    const sizes = [10, 5, 5, 1, 1, 1]
    // Two at once for each user, or one creator would never meet another.
    await Promise.all(
      [0, 1].map(async () => {
        for (const size of sizes) await makeJobs(api, size, { userId, inFlightPerUser: cap })
      }),
    )
    creating--
  }
  const remove = async (how: typeof cancelVisionJob) => {
    while (creating > 0) {
      const rows = await database.sql(
        `SELECT id, user_id FROM vision_jobs WHERE status IN ('blocked', 'pending', 'processing', 'scheduled')
           AND user_id LIKE 'capped%' ORDER BY RAND() LIMIT 1`,
      )
      for (const { id, user_id } of rows) {
        const job = { jobId: Number(id), userId: String(user_id) }
        await how(api, job).catch((error) => expect(error).toMatchObject({ code: /^job\./ }))
        await admit(api, job.userId)
      }
      await delay(restMs)
    }
  }
  const tend = async () => {
    while (!done) {
      const freed = new Set<string>()
      await promoteDueVisionJobs(api, cap)
      await reclaimVisionJobs(api, noBackoff, ({ userId }) => freed.add(userId))
      await expireVisionJobs(api, (userId) => freed.add(userId))
      for (const userId of freed) await admit(api, userId)
      await delay(restMs)
    }
  }
  const work = async (on: Database, number: number) => {
    const workerId = `capped-worker-${number}`
    let runsSeen = number
    for (; !done; await delay(restMs)) {
      for (const lane of ['content', 'analysis'] as const) {
        const freed: string[] = []
        const onExpired = (userId: string) => freed.push(userId)
        const { runs } = await claimPendingVisionJobs(on, { workerId, lane, limit: 4, leaseMs: 60_000, onExpired })
        for (const run of runs) {
          const turn = run.attempt === 1 ? runsSeen++ % 8 : 7
          const retry = (delayMs = 0) =>
            retryVisionJob(on, run, badAnswer, nothingSpent, { delayMs, costsRetry: false })
          const save = () => (lane === 'analysis' ? saveAnalysis(on, run, analysisOutput, nothingSpent) : undefined)
          try {
            if (turn === 0) await retry()
            else if (turn === 1) await save()?.then(() => retry())
            else if (turn === 2) await releaseVisionJob(on, run, lane, nothingSpent)
            else if (turn === 3) await save()?.then(() => releaseVisionJob(on, run, 'content', nothingSpent))
            else if (turn === 4) await failVisionJob(on, run, badAnswer, nothingSpent)
            else if (turn === 5) await passed(database, 'lease_expires_at', run.jobId)
            else if (turn === 6) {
              await releaseVisionJob(on, run, lane, nothingSpent)
              await passed(database, 'expires_at', run.jobId)
            } else await completeVisionJob(on, run, contentOutput, nothingSpent)
          } catch (error) {
            expect(error).toBeInstanceOf(LeaseLost)
          }
          await admit(on, run.userId)
        }
        for (const userId of freed) await admit(on, userId)
      }
    }
  }
  const over: unknown[] = []
  let samples = 0
  let full = 0
  const sample = async () => {
    for (; !done; samples++) {
      const rows = await database.sql(
        `SELECT user_id, SUM(status IN ('pending', 'processing')) AS jobs, SUM(status = 'blocked') AS blocked
         FROM vision_jobs WHERE user_id LIKE 'capped%' GROUP BY user_id`,
      )
      over.push(...rows.filter(({ jobs }) => Number(jobs) > cap))
      full += rows.filter(({ jobs, blocked }) => Number(jobs) === cap && Number(blocked) > 0).length
      const [open] = await database.sql(
        `SELECT COUNT(*) AS jobs FROM vision_jobs
         WHERE user_id LIKE 'capped%' AND status IN ('scheduled', 'blocked', 'pending', 'processing')`,
      )
      if (creating === 0 && open?.jobs === 0) done = true
      await delay(restMs)
    }
  }
  const orEnd = (work: Promise<void>) =>
    work.catch((error) => {
      errors.push(error)
      done = true
      creating = 0
    })
  await Promise.all(
    [
      ...users.map(create),
      remove(cancelVisionJob),
      remove(deleteVisionJob),
      tend(),
      tend(),
      sample(),
      ...crowd.map(work),
    ].map(orEnd),
  )
  await closePools([api, ...crowd])

  expect(errors).toEqual([])
  expect(over, 'more in flight than the cap').toEqual([])
  expect(samples, 'looked often enough to see it').toBeGreaterThan(50)
  expect(full, 'and there was always something to admit').toBeGreaterThan(50)
  const marked = await database.sql('SELECT user_id FROM vision_users WHERE blocked_seen_at IS NOT NULL')
  expect(marked, 'users with blocked jobs').toEqual([])
  expect(retries, 'deadlocks, lock waits and broken connections').toBeLessThanOrEqual(2)
})
