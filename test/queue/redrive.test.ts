import { afterAll, beforeEach, describe, expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import type { ErrorCode } from '../../core/domain/errors.ts'
import { type RedriveFilter, type RedriveOptions, redriveVisionJobs } from '../../core/queue/change/redrive.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { claim, hour, jobIn, jobRow, makeJobs, noCap, nothingSpent, statusOf } from '../support/database/jobs.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  proxied = await openProxied(database.url, { connections: 2 })
  proxy = proxied.proxy
})
afterAll(() => proxied.close())

const options: RedriveOptions = { limit: 10_000, dryRun: false, lifeMs: 24 * hour }
const redrive = (filter: RedriveFilter = {}, changes: Partial<RedriveOptions> = {}) =>
  redriveVisionJobs(database, filter, { ...options, ...changes })

/** Makes jobs that failed with a code, so many seconds ago. */
async function failed(count: number, { code = 'analysis.blocked' as ErrorCode, userId = 'user-1', ago = 60 } = {}) {
  const ids = await makeJobs(database, count, { userId })
  for (let done = 0; done < count; ) {
    const runs = await claim(database, { limit: 100 })
    for (const run of runs) await failVisionJob(database, run, { code, message: 'It failed.' }, nothingSpent)
    done += runs.length
  }
  await database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE id IN (?)', [
    ago,
    ids,
  ])
  return ids
}

/** Makes jobs that all failed in the same millisecond. */
async function failedAtOnce(count: number): Promise<void> {
  const numbers = 'WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 700)'
  for (let made = 0; made < count; made += 700) {
    await database.sql(
      `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
         error_code, created_at, updated_at, finished_at, expires_at)
       ${numbers} SELECT 'ann', 'failed', 3, 'x', 'x', 'summary', 'en', 'analysis.blocked', UTC_TIMESTAMP(3),
         UTC_TIMESTAMP(3), '2026-11-01 00:00:00.123', UTC_TIMESTAMP(3) FROM numbers`,
    )
  }
}

const statuses = async () =>
  Object.fromEntries(
    (await database.sql('SELECT status, COUNT(*) AS jobs FROM vision_jobs GROUP BY status')).map((row) => [
      row.status,
      row.jobs,
    ]),
  )

test('a redriven job is as one that its owner retries: due at once, with all its retries and its saved attempt', async () => {
  const [jobId = 0] = await failed(1)
  await database.sql('UPDATE vision_jobs SET crashes = 3 WHERE id = ?', [jobId])
  const before = await jobRow(database, jobId)
  expect(await redrive()).toMatchObject({ jobs: 1, sample: [jobId], more: false })
  expect(await jobRow(database, jobId)).toMatchObject({
    status: 'scheduled',
    failures: 0,
    crashes: 0,
    attempt: 1,
    error_code: null,
    finished_at: null,
    version: Number(before.version) + 1,
  })
  expect(await promoteDueVisionJobs(database, noCap)).toBe(1)
  expect(await claim(database)).toMatchObject([{ jobId, attempt: 2, failures: 0 }])
})

test('a dry run counts, names some and changes nothing', async () => {
  const ids = await failed(25)
  expect(await redrive({}, { dryRun: true })).toMatchObject({ jobs: 25, sample: ids.slice(0, 20), more: false })
  expect(await statuses()).toEqual({ failed: 25 })
})

describe('the filter', () => {
  let blocked: number[]
  let timedOut: number[]
  let others: number[]
  beforeEach(async () => {
    blocked = await failed(2, { ago: 7_200 })
    timedOut = await failed(2, { code: 'analysis.timed_out', userId: 'bob', ago: 3_600 })
    others = await failed(2, { code: 'content.timed_out', ago: 60 })
  })
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000)

  test.each<[string, () => RedriveFilter, () => number[]]>([
    ['nothing: every failed job', () => ({}), () => [...blocked, ...timedOut, ...others]],
    ['a code', () => ({ code: 'analysis.timed_out' }), () => timedOut],
    ['the first part of codes', () => ({ code: 'analysis.' }), () => [...blocked, ...timedOut]],
    ['half a word of a code: none', () => ({ code: 'analysis.timed' }), () => []],
    ['a user', () => ({ userId: 'bob' }), () => timedOut],
    ['a time from which', () => ({ since: ago(4_000) }), () => [...timedOut, ...others]],
    ['a time until which', () => ({ until: ago(3_000) }), () => [...blocked, ...timedOut]],
    ['all of it', () => ({ since: ago(4_000), until: ago(3_000), code: 'analysis.', userId: 'bob' }), () => timedOut],
    ['all of it, of which one does not fit', () => ({ since: ago(4_000), code: 'analysis.', userId: 'ann' }), () => []],
  ])('%s', async (_, filter, expected) => {
    const ids = expected()
    expect(await redrive(filter(), { dryRun: true })).toMatchObject({ jobs: ids.length, sample: ids })
    expect(await redrive(filter())).toMatchObject({ jobs: ids.length, sample: ids, more: false })
    for (const id of [...blocked, ...timedOut, ...others]) {
      expect(await statusOf(database, id)).toBe(ids.includes(id) ? 'scheduled' : 'failed')
    }
  })
})

