import type { Database } from '../../core/database/client.ts'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import type { CreatedJob } from '../../core/queue/create/idempotency.ts'
import type { NewJob } from '../../core/queue/create/new-job.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { getUserVisionJobs } from '../../core/queue/read/history.ts'
import { getVisionJob } from '../../core/queue/read/read.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import { analysisOutput, contentOutput, nothingSpent } from '../../test/support/database/jobs.ts'
import type { Operation } from './measure.ts'
import { type BenchDatabase, numbers } from './server.ts'

/** How many of a user's jobs may be in flight, and how many pending jobs each user of the big queue has. */
export const cap = 10
/** The first start tag of the jobs that fill the queue: there is room for others before them. */
const firstTag = 100_000
const portion = 100_000
export const lifeMs = 864_000_000

export const someJob: NewJob = {
  imageUrl: 'https://images.example.com/poster.png',
  analysisPurpose: 'What does the poster say about the brand?',
  outputFormat: 'summary',
  language: 'en',
}

/** Creates jobs as the API does, with its default limits. */
export function create(on: Database, userId: string, jobs: readonly NewJob[]): Promise<readonly CreatedJob[]> {
  const limits = { jobsPerDay: 1_000_000, jobsWaiting: 10_000, costPerDay: undefined }
  return createVisionJobs(on, jobs, { userId, maxRetries: 3, inFlightPerUser: cap, lifeMs, limits })
}

/** Adds users of ten pending jobs each, the tenth behind everybody's ninth, up to a number of jobs. */
export async function fillQueue({ sql }: BenchDatabase, from: number, size: number): Promise<void> {
  for (let first = from; first < size; first += portion) {
    const rows = numbers(first, Math.min(portion, size - first))
    await sql(`INSERT INTO vision_jobs (user_id, status, start_tag, version, max_retries, image_url, analysis_purpose,
        output_format, language, created_at, updated_at, expires_at)
      SELECT CONCAT('user-', LPAD(n DIV ${cap}, 7, '0')), 'pending', ${firstTag} + n MOD ${cap}, 1, 3,
        'https://images.example.com/poster.png', 'What does the poster say about the brand?', 'summary', 'en',
        UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 10 DAY
      FROM ${rows}`)
    await sql(`INSERT INTO vision_users (user_id, analysis_tag)
      SELECT CONCAT('user-', LPAD(n DIV ${cap}, 7, '0')), ${firstTag + cap - 1} FROM ${rows} WHERE n MOD ${cap} = 0`)
  }
  for (const name of ['vision_jobs', 'vision_users']) await sql(`ANALYZE TABLE ${name}`)
}

