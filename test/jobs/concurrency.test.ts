import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../core/db.ts'
import { claimPendingVisionJobs } from '../../core/jobs/claim.ts'
import { promoteDueVisionJobs } from '../../core/jobs/promote.ts'
import { LeaseLost } from '../../core/jobs/run.ts'
import { completeVisionJob, releaseVisionJob, retryVisionJob, saveAnalysis } from '../../core/jobs/settle.ts'
import { cancelVisionJob } from '../../core/jobs/withdraw.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { analysisOutput, badAnswer, contentOutput, makeJobs, noCap, nothingSpent } from '../support/jobs.ts'

const claimers = 16
let database: TestDatabase
let pools: Database[]
beforeAll(async () => {
  database = await createTestDatabase()
  pools = Array.from({ length: claimers }, () => openDatabase(database.url, { connections: 1, random: Math.random }))
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
  await database.drop()
})

test('sixteen workers at once never share a job and lose none, whatever else goes on', async () => {
  const waiting = 1_600
  for (let user = 0; user < 4; user++) await makeJobs(database, waiting / 4, { userId: `user-${user}` })
  const claims = new Map<string, number>()
  const cancelled = new Set<number>()
  let inserting = true
  let open = waiting

  const insert = async () => {
    for (let batch = 0; batch < 40; batch++) {
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
    while (open > 0 || inserting) await promoteDueVisionJobs(database, noCap)
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
    { status: 'cancelled', jobs: cancelled.size },
    { status: 'completed', jobs: 2_000 - cancelled.size },
  ])
  const torn = await database.sql(
    `SELECT j.id FROM vision_jobs j LEFT JOIN vision_job_attempts a ON a.job_id = j.id
     GROUP BY j.id, j.attempt HAVING COUNT(a.id) <> j.attempt OR SUM(a.outcome = 'running') > 0`,
  )
  expect(torn, 'one ended row for each run').toEqual([])
}, 60_000)
