import mysql from 'mysql2/promise'
import { afterAll, afterEach, beforeEach, expect } from 'vitest'
import { createBatch, joining } from '../../core/batches/batches.ts'
import type { Database } from '../../core/database/client.ts'
import { sessionIdleSeconds, workMs } from '../../core/database/limits.ts'
import { type Changes, createChanges, type Follower, resumeMs } from '../../core/live/changes/changes.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { sweepDeletions } from '../../core/queue/prune/deletions.ts'
import { readChanges, readClock } from '../../core/queue/read/changes.ts'
import { makeJob, makeJobs } from '../support/database/jobs.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { type HandClock, handClock } from '../support/hand-clock.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let database: ProxiedDatabase
let clock: HandClock
let changes: Changes
let errors: unknown[]
let gone: AbortController

test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  database = await openProxied(direct.url)
  proxy = database.proxy
})
afterAll(() => database.close())
beforeEach(() => {
  clock = handClock()
  errors = []
  gone = new AbortController()
  changes = createChanges({ database, everyMs: 1000, sleep: clock.sleep, onError: (error) => errors.push(error) })
})
afterEach(async () => {
  gone.abort(new Error('left'))
  await changes.settled()
})

/** Follows a user, and notes what is told: `<job> <version>`, `<job> gone`. */
async function follow(userId: string, batchId?: number) {
  const told: string[] = []
  const batches: string[] = []
  const follower = changes.follow(userId, await readClock(direct), gone.signal, batchId)
  const reading = (async () => {
    for (;;) {
      const news = await follower.next()
      if (news === undefined) told.push('too much')
      for (const { jobId, version, row } of news?.jobs ?? []) told.push(row ? `${jobId} ${version}` : `${jobId} gone`)
      for (const { batchId: of, state } of news?.batches ?? []) batches.push(`${of} ${state?.ended ?? 'gone'}`)
    }
  })().catch(() => undefined)
  return { told, batches, follower: follower as Follower, reading }
}

/** So many looks, one after the other. */
async function look(times = 1): Promise<readonly string[]> {
  proxy.statements.length = 0
  for (let n = 0; n < times; n++) await clock.tick()
  return proxy.statements.filter((statement) => /vision_(job|batch)/.test(statement))
}

const touch = 'UPDATE vision_jobs SET version = version + 1, updated_at = UTC_TIMESTAMP(3)'

test('a poll is one statement, and one for the changed jobs, with any number of watchers and users', async () => {
  const users = ['ann', 'bob', 'cem']
  const jobs = new Map<string, number[]>()
  for (const userId of users) jobs.set(userId, await makeJobs(direct, 10, { userId }))
  const watchers: Awaited<ReturnType<typeof follow>>[] = []
  for (const userId of users) for (let n = 0; n < 10; n++) watchers.push(await follow(userId))
  expect(await look()).toHaveLength(2)
  for (const { told } of watchers) expect(told).toHaveLength(10)
  // Nothing has changed.
  expect(await look(3)).toHaveLength(3)
  await direct.sql(touch)
  expect(await look()).toHaveLength(2)
  for (const [index, { told }] of watchers.entries()) {
    const mine = jobs.get(users[Math.floor(index / 10)] ?? '') ?? []
    expect(told.slice(10)).toEqual(mine.map((jobId) => `${jobId} 2`))
  }
  gone.abort(new Error('left'))
  await changes.settled()
  proxy.statements.length = 0
  clock.wake()
  expect(proxy.statements).toEqual([])
  expect(errors).toEqual([])
})

test('every change of a job that a client can see moves it to the end of the order', async () => {
  const jobId = await makeJob(direct, { userId: 'ann' })
  const { told } = await follow('ann')
  await look()
  await cancelVisionJob(direct, { jobId, userId: 'ann' })
  await look()
  await deleteVisionJob(direct, { jobId, userId: 'ann' })
  await look()
  expect(told).toEqual([`${jobId} 1`, `${jobId} 2`, `${jobId} gone`])
})

test.each([
  ['a moment', 0, 1],
  // As long as a transaction may take; a look that goes back so far comes every tenth time.
  ['twenty seconds', workMs / 1000, 10],
])('a change that is committed %s after a later one is told nevertheless', async (_, seconds, looks) => {
  const [late, early] = (await makeJobs(direct, 2, { userId: 'ann' })) as [number, number]
  const { told } = await follow('ann')
  await look(2)
  expect(told).toHaveLength(2)
  const slow = await mysql.createConnection(direct.url)
  await slow.query('BEGIN')
  const at = `UTC_TIMESTAMP(3) - INTERVAL ${seconds} SECOND`
  await slow.query(`UPDATE vision_jobs SET version = 2, updated_at = ${at} WHERE id = ?`, [late])
  await direct.sql(`${touch} WHERE id = ?`, [early])
  await look()
  expect(told.slice(2)).toEqual([`${early} 2`])
  await slow.query('COMMIT')
  await slow.end()
  await look(looks)
  expect(told.slice(3)).toEqual([`${late} 2`])
})

