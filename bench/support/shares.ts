import { type Database, openDatabase } from '../../core/database/client.ts'
import type { Run } from '../../core/domain/run.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { cap, create, someJob } from './big-queue.ts'
import { type BenchDatabase, numbers } from './server.ts'

/** How many of 400 claims users got who always had jobs waiting. */
export interface Share {
  readonly least: number
  readonly most: number
  /** The most claims from one claim of a user to that user's next. */
  readonly gap: number
}

const claims = 400
const others = Array.from({ length: 30 }, (_, n) => `few-${n}`)

type Next = (on: Database, sql: BenchDatabase['sql'], runs: readonly Run[]) => Promise<unknown>

const send = (on: Database, runs: readonly Run[]) =>
  Promise.all(runs.filter(({ userId }) => userId !== 'big').map(({ userId }) => create(on, userId, [someJob])))
/** Ends jobs by deleting them: what happens between a claim and the end has no influence on the order. */
const end = (sql: BenchDatabase['sql'], runs: readonly Run[]) =>
  sql('DELETE FROM vision_jobs WHERE id IN (?)', [runs.map(({ jobId }) => jobId)])

/** How thirty users send jobs, beside one who has 10,000 of them, ten of which are pending at a time. */
const senders: Readonly<Record<string, { readonly jobs: number; readonly next: Next }>> = {
  'the next when theirs is claimed': {
    jobs: 1,
    next: async (on, sql, runs) => {
      await send(on, runs)
      await end(sql, runs)
    },
  },
  'the next when theirs is completed': {
    jobs: 1,
    next: async (on, sql, runs) => {
      await end(sql, runs)
      await send(on, runs)
    },
  },
  'ahead, and have ten waiting': {
    jobs: cap,
    next: async (on, sql, runs) => {
      await end(sql, runs)
      await send(on, runs)
    },
  },
}

/** The shares for each kind of senders and size of a claim. Their jobs come before all others in the queue. */
export async function measureShares({ url, sql }: BenchDatabase): Promise<Readonly<Record<string, Share>>> {
  await using cleanup = new AsyncDisposableStack()
  const database = openDatabase(url, { connections: 4, random: Math.random })
  cleanup.defer(() => database.close())
  const found: Record<string, Share> = {}
  for (const [name, { jobs, next }] of Object.entries(senders)) {
    for (const limit of [1, 5, 25]) {
      await begin(database, sql, jobs)
      const order: string[] = []
      while (order.length < claims) {
        const claim = { workerId: 'bench', lane: 'analysis', limit, leaseMs: 60_000 } as const
        const { runs } = await claimPendingVisionJobs(database, claim)
        order.push(...runs.map(({ userId }) => userId))
        await next(database, sql, runs)
        await admitVisionJobs(database, 'big', cap)
      }
      found[`${name}; claims of ${limit}`] = shareOf(order)
      await clear(sql)
    }
  }
  return found
}

/** Sets virtual time back before all waiting jobs, and adds the first jobs of these users at the front. */
async function begin(on: Database, sql: BenchDatabase['sql'], jobs: number): Promise<void> {
  await clear(sql)
  await sql('UPDATE vision_lanes SET virtual_time = 0')
  // Virtual time follows the head of the lane, which this job holds until the others are there.
  const columns = `max_retries, image_url, analysis_purpose, output_format, language, created_at, updated_at, expires_at`
  const copy = (status: string, startTag: number, count: number) =>
    sql(
      `INSERT INTO vision_jobs (user_id, status, start_tag, version, ${columns}) SELECT 'big', ?, ?, 1, ${columns}
       FROM (SELECT * FROM vision_jobs ORDER BY id LIMIT 1) AS one, ${numbers(0, count)}`,
      [status, startTag],
    )
  await copy('pending', 1, 1)
  await create(on, 'big', Array(cap).fill(someJob))
  await copy('blocked', 0, 9_990)
  for (const userId of others) await create(on, userId, Array(jobs).fill(someJob))
  await sql("DELETE FROM vision_jobs WHERE user_id = 'big' AND status = 'pending' ORDER BY start_tag, id LIMIT 1")
}

async function clear(sql: BenchDatabase['sql']): Promise<void> {
  await sql('DELETE FROM vision_jobs WHERE user_id IN (?)', [['big', ...others]])
  for (const table of ['vision_users', 'vision_usage']) {
    await sql(`DELETE FROM ${table} WHERE user_id IN (?)`, [['big', ...others]])
  }
  await sql('DELETE FROM vision_job_attempts')
}

function shareOf(order: readonly string[]): Share {
  const places = Map.groupBy(order.keys(), (place) => order[place] as string)
  const all = ['big', ...others].map((userId) => places.get(userId) ?? [])
  const gaps = all.flatMap((at) => [...at, order.length].map((place, index) => place - (at[index - 1] ?? -1)))
  const counts = all.map((at) => at.length)
  return { least: Math.min(...counts), most: Math.max(...counts), gap: Math.max(...gaps) }
}