/** The operations of the queue, each of which finds something to do, and leaves the queue as large as it was. */
export async function queueOperations({ sql }: BenchDatabase, size: number): Promise<readonly Operation[]> {
  // One job each of 100 users, spread over all.
  const users = Array.from(
    { length: 100 },
    (_, n) => `user-${String(Math.floor((n * size) / cap / 100)).padStart(7, '0')}`,
  )
  const rows = await sql('SELECT MAX(id) AS id FROM vision_jobs WHERE user_id IN (?) GROUP BY user_id', [users])
  const spread = rows.map(({ id }) => Number(id))
  const change = (changes: string, ids: readonly number[]) =>
    sql(`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET ${changes} WHERE id IN (?)`, [ids])
  const makePending = async (ids: readonly number[]) => {
    await change(
      `status = 'pending', attempt = 0, crashes = 0, worker_id = NULL, lease_expires_at = NULL, available_at = NULL,
        started_at = NULL, finished_at = NULL, error_code = NULL, error_message = NULL,
        expires_at = UTC_TIMESTAMP(3) + INTERVAL 10 DAY`,
      ids,
    )
    await sql('DELETE FROM vision_job_attempts WHERE job_id IN (?)', [ids])
  }
  const remove = (userId: string) => sql('DELETE FROM vision_jobs WHERE user_id = ?', [userId])
  const expect = (count: number, wanted: number) => {
    if (count !== wanted) throw new Error(`${count} instead of ${wanted}`)
  }

  let sender = 0
  const creation = (name: string, jobs: readonly NewJob[]): Operation => ({
    name,
    work: (on) => create(on, `sender-${size}-${++sender}`, jobs),
    undo: async () => void (await remove(`sender-${size}-${sender}`)),
  })
  const claim = (limit: number): Operation => ({
    name: `claim ${limit}`,
    work: async (on) => {
      const { runs } = await claimPendingVisionJobs(on, { workerId: 'bench', lane: 'analysis', limit, leaseMs: 60_000 })
      expect(runs.length, limit)
      return runs.map(({ jobId }) => jobId)
    },
    undo: (ids) => makePending(ids as number[]),
  })
  const keyed = Array.from({ length: 100 }, (_, n) => ({
    ...someJob,
    idempotency: { key: `key-${n}`, requestHash: 'a'.repeat(64) },
  }))
  const crowded = `crowded-${size}`
  const fillCrowded = async () => {
    await remove(crowded)
    await sql(
      `INSERT INTO vision_jobs (user_id, status, start_tag, version, max_retries, image_url, analysis_purpose, output_format,
         language, created_at, updated_at, expires_at)
       SELECT ?, IF(n < ${cap}, 'pending', 'blocked'), IF(n < ${cap}, ${firstTag + 1_000_000} + n, 0), 1, 3, image_url,
         analysis_purpose, output_format, language, created_at, updated_at, expires_at
       FROM (SELECT * FROM vision_jobs ORDER BY id LIMIT 1) AS one, ${numbers(0, 2_000)}`,
      [crowded],
    )
    await sql('REPLACE INTO vision_users (user_id, blocked_seen_at) VALUES (?, UTC_TIMESTAMP(3))', [crowded])
  }
  await fillCrowded()
  const makeRoom = async () => {
    await sql(`DELETE FROM vision_jobs WHERE user_id = ? AND status = 'pending' ORDER BY start_tag LIMIT 5`, [crowded])
  }
  const admission = (name: string, wanted: number, prepare?: () => Promise<void>): Operation => ({
    name,
    ...(prepare && { prepare }),
    work: async (on) => expect((await admitVisionJobs(on, crowded, cap)) ?? -1, wanted),
  })

  const owner = users.at(-1) as string
  let run: Run | undefined

  return [
    { name: 'poll', work: (on) => pollQueue(on) },
    claim(1),
    claim(5),
    claim(25),
    creation('create 1', [someJob]),
    creation('create 100, with keys', keyed),
    admission('let 5 of 2,000 in', 5, makeRoom),
    admission('let none of 2,000 in', 0),
    {
      name: 'create 1, over the limit',
      work: (on) => create(on, crowded, [someJob]),
    },
    {
      name: 'promote 100, of 100 users',
      prepare: async () => {
        await change("status = 'scheduled', start_tag = 0, available_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND", spread)
      },
      work: async (on) => expect(await promoteDueVisionJobs(on, cap), 100),
      undo: async () => void (await change(`start_tag = ${firstTag + cap}`, spread)),
    },
    {
      name: 'expire 100',
      prepare: async () => void (await change('expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND', spread)),
      work: async (on) => expect(await expireVisionJobs(on), 100),
      undo: () => makePending(spread),
    },
    {
      name: 'reclaim 100',
      prepare: async () => {
        await change(
          `status = 'processing', attempt = 1, worker_id = 'dead', lease_expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND`,
          spread,
        )
        await sql(
          `INSERT INTO vision_job_attempts (job_id, attempt, worker_id, step, started_at)
           SELECT id, 1, 'dead', 'analysis', UTC_TIMESTAMP(3) FROM vision_jobs WHERE id IN (?)`,
          [spread],
        )
      },
      work: async (on) =>
        expect(await reclaimVisionJobs(on, { baseMs: 1_000, capMs: 1_000, random: Math.random }), 100),
      undo: () => makePending(spread),
    },
    {
      name: 'cancel 1',
      work: (on) => cancelVisionJob(on, { jobId: spread.at(-1) as number, userId: users.at(-1) as string }),
      undo: () => makePending(spread.slice(-1)),
    },
    {
      name: 'save an analysis, complete with a text',
      prepare: async (on) => {
        const [created] = await create(on, `sender-${size}-${++sender}`, [someJob])
        await change('start_tag = 1', [Number(created?.jobId)])
        const { runs } = await claimPendingVisionJobs(on, {
          workerId: 'bench',
          lane: 'analysis',
          limit: 1,
          leaseMs: 600_000,
        })
        run = runs[0]
        expect(Number(run?.jobId), Number(created?.jobId))
      },
      work: async (on) => {
        await saveAnalysis(on, run as Run, analysisOutput, nothingSpent)
        await completeVisionJob(on, run as Run, contentOutput, nothingSpent)
      },
      undo: async () => void (await remove(`sender-${size}-${sender}`)),
    },
    { name: 'read a job', work: (on) => getVisionJob(on, { jobId: spread.at(-1) as number, userId: owner }) },
    { name: 'a page of a history', work: (on) => getUserVisionJobs(on, { userId: owner, limit: 50 }) },
  ]
}
