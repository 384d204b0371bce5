import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { asDate, rowsOf } from '../../core/database/sql.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { getVisionJob, getVisionJobAttempts } from '../../core/queue/read/read.ts'
import { completeVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  claimOne,
  contentOutput,
  hour,
  makeJob,
  noBackoff,
  noCap,
  nothingSpent,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const near = (date: Date | null | undefined, expected: number) =>
  expect(Math.abs(Number(date?.getTime()) - expected)).toBeLessThan(60_000)

describe.each(['+05:00', '-11:30', '+00:00'])('in a session of the zone %s', (zone) => {
  let zoned: Database
  beforeAll(async () => {
    zoned = openDatabase(database.url, { connections: 1, random: Math.random })
    await zoned.run((on) => on.execute(sql`SET SESSION time_zone = ${zone}`))
  })
  afterAll(() => zoned.close())

  test('every moment of a job is read as the instant it was', async () => {
    const jobId = await makeJob(zoned, { lifeMs: 24 * hour })
    const run = await claimOne(zoned, { leaseMs: 10 * 60_000 })
    const { job: running } = await getVisionJob(zoned, { jobId, userId: 'user-1' })
    near(running.leaseExpiresAt, Date.now() + 10 * 60_000)
    await saveAnalysis(zoned, run, analysisOutput, nothingSpent)
    await completeVisionJob(zoned, run, contentOutput, nothingSpent)
    const { job, outputs } = await getVisionJob(zoned, { jobId, userId: 'user-1' })
    for (const date of [job.createdAt, job.updatedAt, job.startedAt, job.finishedAt]) near(date, Date.now())
    near(job.expiresAt, Date.now() + 24 * hour)
    for (const output of outputs) near(output.createdAt, Date.now())
    const [attempt] = await getVisionJobAttempts(zoned, { jobId, userId: 'user-1' })
    near(attempt?.startedAt, Date.now())
    near(attempt?.endedAt, Date.now())
    const [raw] = await zoned.run((on) =>
      rowsOf<{ at: string }>(on, sql`SELECT created_at AS at FROM vision_jobs WHERE id = ${jobId}`),
    )
    expect(asDate(String(raw?.at))).toEqual(job.createdAt)
  })

  test('a date that is handed in as a parameter means the same instant', async () => {
    const jobId = await makeJob(zoned)
    const { job } = await getVisionJob(zoned, { jobId, userId: 'user-1' })
    const found = await zoned.run((on) =>
      rowsOf(on, sql`SELECT id FROM vision_jobs WHERE created_at = ${job.createdAt} AND id = ${jobId}`),
    )
    expect(found).toHaveLength(1)
  })

  test('leases and waits have their length in the session of every time zone', async () => {
    const jobId = await makeJob(zoned)
    const run = await claimOne(zoned, { leaseMs: 60_000 })
    expect(await reclaimVisionJobs(database, noBackoff)).toBe(0)
    expect(await reclaimVisionJobs(zoned, noBackoff)).toBe(0)
    await retryVisionJob(zoned, run, badAnswer, nothingSpent, { delayMs: 60_000, costsRetry: true })
    expect(await promoteDueVisionJobs(database, noCap)).toBe(0)
    expect(await promoteDueVisionJobs(zoned, noCap)).toBe(0)
    await database.sql('UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) WHERE id = ?', [jobId])
    expect(await promoteDueVisionJobs(zoned, noCap)).toBe(1)
    await claimOne(database, { leaseMs: 60_000 })
    await database.sql('UPDATE vision_jobs SET lease_expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [jobId])
    expect(await reclaimVisionJobs(zoned, noBackoff)).toBe(1)
  })
})
