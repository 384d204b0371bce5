import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBatch, joining, listBatches, sweepBatches } from '../../core/batches/batches.ts'
import { cancelBatch, retryBatch } from '../../core/batches/change.ts'
import { getResults } from '../../core/batches/results.ts'
import { getBatchStates } from '../../core/batches/state.ts'
import { getVisionJobsInFull } from '../../core/queue/read/read.ts'
import { addBatchCounts } from '../../core/usage/batch-counts.ts'
import { fillQueue } from '../support/database/big-queue.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'
import { hour, makeJobs } from '../support/database/jobs.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

const owner = 'batcher'
/** As many as a user has in flight. */
const cap = 10
let filled: FilledDatabase
let full: number
let small: number

beforeAll(async () => {
  filled = await createFilled(
    async (direct) => {
      await fillQueue(direct)
      full = await batchOf(direct, 10_000)
      small = await batchOf(direct, 20)
      // What the results are made of: a small table a server would rather scan.
      await direct.sql(`INSERT INTO vision_job_texts (job_id, text, output_format, language, status, created_at, updated_at)
    SELECT id, 1, output_format, language, 'waiting', created_at, updated_at FROM vision_jobs WHERE batch_id IS NOT NULL`)
      await direct.sql(`INSERT INTO vision_job_outputs (job_id, kind, model, body, created_at)
    SELECT id, 'content', 'm', '{}', created_at FROM vision_jobs WHERE batch_id IS NOT NULL`)
      await direct.sql('ANALYZE TABLE vision_jobs, vision_job_texts, vision_job_outputs')
    },
    { connections: 2 },
  )
})
afterAll(() => filled.drop())

/** A batch of so many jobs: 10 in flight, a third blocked, a fifth failed, the others completed. */
async function batchOf(direct: TestDatabase, jobs: number): Promise<number> {
  const { batchId } = await createBatch(direct, owner, { name: null, defaults: {}, onInvalid: 'refuse' })
  const blocked = Math.floor(jobs / 3)
  const failed = Math.floor(jobs / 5)
  const completed = jobs - blocked - failed - cap
  const insert = (count: number, status: string, code: string | null = null) =>
    direct.sql(
      `INSERT INTO vision_jobs (user_id, batch_id, status, max_retries, image_url, analysis_purpose, output_format, language,
         error_code, finished_at, created_at, updated_at, expires_at)
       WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       SELECT ?, ?, ?, 3, 'https://images.example/poster.jpg', 'Sell it', 'summary', 'en', ?, UTC_TIMESTAMP(3),
         UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY FROM numbers`,
      [count, owner, batchId, status, code],
    )
  await direct
    .sql('SET SESSION max_recursive_iterations = 20000')
    .catch(() => direct.sql('SET SESSION cte_max_recursion_depth = 20000'))
  await insert(blocked, 'blocked')
  await insert(failed, 'failed', 'image.not_found')
  await insert(completed, 'completed')
  await insert(cap / 2, 'pending')
  await insert(cap / 2, 'processing')
  await direct.run((on) =>
    addBatchCounts(on, [
      { batchId, status: 'created', jobs },
      { batchId, status: 'failed', code: 'image.not_found', jobs: failed },
      { batchId, status: 'completed', jobs: completed },
    ]),
  )
  return batchId
}

async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  filled.proxy.statements.length = 0
  await work()
  return filled.proxy.statements.filter(
    (statement) => /^\(?select/i.test(statement) && /vision_(batch|job)/.test(statement),
  )
}

async function readsOf(work: () => Promise<unknown>): Promise<number> {
  let reads = 0
  for (const statement of await statementsOf(work)) reads += await filled.looker.readsOf(statement)
  return reads
}

test('what has become of a batch is known by as many rows at 10,000 jobs as at 20, all by an index', async () => {
  expect((await getBatchStates(filled.direct, [full])).get(full)).toMatchObject({
    jobs: 10_000,
    byStatus: { blocked: 3_333, failed: 2_000, completed: 4_657, pending: 5, processing: 5, scheduled: 0 },
  })
  const [one, other] = [() => getBatchStates(filled.through, [full]), () => getBatchStates(filled.through, [small])]
  const reads = [await readsOf(one), await readsOf(other)]
  expect(Math.abs((reads[0] ?? 0) - (reads[1] ?? 0)), String(reads)).toBeLessThanOrEqual(5)
  expect(reads[0]).toBeLessThanOrEqual(60)
  const [statement = ''] = await statementsOf(one)
  const plan = await filled.looker.planOf(statement)
  expect(plan).toContainEqual(expect.objectContaining({ table: 'vision_jobs', key: 'batch' }))
  for (const step of plan.filter(({ table }) => table?.startsWith('vision_'))) {
    expect(step.key, JSON.stringify(plan)).not.toBeNull()
    expect(step.type).not.toMatch(/^(ALL|index)$/)
    expect(step.Extra ?? '').not.toMatch(/filesort|temporary/)
  }
})

