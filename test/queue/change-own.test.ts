import { afterAll, expect } from 'vitest'
import { batchOfItsOwn } from '../../core/batches/batches.ts'
import { getBatchStates } from '../../core/batches/state.ts'
import type { Database } from '../../core/database/client.ts'
import { cancelling, cancelVisionJobs } from '../../core/queue/change/cancel.ts'
import type { JobChange } from '../../core/queue/change/change-jobs.ts'
import {
  changeOwnJobs,
  mostChanged,
  mostCounted,
  type OwnChangeOptions,
  type OwnFilter,
} from '../../core/queue/change/change-own.ts'
import { deleting } from '../../core/queue/change/delete.ts'
import { redriving } from '../../core/queue/change/redrive.ts'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { badAnswer, claim, claimOne, hour, jobIn, makeJobs, nothingSpent, statusOf } from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { makeEndpoint } from '../support/database/webhooks.ts'

let database: TestDatabase
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  proxied = await openProxied(workerDatabase.url)
})
test.beforeEach(({ db }) => {
  database = db
})
afterAll(() => proxied.close())

const retrying = redriving(hour)
const userId = 'user-1'
const set = (ids: readonly number[], columns: string) =>
  database.sql(`UPDATE vision_jobs SET ${columns} WHERE id IN (${ids.join()})`)
const failed = "status = 'failed', error_code = 'image.not_found', finished_at = UTC_TIMESTAMP(3)"
const statuses = (ids: readonly number[]) => Promise.all(ids.map((id) => statusOf(database, id)))

function changeOwn(
  change: JobChange,
  filter: Omit<OwnFilter, 'userId'> & { readonly userId?: string },
  options: Partial<OwnChangeOptions> = {},
  on: Database = database,
) {
  const all = { dryRun: false, limit: mostChanged, hasTime: () => true }
  return changeOwnJobs(on, { userId, ...filter }, change, { ...all, ...options })
}

/** Runs something between the search for jobs and their change. */
function between(work: () => Promise<unknown>): Database {
  const { run, close } = database
  const transact: Database['transact'] = async (...args) => {
    await work()
    return database.transact(...args)
  }
  return { run, close, transact }
}

test('each status is changed, left or refused as a call for one job says, and a dry run says so before', async () => {
  const ids = new Map<string, number>()
  for (const status of ['completed', 'failed', 'cancelled', 'scheduled', 'processing', 'pending'] as const) {
    ids.set(status, (await jobIn(database, status)).jobId)
  }
  const [blocked = 0, theirs = 0] = await makeJobs(database, 2)
  await set([blocked], "status = 'blocked'")
  await set([theirs], "user_id = 'bob'")
  const shown = { sample: expect.any(Array) }
  const table = [
    [retrying, { jobs: 1, unchanged: 4, refused: [{ code: 'job.not_retryable', jobs: 2, ...shown }] }],
    [cancelling, { jobs: 5, unchanged: 1, refused: [{ code: 'job.not_cancellable', jobs: 1, ...shown }] }],
    [deleting, { jobs: 7, unchanged: 0, refused: [] }],
  ] as const
  for (const [change, found] of table) {
    expect(await changeOwn(change, {}, { dryRun: true })).toEqual({ ...found, next: undefined })
    expect(await changeOwn(change, {})).toEqual({ ...found, next: undefined })
    const again = await changeOwn(change, {})
    expect(again.jobs, 'nothing is done twice').toBe(0)
  }
  expect(await statuses([...ids.values(), blocked])).toEqual(Array(7).fill('deleted'))
  expect(await statusOf(database, theirs)).toBe('pending')
  expect(ids.size).toBe(6)
})

