import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBatchNews } from '../../core/batches/news.ts'
import { sweepDeletions } from '../../core/queue/prune/deletions.ts'
import {
  getBatchesOfDeleted,
  getWatchedRows,
  readBatchChanges,
  readChanges,
  readClock,
} from '../../core/queue/read/changes.ts'
import { fillQueue } from '../support/database/big-queue.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'

// How the reads of streams of many jobs go, at 130,000 jobs, 79,000 of them of one user, and 20,000 deletions.

let filled: FilledDatabase
let ids: number[]
let now: number
/** A batch of 10,000 jobs, of which 50 have changed lately. */
const batchId = 7

beforeAll(async () => {
  filled = await createFilled(async (direct) => {
    await fillQueue(direct)
    await direct.sql("UPDATE vision_jobs SET updated_at = updated_at - INTERVAL id SECOND WHERE user_id = 'big-user'")
    await direct.sql(
      "UPDATE vision_jobs SET batch_id = ? WHERE user_id = 'big-user' AND status = 'completed' ORDER BY id LIMIT 10000",
      [batchId],
    )
    await direct.sql(`INSERT INTO vision_job_deletions (job_id, user_id, batch_id, version, deleted_at)
    SELECT id + 1000000, user_id, batch_id, 2, UTC_TIMESTAMP(3) - INTERVAL id SECOND FROM vision_jobs
    WHERE user_id = 'big-user' AND status = 'completed'`)
    now = await readClock(direct)
    await direct.sql(
      `INSERT INTO vision_jobs (user_id, batch_id, status, version, max_retries, image_url, analysis_purpose, output_format,
       language, created_at, updated_at, expires_at)
     SELECT user_id, ?, 'pending', 1, 3, image_url, analysis_purpose, output_format, language, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3),
       expires_at FROM vision_jobs WHERE user_id = 'due-user' LIMIT 50`,
      [batchId],
    )
    await direct.sql("UPDATE vision_jobs SET user_id = 'big-user' WHERE user_id = 'due-user' AND batch_id = ?", [
      batchId,
    ])
    const fresh = await direct.sql("SELECT id FROM vision_jobs WHERE batch_id = ? AND status = 'pending'", [batchId])
    ids = fresh.map(({ id }) => Number(id))
    await direct.sql('ANALYZE TABLE vision_jobs, vision_job_deletions')
  })
})
afterAll(() => filled.drop())

const since = (milliseconds: number) => ({ at: now - milliseconds, jobId: 0 })
const many = Array.from({ length: 50 }, (_, index) => `user-${index}`)

test.each<[string, number, () => Promise<unknown>]>([
  // A row for each of them, and one more where a list ends.
  [
    'what has changed of a user',
    130,
    () => readChanges(filled.through, [{ userId: 'big-user', after: since(0) }], 1_000),
  ],
  [
    'of 50 users of whom nothing has',
    400,
    () =>
      readChanges(
        filled.through,
        many.map((userId) => ({ userId, after: since(0) })),
        1_000,
      ),
  ],
  [
    'a page from a week ago, as far as its limit goes',
    1_100,
    () => readChanges(filled.through, [{ userId: 'big-user', after: since(7 * 86_400_000) }], 500),
  ],
  ['jobs as they are', 60, () => getWatchedRows(filled.through, ids)],
  ['the batches of deleted jobs', 60, () => getBatchesOfDeleted(filled.through, ids)],
  ['how batches stand', 40, () => readBatchNews(filled.through, [batchId + 1, batchId + 2])],
  ['a sweep of deletions', 10, () => sweepDeletions(filled.through)],
])('%s is read by an index, and no more rows than it takes', async (_, limit, work) => {
  filled.proxy.statements.length = 0
  await work()
  const statements = filled.proxy.statements.filter((statement) => /vision_/.test(statement))
  expect(statements.length).toBeGreaterThan(0)
  let reads = 0
  for (const statement of statements) {
    for (const step of (await filled.looker.planOf(statement)).filter(({ table }) => table?.startsWith('vision_'))) {
      expect(step.key, `${statement.slice(0, 300)} ${JSON.stringify(step)}`).not.toBeNull()
      expect(step.type, statement.slice(0, 300)).not.toMatch(/^(ALL|index)$/)
      expect(step.Extra ?? '', statement.slice(0, 300)).not.toMatch(/filesort/)
      // The row itself is not looked at.
      if (/FORCE INDEX \(changes\)/.test(statement)) expect(step.Extra).toMatch(/Using index/)
    }
    reads += await filled.looker.readsOf(statement)
  }
  expect(reads).toBeLessThanOrEqual(limit)
})

test('what has changed in a batch is read among its own jobs alone, however many its owner has', async () => {
  filled.proxy.statements.length = 0
  const changes = await readBatchChanges(filled.through, batchId, now)
  expect(changes).toHaveLength(50)
  const [statement = ''] = filled.proxy.statements.filter((one) => /vision_/.test(one))
  const plan = (await filled.looker.planOf(statement)).filter(({ table }) => table?.startsWith('vision_'))
  expect(plan).toEqual([
    expect.objectContaining({ table: 'vision_jobs', key: 'batch' }),
    expect.objectContaining({ table: 'vision_job_deletions', key: 'batch' }),
  ])
  // Each of them once, with its row.
  expect(await filled.looker.readsOf(statement)).toBeLessThanOrEqual(10_200)
})
