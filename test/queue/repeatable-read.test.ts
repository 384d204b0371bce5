import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { rowsOf } from '../../core/database/sql.ts'
import { LeaseLost } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { completeVisionJob, releaseVisionJob, retryVisionJob } from '../../core/queue/settle/settle.ts'
import { badAnswer, claim, contentOutput, hour, nothingSpent, someJob } from '../support/database/jobs.ts'
import { closePools, openPools } from '../support/database/pools.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

// Vitess keeps its connections in REPEATABLE READ, where locking reads lock the gaps between rows as well.

const cap = 5
const pools = 8
let direct: TestDatabase
let databases: Database[]
beforeAll(async () => {
  // Its own: what it locks depends on the rows that were there before.
  direct = await createTestDatabase({ connections: 2 })
  databases = openPools(direct.url, pools, { connections: 2, isolation: 'REPEATABLE READ' })
})
afterAll(async () => {
  await closePools(databases)
  await direct.drop()
})

test('creation, claims, promotion, admission and cancels at once surface no deadlock and keep the cap', {
  tags: 'long',
}, async () => {
  const [first] = databases as [Database]
  const level = await first.run((on) => rowsOf<{ Value: string }>(on, sql`SHOW VARIABLES LIKE '%x_isolation'`))
  const other = await first.run((on) => rowsOf<{ Value: string }>(on, sql`SHOW VARIABLES LIKE 'transaction_isolation'`))
  expect([...level, ...other].map(({ Value }) => Value)).toContain('REPEATABLE-READ')

  const errors: unknown[] = []
  let creating = 4
  let done = false
  const jobs = 240
  const create = async (database: Database, number: number) => {
    // Of users who are new with every other call, and two calls at once for the same key.
    for (let round = 0; round < 12; round++) {
      const userId = `user-${round % 2 ? number % 2 : `${number >> 1}-${round}`}`
      const batch = Array.from({ length: 5 }, (_, index) => ({
        ...someJob,
        idempotency: { key: `${number}-${round}-${index}`, requestHash: 'a'.repeat(64) },
      }))
      const options = { userId, maxRetries: 3, inFlightPerUser: cap, lifeMs: hour }
      const [one, two] = await Promise.all([
        createVisionJobs(database, batch, options),
        createVisionJobs(database, [...batch].reverse(), options),
      ])
      expect(one.map(({ jobId }) => jobId).toSorted()).toEqual(two.map(({ jobId }) => jobId).toSorted())
    }
    creating--
  }
  const work = async (database: Database, number: number) => {
    while (!done) {
      const runs = await claim(database, { limit: 4, workerId: `worker-${number}` })
      for (const [index, run] of runs.entries()) {
        try {
          if (run.attempt === 1 && index === 1) {
            await retryVisionJob(database, run, badAnswer, nothingSpent, { delayMs: 0, costsRetry: false })
          } else if (run.attempt === 1 && index === 2) await releaseVisionJob(database, run, 'analysis', nothingSpent)
          else await completeVisionJob(database, run, contentOutput, nothingSpent)
        } catch (error) {
          if (!(error instanceof LeaseLost)) throw error
        }
        await admitVisionJobs(database, run.userId, cap)
      }
      await promoteDueVisionJobs(database, cap)
    }
  }
  const cancel = async () => {
    while (!done) {
      const [job] = await direct.sql(
        `SELECT id, user_id FROM vision_jobs WHERE status IN ('blocked', 'pending') ORDER BY RAND() LIMIT 1`,
      )
      if (!job) await new Promise((resolve) => setTimeout(resolve, 5))
      else {
        const owned = { jobId: Number(job.id), userId: String(job.user_id) }
        await cancelVisionJob(first, owned).catch((error) => expect(error).toMatchObject({ code: /^job\./ }))
        await admitVisionJobs(first, owned.userId, cap)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  const over: unknown[] = []
  const watch = async () => {
    while (!done) {
      over.push(
        ...(await direct.sql(
          `SELECT user_id, COUNT(*) AS jobs FROM vision_jobs WHERE status IN ('pending', 'processing')
           GROUP BY user_id HAVING jobs > ?`,
          [cap],
        )),
      )
      const [open] = await direct.sql(
        "SELECT COUNT(*) AS jobs FROM vision_jobs WHERE status IN ('scheduled', 'blocked', 'pending', 'processing')",
      )
      if (creating === 0 && open?.jobs === 0) done = true
    }
  }
  const orEnd = (working: Promise<void>) =>
    working.catch((error: unknown) => {
      errors.push(error)
      done = true
    })
  await Promise.all([
    ...databases.slice(0, 4).map((database, number) => orEnd(create(database, number))),
    ...databases.slice(4).map((database, number) => orEnd(work(database, number))),
    orEnd(cancel()),
    orEnd(watch()),
  ])
  expect(errors).toEqual([])
  expect(over, 'more in flight than the cap').toEqual([])
  const [made] = await direct.sql('SELECT COUNT(*) AS jobs FROM vision_jobs')
  expect(made?.jobs).toBe(jobs)
})