test('1,200 jobs are changed by calls that hold their bound, with few statements each, until there are no more', async () => {
  const ids = [...(await makeJobs(database, 600)), ...(await makeJobs(database, 600))]
  const theirs = await makeJobs(database, 3, { userId: 'bob' })
  const counted = await changeOwn(cancelling, { statuses: ['pending'] }, { dryRun: true, limit: mostCounted })
  expect(counted).toMatchObject({ jobs: 1_200, next: undefined })
  expect(await statuses(ids.slice(0, 2))).toEqual(['pending', 'pending'])
  const jobs: number[] = []
  const sent: number[] = []
  for (let before: number | undefined; ; ) {
    proxied.proxy.statements.length = 0
    const changed = await changeOwn(cancelling, { statuses: ['pending'] }, { before }, proxied)
    sent.push(proxied.proxy.statements.length)
    jobs.push(changed.jobs)
    before = changed.next
    if (before === undefined) break
  }
  expect(jobs).toEqual([500, 500, 200])
  // Three transactions, each of BEGIN, about 10 statements and COMMIT, whatever the number of jobs.
  for (const statements of sent) expect(statements).toBeLessThanOrEqual(60)
  const rows = await database.sql(
    "SELECT COUNT(*) AS n FROM vision_jobs WHERE status = 'cancelled' AND user_id = 'user-1'",
  )
  expect(Number(rows[0]?.n)).toBe(1_200)
  expect(await statuses(theirs)).toEqual(Array(3).fill('pending'))
  expect(await ledgerOf(database)).toMatchObject({ cancelled: { jobs: 1_200 } })
})

test('a job that does not match any more when it is locked is left alone', async () => {
  const [first = 0] = await makeJobs(database, 3)
  const on = between(() => claim(database, { limit: 1 }))
  const cancelled = await changeOwn(cancelling, { statuses: ['pending'] }, {}, on)
  expect(cancelled).toEqual({ jobs: 2, unchanged: 0, refused: [], next: undefined })
  expect(await statusOf(database, first)).toBe('processing')

  const [retried = 0, other = 0] = await makeJobs(database, 2)
  await set([retried, other], failed)
  const retriedMeanwhile = between(() => changeOwn(retrying, { ids: [retried] }))
  expect(await changeOwn(deleting, { statuses: ['failed'] }, {}, retriedMeanwhile)).toMatchObject({ jobs: 1 })
  expect(await statuses([retried, other])).toEqual(['scheduled', 'deleted'])

  const [anew = 0] = await makeJobs(database, 1)
  await set([anew], failed)
  const failedAnew = between(() => set([anew], "error_code = 'analysis.timed_out'"))
  expect(await changeOwn(deleting, { code: 'image.' }, {}, failedAnew)).toMatchObject({ jobs: 0 })
  expect(await statusOf(database, anew)).toBe('failed')
})

test('two changes of the same jobs wait for one another, and none is rolled back', async () => {
  let tries = 0
  const { run, close } = database
  const transact: Database['transact'] = (work, ...rest) =>
    database.transact(
      (tx) => {
        tries++
        return work(tx)
      },
      ...rest,
    )
  const counting = { run, close, transact }
  for (let round = 0; round < 4; round++) {
    await makeJobs(database, 200)
    const [cancelled, deleted] = await Promise.all([
      changeOwn(cancelling, { statuses: ['pending'] }, {}, counting),
      changeOwn(deleting, {}, {}, counting),
    ])
    expect([[0, 200].includes(cancelled.jobs), deleted.jobs]).toEqual([true, 200])
  }
  // One each: whoever meets a deadlock tries again. The one that found nothing any more needs none.
  expect(tries).toBeLessThanOrEqual(8)
  expect(tries).toBeGreaterThanOrEqual(4)
})