test('only failed jobs live again', async () => {
  const jobs = []
  for (const status of ['completed', 'cancelled', 'scheduled', 'processing', 'pending'] as const) {
    jobs.push({ status, ...(await jobIn(database, status)) })
  }
  expect(await redrive()).toMatchObject({ jobs: 0, sample: [], more: false, through: null })
  for (const { jobId, status } of jobs) expect(await statusOf(database, jobId)).toBe(status)
})

test('the limit is kept, the oldest failures come first, and it says from where to go on', async () => {
  const old = await failed(3, { ago: 600 })
  const young = await failed(3, { ago: 60 })
  const first = await redrive({}, { limit: 4 })
  expect(first).toMatchObject({ jobs: 4, more: true })
  expect(await statuses()).toEqual({ scheduled: 4, failed: 2 })
  for (const id of [...old, young[0] ?? 0]) expect(await statusOf(database, id)).toBe('scheduled')
  expect(await redrive({ since: first.through ?? new Date() }, { limit: 4 })).toMatchObject({ jobs: 2, more: false })
})

test('more than a page of failures that all came in one millisecond are each taken once', async () => {
  const count = 2_100
  await failedAtOnce(count)
  expect(await redrive({}, { dryRun: true })).toMatchObject({ jobs: count })
  const batches: number[] = []
  const done = await redrive({}, { note: async (_, { jobs }) => void batches.push(jobs) })
  expect(done).toMatchObject({ jobs: count, more: false })
  expect(batches.map((jobs, index) => jobs - (batches[index - 1] ?? 0)).every((size) => size <= 200)).toBe(true)
  expect(batches.at(-1)).toBe(count)
  expect(await statuses()).toEqual({ scheduled: count })
})

test('what fails again while it goes on is not met again', async () => {
  await failedAtOnce(1_400)
  let batches = 0
  const done = await redrive(
    {},
    {
      note: async (tx) => {
        if (++batches > 7) throw new Error('it goes on for ever')
        await tx.execute(
          "UPDATE vision_jobs SET status = 'failed', finished_at = UTC_TIMESTAMP(3) + INTERVAL 5 SECOND WHERE status = 'scheduled'",
        )
      },
    },
  )
  expect(done).toMatchObject({ jobs: 1_400, more: false })
  expect(await statuses()).toEqual({ failed: 1_400 })
})

test('a job that its owner deletes or retries meanwhile is left out of the count', async () => {
  const [one = 0, other = 0] = await failed(3)
  const racing: Database = {
    ...database,
    transact: async (work, landed) => {
      await database.sql('DELETE FROM vision_jobs WHERE id = ?', [one])
      await database.sql("UPDATE vision_jobs SET status = 'pending' WHERE id = ?", [other])
      return database.transact(work, landed)
    },
  }
  expect(await redriveVisionJobs(racing, {}, options)).toMatchObject({ jobs: 1 })
  expect(await statusOf(database, other)).toBe('pending')
})

test('told to end, it ends between two batches', async () => {
  await failed(300)
  const controller = new AbortController()
  const note = async () => controller.abort()
  expect(await redrive({}, { signal: controller.signal, note })).toMatchObject({ jobs: 200, more: true })
  expect(await statuses()).toEqual({ scheduled: 200, failed: 100 })
})

test.each<CommitFault>(['lost', 'answer lost', 'late'])('a COMMIT that is %s counts its jobs once', async (fault) => {
  const ids = await failed(3)
  proxy.failNextCommit(fault)
  expect(await redriveVisionJobs(proxied, {}, options)).toMatchObject({ jobs: 3, sample: ids })
  expect(await statuses()).toEqual({ scheduled: 3 })
  expect((await jobRow(database, ids[0] ?? 0)).version).toBe(4)
})