test('a resumed watcher begins before every change that may still become visible', () => {
  // A transaction, the session of one whose client died, and ten looks of a second until it is seen.
  expect(resumeMs).toBeGreaterThanOrEqual(workMs + sessionIdleSeconds * 1_000 + 20_000)
})

test('two changes of a job in the same millisecond are two', async () => {
  const jobId = await makeJob(direct, { userId: 'ann' })
  const { told } = await follow('ann')
  await look()
  await direct.sql('UPDATE vision_jobs SET version = version + 1 WHERE id = ?', [jobId])
  await look()
  expect(told).toEqual([`${jobId} 1`, `${jobId} 2`])
})

test('a failed poll is repeated, and nothing is lost', async () => {
  const jobId = await makeJob(direct, { userId: 'ann' })
  const { told } = await follow('ann')
  for (const matches of [/FORCE INDEX \(changes\)/, /^select `id`, `batch_id`/]) {
    proxy.failStatements({ matches, errno: 1317, sqlState: '70100', message: 'Query execution was interrupted' })
    await look()
  }
  proxy.failStatements(null)
  expect([told, errors.length]).toEqual([[], 2])
  await look()
  expect(told).toEqual([`${jobId} 1`])
})

test('changes beyond one statement come in pages, and a watcher with too many queued reads them itself', async () => {
  await makeJobs(direct, 1, { userId: 'ann' })
  await direct.sql(
    `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format, language,
       created_at, updated_at, expires_at)
     SELECT 'ann', 'completed', 1, 3, 'x', 'x', 'summary', 'en', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
     FROM (SELECT 1 FROM information_schema.columns LIMIT 800) a CROSS JOIN (SELECT 1 UNION SELECT 2 UNION SELECT 3) b`,
  )
  const [{ jobs } = { jobs: 0 }] = await direct.sql('SELECT COUNT(*) AS jobs FROM vision_jobs')
  const first = await follow('ann')
  expect((await look()).filter((statement) => /FORCE INDEX \(changes\)/.test(statement))).toHaveLength(3)
  expect(new Set(first.told).size).toBe(Number(jobs))
  // One that takes nothing meanwhile.
  const idle = changes.follow('ann', await readClock(direct), gone.signal)
  for (let n = 0; n < 4; n++) {
    await direct.sql(`${touch}`)
    await direct.sql('UPDATE vision_jobs SET id = id + 10000 ORDER BY id DESC')
    await look()
  }
  expect(await idle.next()).toBeUndefined()
  expect(errors).toEqual([])
})

test('the end of a batch comes after that of its last job, also of one that ends while it is read', async () => {
  const { batchId } = await createBatch(direct, 'ann', { name: null, defaults: {}, onInvalid: 'refuse' })
  const [first, last] = await makeJobs(direct, 2, { userId: 'ann', batch: joining({ userId: 'ann', batchId }) })
  const cancel = (jobId = 0) => cancelVisionJob(direct, { jobId, userId: 'ann' })
  // Of each look the first statement is for changes, the second for jobs, and the third is the first for batches.
  let statements = 0
  const racing: Database = {
    ...direct,
    run: async (work, ...rest) => {
      if (++statements === 3) await cancel(last)
      return direct.run(work, ...rest)
    },
  }
  changes = createChanges({
    database: racing,
    everyMs: 1000,
    sleep: clock.sleep,
    onError: (error) => errors.push(error),
  })
  await cancel(first)
  const order: string[] = []
  const follower = changes.follow('ann', await readClock(direct), gone.signal, batchId)
  const reading = (async () => {
    for (;;) {
      const news = await follower.next()
      order.push(...(news?.jobs ?? []).map(({ jobId, row }) => `${jobId} ${row?.status}`))
      order.push(...(news?.batches ?? []).map(({ state }) => `batch ${state?.ended}`))
    }
  })().catch(() => undefined)
  await look()
  expect(order).toEqual([`${last} pending`, `${first} cancelled`, `${last} cancelled`, 'batch true'])
  gone.abort(new Error('left'))
  await reading
})

test('deletions are forgotten after a week', async () => {
  const [old, young] = (await makeJobs(direct, 2, { userId: 'ann' })) as [number, number]
  for (const jobId of [old, young]) await deleteVisionJob(direct, { jobId, userId: 'ann' })
  await direct.sql('UPDATE vision_job_deletions SET deleted_at = deleted_at - INTERVAL 8 DAY WHERE job_id = ?', [old])
  await sweepDeletions(direct)
  const { pages } = await readChanges(direct, [{ userId: 'ann', after: { at: 0, jobId: 0 } }], 10)
  expect(pages[0]?.changes).toMatchObject([{ jobId: young, gone: true, version: 2 }])
})