test('runs, batches and the ledger know of it', async () => {
  const ids = await makeJobs(database, 5, { batch: batchOfItsOwn(userId) })
  const [row] = await database.sql('SELECT batch_id AS id FROM vision_jobs LIMIT 1')
  const batchId = Number(row?.id)
  const run = await claimOne(database)
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  const state = async () => {
    const { byStatus, byCode, ended } = (await getBatchStates(database, [batchId])).get(batchId) ?? {}
    return { ...byStatus, byCode, ended }
  }
  expect(await changeOwn(retrying, { batchId })).toMatchObject({ jobs: 1, unchanged: 4 })
  expect(await state()).toMatchObject({ failed: 0, scheduled: 1, byCode: {}, ended: false })
  expect(await changeOwn(cancelling, { batchId })).toMatchObject({ jobs: 5 })
  expect(await state()).toMatchObject({ cancelled: 5, ended: true })
  await expectLedgerOfRuns(database)
  // Its worker fails its fence.
  await expect(failVisionJob(database, run, badAnswer, nothingSpent)).rejects.toThrow('the lease is lost')
  expect(await changeOwn(deleting, { batchId, ids: ids.slice(0, 2) })).toMatchObject({ jobs: 2 })
  expect(await state()).toMatchObject({ cancelled: 3, ended: true })
})

test('a batch whose jobs are all deleted at once tells nothing, and one with a job left tells of that one', async () => {
  await makeEndpoint(database)
  const batch = async () => {
    const ids = await makeJobs(database, 3, { batch: batchOfItsOwn(userId) })
    const [row] = await database.sql(`SELECT batch_id AS id FROM vision_jobs WHERE id = ${ids[0]}`)
    // Two have failed, and are counted as failed; one waits.
    await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
    await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
    return { ids, batchId: Number(row?.id) }
  }
  const told = async () =>
    (
      await database.sql(
        "SELECT batch_id AS batchId, data FROM vision_webhook_deliveries WHERE type = 'batch.completed'",
      )
    ).map(({ batchId, data }) => [Number(batchId), (typeof data === 'string' ? JSON.parse(data) : data).jobs])
  const gone = await batch()
  expect(await changeOwn(deleting, { batchId: gone.batchId })).toMatchObject({ jobs: 3 })
  expect(await told()).toEqual([])
  const { ids, batchId } = await batch()
  expect(await changeOwn(deleting, { ids: ids.slice(1) })).toMatchObject({ jobs: 2 })
  expect(await told()).toEqual([[batchId, { completed: 0, failed: 1, cancelled: 0 }]])
})

test('a job that is created while the moment of a filter is looked for is no older than that moment', async () => {
  const [old = 0] = await makeJobs(database, 1)
  await set([old], 'created_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR')
  let young = 0
  let reads = 0
  const run: Database['run'] = async (...args) => {
    const found = await database.run(...args)
    // After the first and the last job were looked at.
    if (++reads === 2) [young = 0] = await makeJobs(database, 1)
    return found
  }
  const { transact, close } = database
  const createdTo = new Date(Date.now() - 60_000)
  await changeOwn(deleting, { createdTo }, {}, { run, transact, close })
  expect(await statuses([old, young])).toEqual(['deleted', 'pending'])
})

test('a picture is given up with the last job that uses it', async () => {
  const [one = 0, two = 0, three = 0] = await makeJobs(database, 3)
  await database.sql(
    `INSERT INTO vision_images (sha256, user_id, state, type, bytes, width, height, created_at)
     VALUES (REPEAT('a', 64), 'user-1', 'stored', 'image/png', 9, 1, 1, UTC_TIMESTAMP(3))`,
  )
  await database.sql('UPDATE vision_jobs SET image_id = (SELECT MAX(id) FROM vision_images)')
  const isGivenUp = async () => (await database.sql('SELECT sweep_at FROM vision_images'))[0]?.sweep_at !== null
  expect(await changeOwn(deleting, { ids: [one, two] })).toMatchObject({ jobs: 2 })
  expect(await isGivenUp()).toBe(false)
  expect(await changeOwn(deleting, { ids: [three] })).toMatchObject({ jobs: 1 })
  expect(await isGivenUp()).toBe(true)
})

