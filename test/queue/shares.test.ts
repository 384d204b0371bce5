import { setTimeout as delay } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import { describe, expect } from 'vitest'
import type { Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { releaseVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import type { Step } from '../../drizzle/schema.ts'
import { analysisOutput, claim, jobRow, makeJob, makeJobs, nothingSpent, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

// Who is served how often, over hundreds of claims. Jobs are made, admitted, given back and claimed by the queue itself; what
// lies between, the run and its end, is plain SQL, since it has no part in who comes next.

const cap = 10
let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const idsOf = (runs: readonly Run[]) => runs.map(({ jobId }) => jobId)
const end = (runs: readonly Run[]) => database.sql('DELETE FROM vision_jobs WHERE id IN (?)', [idsOf(runs)])
const send = (runs: readonly { readonly userId: string }[]) =>
  Promise.all(runs.map(({ userId }) => makeJob(database, { userId, inFlightPerUser: cap })))
/** Their jobs wait for their next try, which is due. */
const retry = async (runs: readonly Run[]) => {
  await database.sql(
    `UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id IN (?)`,
    [idsOf(runs)],
  )
  await promoteDueVisionJobs(database, cap)
}
/** The same, of jobs that have come to the second step. */
const retryContent = async (runs: readonly Run[]) => {
  await database.sql("UPDATE vision_jobs SET next_step = 'content' WHERE id IN (?)", [idsOf(runs)])
  await retry(runs)
}
/** The jobs that came first are claimed and begin the second step, whose provider has no permit for them. */
const toContent = async () => {
  const runs = await claim(database, { limit: 1_000 })
  await retryContent(runs)
}

interface Served {
  /** How often. */
  readonly count: number
  /** The most claims from one to the next, from the first claim and to the last one. */
  readonly gap: number
}

/** Claims until so many jobs are, and what each user had of them. */
async function serve(
  limit: number,
  claims: number,
  next: (runs: readonly Run[], soFar: number) => Promise<unknown>,
  lane: Step = 'analysis',
): Promise<Readonly<Record<string, Served>>> {
  const order: string[] = []
  while (order.length < claims) {
    const runs = await claim(database, { limit, lane })
    if (runs.length === 0) throw new Error('nothing to claim')
    order.push(...runs.map(({ userId }) => userId))
    await next(runs, order.length)
  }
  const places = Map.groupBy(order.keys(), (place) => order[place] as string)
  return Object.fromEntries(
    [...places].map(([userId, at]) => [
      userId,
      {
        count: at.length,
        gap: Math.max(...[...at, order.length].map((place, index) => place - (at[index - 1] ?? -1))),
      },
    ]),
  )
}

/** All have had an equal share, and none has waited long for the next. */
function expectEqualShares(served: Readonly<Record<string, Served>>, users: readonly string[]): void {
  const all = Object.values(served).reduce((sum, { count }) => sum + count, 0)
  const share = all / users.length
  for (const userId of users) {
    const { count, gap } = served[userId] ?? { count: 0, gap: all }
    expect(count, `${userId} of ${JSON.stringify(served)}`).toBeGreaterThanOrEqual(share * 0.8)
    expect(count, `${userId} of ${JSON.stringify(served)}`).toBeLessThanOrEqual(share * 1.2)
    expect(gap, `${userId} of ${JSON.stringify(served)}`).toBeLessThanOrEqual(2 * users.length)
  }
}

interface Case {
  readonly limit: number
  readonly others: number
  readonly claims: number
  readonly lane?: Step
  /** How many of the first user's jobs there are at the beginning. */
  readonly jobs?: number
  readonly before?: () => Promise<unknown>
  readonly next: (runs: readonly Run[], soFar: number) => Promise<unknown>
}

const atTheClaim = async (runs: readonly Run[]) => {
  await send(runs)
  await end(runs)
}
const atTheEnd = async (runs: readonly Run[]) => {
  await end(runs)
  await send(runs)
}

const cases: Record<string, Case> = {
  'one by one, five who send at the claim': { limit: 1, others: 5, claims: 60, next: atTheClaim },
  'one by one, twenty who send at the end': { limit: 1, others: 20, claims: 90, next: atTheEnd },
  'by fives, twenty who send at the claim': { limit: 5, others: 20, claims: 220, next: atTheClaim },
  'by 25, thirty who send at the end': { limit: 25, others: 30, claims: 280, next: atTheEnd },
  'by fives, ten, and the first has a thousand blocked': {
    limit: 5,
    others: 10,
    claims: 130,
    jobs: 1_000,
    next: async (runs) => {
      await end(runs)
      await send(runs.filter(({ userId }) => userId !== 'big'))
      await admitVisionJobs(database, 'big', cap)
    },
  },
  'by fives, ten, and every run is tried again': { limit: 5, others: 10, claims: 130, next: retry },
  'in the second lane, one by one, five': {
    limit: 1,
    others: 5,
    claims: 60,
    lane: 'content',
    before: toContent,
    next: retryContent,
  },
  'in the second lane, by 25, thirty, whose runs are all given back': {
    limit: 25,
    others: 30,
    claims: 280,
    lane: 'content',
    before: toContent,
    next: (runs) => Promise.all(runs.map((run) => releaseVisionJob(database, run, 'content', nothingSpent))),
  },
  'by threes, five, and all that the first has is given back again and again': {
    limit: 3,
    others: 5,
    claims: 72,
    next: async (runs) => {
      const others = runs.filter(({ userId }) => userId !== 'big')
      for (const run of runs) {
        if (!others.includes(run)) await releaseVisionJob(database, run, 'analysis', nothingSpent)
      }
      if (others.length > 0) await atTheEnd(others)
    },
  },
  'by threes, ten, when the first has cancelled all that it had, and again, and again': {
    limit: 3,
    others: 10,
    claims: 120,
    before: async () => {
      for (let time = 0; time < 5; time++) await sendAgain(cap)
    },
    next: atTheEnd,
  },
  'by fives, ten, and the first cancels its last jobs and sends them again, and again': {
    limit: 5,
    others: 10,
    claims: 130,
    next: async (runs) => {
      await atTheEnd(runs)
      await sendAgain(2)
    },
  },
}

/** The first user cancels its last jobs, and sends as many. */
async function sendAgain(count: number): Promise<void> {
  const rows = await database.sql(
    "SELECT id FROM vision_jobs WHERE user_id = 'big' AND status = 'pending' ORDER BY id DESC LIMIT ?",
    [count],
  )
  for (const { id } of rows) await cancelVisionJob(database, { jobId: Number(id), userId: 'big' })
  await makeJobs(database, rows.length, { userId: 'big', inFlightPerUser: cap })
}

describe('users who always have jobs waiting get equal shares', () => {
  test.each(Object.keys(cases))(
    '%s',
    async (name) => {
      const { limit, others, claims, lane = 'analysis', jobs = cap, before, next } = cases[name] as Case
      const few = Array.from({ length: others }, (_, index) => `few-${index}`)
      await makeJobs(database, jobs, { userId: 'big', inFlightPerUser: cap })
      await send(few.map((userId) => ({ userId })))
      await before?.()
      expectEqualShares(await serve(limit, claims, next, lane), ['big', ...few])
    },
    60_000,
  )

  test('also those who return: what was served while no other user waited, or before a pause, counts no more', async () => {
    const early = ['a', 'b']
    for (const userId of early) await makeJobs(database, 40, { userId })
    await end(await claim(database, { limit: 80 }))
    // The lane is empty, and each has had forty.
    const users = [...early, 'late', 'never']
    for (const userId of ['a', 'late']) await makeJobs(database, cap, { userId, inFlightPerUser: cap })
    await serve(2, 40, atTheEnd)
    for (const userId of ['b', 'never']) await makeJobs(database, cap, { userId, inFlightPerUser: cap })
    expectEqualShares(await serve(2, 80, atTheEnd), users)
  })

  test('also those who had served alone what a worker took in one claim, before the next came', async () => {
    await makeJobs(database, cap, { userId: 'alone', inFlightPerUser: cap })
    await atTheEnd(await claim(database, { limit: 25 }))
    await makeJobs(database, cap, { userId: 'next', inFlightPerUser: cap })
    expectEqualShares(await serve(1, 20, atTheEnd), ['alone', 'next'])
  })
})

test('an endless stream of one-time users delays no waiting user', async () => {
  await makeJobs(database, cap, { userId: 'big', inFlightPerUser: cap })
  for (let user = 0; user < 5; user++) await makeJob(database, { userId: `once-${user}` })
  let user = 5
  const served = await serve(1, 60, async (runs) => {
    await end(runs)
    for (const run of runs) await makeJob(database, { userId: run.userId === 'big' ? 'big' : `once-${user++}` })
  })
  expect(served.big?.count).toBeGreaterThanOrEqual(8)
  expect(served.big?.gap).toBeLessThanOrEqual(12)
})

test('no place stays free: where others have nothing waiting, a claim takes all that one user has', async () => {
  await makeJobs(database, cap, { userId: 'big', inFlightPerUser: cap })
  await makeJob(database, { userId: 'few' })
  expect(await claim(database, { limit: 25 })).toHaveLength(cap + 1)
  await database.sql('DELETE FROM vision_jobs')
  await makeJobs(database, 3, { userId: 'big', inFlightPerUser: cap })
  expect(await claim(database, { limit: 25 })).toHaveLength(3)
})

describe('a job that is given back', () => {
  const tagOf = async (jobId: number) => Number((await jobRow(database, jobId)).start_tag)

  test('goes before its owner’s younger jobs, after one of everybody else’s, and each time again', async () => {
    const ids = (await makeJobs(database, 5, { userId: 'big', inFlightPerUser: cap })) as [number, ...number[]]
    let [few] = await send([{ userId: 'few' }])
    for (let time = 0; time < 3; time++) {
      const [run] = await claim(database, { limit: 1 })
      expect(run?.jobId).toBe(ids[0])
      await releaseVisionJob(database, run as Run, 'analysis', nothingSpent)
      const [other] = await claim(database, { limit: 1 })
      expect(other?.jobId, 'the other is next').toBe(few)
      await end([other as Run])
      ;[few] = await send([{ userId: 'few' }])
    }
    const tags = await Promise.all(ids.map(tagOf))
    expect(tags, 'no two of one user at once').toEqual([4, 5, 6, 7, 8])
  })

  test('of many in a worker that is stopped, they do not all come at once again', async () => {
    const ids = await makeJobs(database, cap, { userId: 'big', inFlightPerUser: cap })
    const runs = await claim(database, { limit: cap })
    await Promise.all(runs.map((run) => releaseVisionJob(database, run, 'analysis', nothingSpent)))
    // One that does not get its user’s row in time shares a start tag.
    expect(new Set(await Promise.all(ids.map(tagOf))).size).toBeGreaterThanOrEqual(cap - 2)
  })

  test('enters the lane that it has come to behind all that its owner has there', async () => {
    await makeJobs(database, 3, { userId: 'big', inFlightPerUser: cap })
    for (const run of await claim(database, { limit: 3 })) {
      await saveAnalysis(database, run, analysisOutput, nothingSpent)
      await releaseVisionJob(database, run, 'content', nothingSpent)
    }
    const tags = await database.sql("SELECT start_tag FROM vision_jobs WHERE next_step = 'content' ORDER BY id")
    expect(tags.map(({ start_tag }) => Number(start_tag))).toEqual([1, 2, 3])
  })

  test('does not wait for a connection that has locked its owner, and may be dead', async () => {
    const jobId = await makeJob(database, { userId: 'big' })
    const [run] = await claim(database, { limit: 1 })
    const dead = await mysql.createConnection(database.url)
    try {
      await dead.query('BEGIN')
      await dead.query("SELECT 1 FROM vision_users WHERE user_id = 'big' FOR UPDATE")
      await releaseVisionJob(database, run as Run, 'analysis', nothingSpent)
      expect(await statusOf(database, jobId)).toBe('pending')
      expect(await tagOf(jobId)).toBe(2)
    } finally {
      await dead.end()
    }
  })
})

describe('virtual time', () => {
  test('delays no claim, even if a dead connection has locked its row', async () => {
    await makeJobs(database, 2)
    await claim(database, { limit: 1 })
    const dead = await mysql.createConnection(database.url)
    try {
      await dead.query('BEGIN')
      await dead.query('SELECT 1 FROM vision_lanes FOR UPDATE')
      // The row is held for longer than any claim may take.
      const held = delay(8_000, 'the row is free', { ref: false })
      expect(await Promise.race([claim(database, { limit: 1 }), held])).toHaveLength(1)
    } finally {
      await dead.end()
    }
  })

  test('does not run backwards for a job that comes late with an early tag', async () => {
    await makeJobs(database, 100, { userId: 'big' })
    await end(await claim(database, { limit: 90 }))
    const late = await makeJob(database, { userId: 'late' })
    await database.sql('UPDATE vision_jobs SET start_tag = 3 WHERE id = ?', [late])
    const next = await makeJob(database, { userId: 'next' })
    expect(Number((await jobRow(database, next)).start_tag)).toBe(91)
    expect(idsOf(await claim(database, { limit: 1 }))).toEqual([late])
    const last = await makeJob(database, { userId: 'last' })
    expect(Number((await jobRow(database, last)).start_tag)).toBe(91)
  })
})