test.each<[string, number, () => Promise<unknown>]>([
  ['a page of batches', 60, () => listBatches(filled.through, owner, { limit: 20, before: undefined })],
  [
    'a page of results',
    1_100,
    () => getResults(filled.through, { batchId: full, limit: 100, after: undefined, statuses: undefined }),
  ],
  ['a sweep', 30, () => sweepBatches(filled.through, 30)],
  [
    'adding jobs',
    120,
    () =>
      makeJobs(filled.through, 20, {
        userId: owner,
        inFlightPerUser: cap,
        batch: joining({ userId: owner, batchId: full }),
      }).catch(() => []),
  ],
  [
    'a retry that has time for 200',
    900,
    () =>
      retryBatch(filled.through, { userId: owner, batchId: full }, 'image.', {
        lifeMs: hour,
        allow: async () => (jobs) => jobs,
        hasTime: once(),
      }),
  ],
  // Each job, its run and the batch's counts.
  [
    'a cancellation that has time for 200',
    2_500,
    () => cancelBatch(filled.through, { userId: owner, batchId: full }, once()),
  ],
])('%s reads no more rows than it takes', async (_, limit, work) => {
  const statements = await statementsOf(work)
  for (const statement of statements) {
    for (const step of (await filled.looker.planOf(statement)).filter(({ table }) => table?.startsWith('vision_'))) {
      expect(step.key, `${statement.slice(0, 300)} ${JSON.stringify(step)}`).not.toBeNull()
      expect(step.type, statement.slice(0, 300)).not.toMatch(/^ALL$/)
    }
    expect(await filled.looker.readsOf(statement), statement.slice(0, 300)).toBeLessThanOrEqual(limit)
  }
  expect(statements.length).toBeGreaterThan(0)
})

test('a sweep that finds batches without jobs reads nothing of the jobs of others', async () => {
  const makeOld = () =>
    filled.direct.sql(
      `INSERT INTO vision_batches (user_id, defaults, created_at, closes_at)
       WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 20)
       SELECT 'old', '{}', '2020-01-01', '2020-01-01' FROM numbers`,
    )
  await makeOld()
  const [find = ''] = await statementsOf(() => sweepBatches(filled.through, 30))
  expect(await filled.direct.sql("SELECT id FROM vision_batches WHERE user_id = 'old'")).toEqual([])
  await makeOld()
  await filled.direct.sql('ANALYZE TABLE vision_batches')
  expect(await filled.looker.readsOf(find), find).toBeLessThanOrEqual(20 * 4)
  await filled.direct.sql("DELETE FROM vision_batches WHERE user_id = 'old'")
})

test('of a text with many revisions one is read', async () => {
  const [{ id: jobId } = {}] = await filled.direct.sql('SELECT MAX(id) AS id FROM vision_jobs WHERE batch_id = ?', [
    small,
  ])
  await filled.direct.sql(
    `INSERT INTO vision_job_outputs (job_id, kind, revision, model, body, created_at)
     WITH RECURSIVE numbers AS (SELECT 2 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 100)
     SELECT ?, 'content', n, 'm', '{}', UTC_TIMESTAMP(3) FROM numbers`,
    [jobId],
  )
  for (const revision of [1, 7]) {
    await filled.direct.sql('UPDATE vision_job_texts SET revision = ? WHERE job_id = ?', [revision, jobId])
    const statements = await statementsOf(() => getVisionJobsInFull(filled.through, [Number(jobId)]))
    const [outputs = ''] = statements.filter((statement) => statement.includes('vision_job_outputs'))
    expect(await filled.looker.readsOf(outputs)).toBeLessThanOrEqual(5)
    const [found] = await getVisionJobsInFull(filled.direct, [Number(jobId)])
    expect(found?.outputs).toMatchObject([{ kind: 'content', revision }])
  }
})

function once(): () => boolean {
  let asked = 0
  return () => asked++ < 1
}