test('a retry takes as many as there is room for, the newest first, and goes on with the next', async () => {
  const ids = await makeJobs(database, 6)
  await set(ids, failed)
  const [oldest = 0, second = 0, third = 0] = ids
  const rooms = [2, 0]
  const allow = async () => (jobs: number) => {
    const room = rooms.shift() ?? jobs
    if (room === 0) throw new Error('no room')
    return Math.min(room, jobs)
  }
  const first = await changeOwn(retrying, {}, { allow })
  expect(first).toMatchObject({ jobs: 2, next: expect.any(Number) })
  expect(await statuses(ids)).toEqual(['failed', 'failed', 'failed', 'failed', 'scheduled', 'scheduled'])
  // Not asked where none has failed.
  await expect(changeOwn(retrying, {}, { allow, before: first.next })).rejects.toThrow('no room')
  rooms.push(0)
  expect(await changeOwn(retrying, { statuses: ['scheduled'] }, { allow })).toMatchObject({ jobs: 0, unchanged: 2 })
  expect(rooms).toEqual([0])
  rooms.length = 0
  expect(await changeOwn(retrying, {}, { allow, before: first.next })).toMatchObject({ jobs: 4, next: undefined })
  expect(await statuses([oldest, second, third])).toEqual(Array(3).fill('scheduled'))
})

test('what a retry has done stays done where there is no room for the next page', async () => {
  const ids = await makeJobs(database, 205)
  await set(ids, failed)
  const rooms = [200]
  const allow = async () => () => {
    const room = rooms.pop()
    if (room === undefined) throw new Error('no room')
    return room
  }
  const first = await changeOwn(retrying, {}, { allow })
  expect(first).toMatchObject({ jobs: 200, next: ids[5] })
  expect(await changeOwn(retrying, {}, { before: first.next })).toMatchObject({ jobs: 5, next: undefined })
})

test('it stops when time is over, after a page at least, and goes on when it is called again', async () => {
  await makeJobs(database, 450)
  const first = await changeOwn(deleting, {}, { hasTime: () => false })
  expect(first).toMatchObject({ jobs: 200, next: expect.any(Number) })
  expect(await changeOwn(deleting, {}, { before: first.next })).toMatchObject({ jobs: 250, next: undefined })
})

test('a count ends at its bound, and a search that finds little at a number of pages', async () => {
  await database.sql(
    `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format, language,
       metadata, created_at, updated_at, expires_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 109)
     SELECT 'user-1', 'completed', 1, 3, 'https://images.example/a.png', 'x', 'summary', 'en',
       IF(one.i = many.i AND one.i < 2, IF(one.i = 0, '{"sku":"first"}', '{"sku":"again"}'), NULL), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
     FROM n AS many JOIN n AS one ORDER BY many.i, one.i`,
  )
  proxied.proxy.statements.length = 0
  const counted = await changeOwn(deleting, {}, { dryRun: true, limit: mostCounted }, proxied)
  expect(counted).toMatchObject({ jobs: 10_000, next: expect.any(Number) })
  expect(proxied.proxy.statements.length).toBeLessThanOrEqual(30)
  // Three pages of 5,000 rows, two of which have none.
  proxied.proxy.statements.length = 0
  const metadata = { key: 'sku', value: 'again' }
  const found = await changeOwn(deleting, { metadata }, { pages: 2 })
  expect(found).toMatchObject({ jobs: 0, next: expect.any(Number) })
  expect(await changeOwn(deleting, { metadata }, { before: found.next })).toMatchObject({ jobs: 1, next: undefined })
  expect(await changeOwn(deleting, { metadata: { ...metadata, value: 'first' } }, {}, proxied)).toMatchObject({
    jobs: 1,
    next: undefined,
  })
  expect(proxied.proxy.statements.length).toBeLessThanOrEqual(30)
})

test('what matches nothing is no error', async () => {
  await makeJobs(database, 2)
  for (const change of [cancelling, retrying, deleting]) {
    const none = { jobs: 0, unchanged: 0, refused: [], next: undefined }
    expect(await changeOwn(change, { userId: 'nobody' })).toEqual(none)
    expect(await changeOwn(change, { statuses: ['failed'], code: 'image.not_found' })).toEqual(none)
  }
})

test('no job is none to change, not an error', async () => {
  expect(await cancelVisionJobs(database, userId, [])).toBe(0)
})
