import mysql, { type Connection } from 'mysql2/promise'
import { afterAll, describe, expect } from 'vitest'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { claim, makeJob, makeJobs, noCap, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let dead: Connection
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  dead = await mysql.createConnection(database.url)
})
afterAll(async () => {
  await dead.end()
})

/** So many jobs of a user that have been due for so many seconds. */
async function dueJobs(userId: string, count: number, seconds: number): Promise<number[]> {
  const ids = await makeJobs(database, count, { userId })
  await database.sql(
    `UPDATE vision_jobs SET status = 'scheduled', start_tag = 0, available_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND
     WHERE id IN (?)`,
    [seconds, ids],
  )
  return ids
}

/** Does something while a connection that has died without a word holds rows. */
async function whileLocked<T>(query: string, work: () => Promise<T>): Promise<T> {
  await dead.query('BEGIN')
  await dead.query(query)
  try {
    return await work()
  } finally {
    await dead.query('ROLLBACK')
  }
}

describe('many due jobs of one user, in front of another’s', () => {
  test('are skipped while their user is locked, and the other’s are promoted', async () => {
    const front = await dueJobs('front', 450, 100)
    const [behind] = (await dueJobs('behind', 1, 1)) as [number]
    const locked = "SELECT 1 FROM vision_users WHERE user_id = 'front' FOR UPDATE"
    await whileLocked(locked, async () => {
      expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
      expect(await statusOf(database, behind)).toBe('pending')
      expect(await promoteDueVisionJobs(database, noCap)).toBe(0)
    })
    expect(await promoteDueVisionJobs(database, noCap)).toBe(200)
    expect(await statusOf(database, front[0] as number)).toBe('pending')
  })

  test('are promoted by the hundreds, and with the first of them the other’s', async () => {
    await dueJobs('front', 450, 100)
    const [behind] = (await dueJobs('behind', 1, 1)) as [number]
    expect(await promoteDueVisionJobs(database, 10)).toBe(201)
    expect(await statusOf(database, behind)).toBe('pending')
  })
})

test('the due jobs of a user who has no row yet are promoted', async () => {
  const [jobId] = (await dueJobs('rowless', 1, 1)) as [number]
  await database.sql('DELETE FROM vision_users')
  expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
  expect(await statusOf(database, jobId)).toBe('pending')
})

describe('a job that a connection holds which has died with it', () => {
  test('is not waited for when blocked jobs are admitted: the next goes', async () => {
    const [first, second, third] = (await makeJobs(database, 3, { inFlightPerUser: 1 })) as [number, number, number]
    await cancelVisionJob(database, { jobId: first, userId: 'user-1' })
    await whileLocked(`SELECT 1 FROM vision_jobs WHERE id = ${second} FOR UPDATE`, async () => {
      expect(await admitVisionJobs(database, 'user-1', 2)).toBe(1)
      expect(await statusOf(database, third)).toBe('pending')
    })
    expect(await admitVisionJobs(database, 'user-1', 2)).toBe(1)
  })

  test('is not waited for when a begun one needs a place: another gives it up', async () => {
    const begun = await makeJob(database, { inFlightPerUser: 3 })
    await claim(database, { limit: 1 })
    const [, second, third] = (await makeJobs(database, 3, { inFlightPerUser: 4 })) as [number, number, number]
    await database.sql(
      `UPDATE vision_jobs SET status = 'scheduled', next_step = 'content',
         available_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = ?`,
      [begun],
    )
    await whileLocked(`SELECT 1 FROM vision_jobs WHERE id = ${third} FOR UPDATE`, async () => {
      expect(await promoteDueVisionJobs(database, 3)).toBe(1)
      expect(await statusOf(database, begun)).toBe('pending')
      expect([await statusOf(database, second), await statusOf(database, third)]).toEqual(['blocked', 'pending'])
    })
  })
})
