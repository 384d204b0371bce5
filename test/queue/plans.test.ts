import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../core/database/client.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { oldestDueSeconds } from '../../core/queue/claim/oldest-due.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { admitVisionJobs, usersToAdmit } from '../../core/queue/fairness/concurrency-limit.ts'
import { countContenders } from '../../core/queue/fairness/contenders.ts'
import { getUserVisionJobs } from '../../core/queue/read/history.ts'
import { getVisionJob, getVisionJobAttempts, getVisionJobOutput, getVisionJobs } from '../../core/queue/read/read.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { getJobUsage, getUserUsage } from '../../core/usage/ledger.ts'
import { readTypicalRun } from '../../core/usage/recent-calls.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import { fillQueue } from '../support/database/big-queue.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  hour,
  makeJob,
  makeJobs,
  noCap,
  nothingSpent,
  someJob,
} from '../support/database/jobs.ts'
import type { PlanStep } from '../support/database/looker.ts'
import { createTestDatabase } from '../support/database/test-database.ts'

let filled: FilledDatabase
beforeAll(async () => {
  filled = await createFilled(fillQueue, { connections: 2 })
})
afterAll(() => filled.drop())

const owner = 'big-user'
/** As many as the owner has in flight. */
const cap = 10

/** The statements on the queue's tables that some work sends. */
async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  filled.proxy.statements.length = 0
  await work()
  return filled.proxy.statements.filter((statement) => /vision_(job|user|usage)/.test(statement))
}

const isSelect = (statement: string) => /^select/i.test(statement)

describe('on a queue of 130,000 jobs', () => {
  test.each<[string, string, number, () => Promise<unknown>]>([
    ['a claim of 10', 'claim', 30, () => claim(filled.through, { limit: 10 })],
    ['a promotion of 200 to pending, and of 200 of others', 'owner', 2_500, promoteAndUndo],
    ['a promotion of 200 to blocked', 'due', 2_500, () => promoteDueVisionJobs(filled.through, cap)],
    [
      'a batch of 100 jobs',
      'history',
      220,
      () => makeJobs(filled.through, 100, { userId: owner, inFlightPerUser: cap }),
    ],
    ['letting five blocked jobs in', 'owner', 50, () => admitVisionJobs(filled.through, owner, cap + 5)],
    ['letting none in', 'owner', 50, () => admitVisionJobs(filled.through, owner, cap)],
    ['a look for users with blocked jobs', 'blocked', 30, () => usersToAdmit(filled.through)],
    [
      'a job for which there is no room',
      'owner',
      50,
      () => makeJob(filled.through, { userId: owner, inFlightPerUser: cap }),
    ],
    [
      'taking back 100 lost jobs',
      'lease',
      250,
      () => reclaimVisionJobs(filled.through, { baseMs: 1, capMs: 1, random: () => 0 }),
    ],
    // 200 of each lane; what the parts of a union yield is read once more.
    ['a sweep of 200 expired jobs', 'expiry', 850, () => expireVisionJobs(filled.through)],
    ['a page of a history', 'history', 50, () => getUserVisionJobs(filled.through, { userId: owner, limit: 20 })],
    ['a poll', 'claim', 20, () => pollQueue(filled.through)],
    ['the age of the oldest due job along the claim index', 'claim', 350, () => oldestDueSeconds(filled.through)],
    ['the age of the oldest due job along the expiry index', 'expiry', 350, () => oldestDueSeconds(filled.through)],
    ['the age of the oldest due job along the due index', 'due', 350, () => oldestDueSeconds(filled.through)],
    [
      'a job of a new user',
      'status_history',
      20,
      () => makeJob(filled.through, { userId: 'new-user', inFlightPerUser: cap }),
    ],
    ['the tag of a job that is given back', 'claim', 20, release],
    ['the tag of a job that goes before its owner’s younger ones', 'owner', 40, releaseFirst],
    // The owner's jobs have no runs here: then everybody's are looked at, too.
    ['a look at what the last jobs took', 'status_history', 160, () => readTypicalRun(filled.through, owner)],
    ['a count of those who want turns', 'claim', 610, () => filled.through.run((on) => countContenders(on, owner))],
    [
      'the look-up of an idempotency key',
      'idempotency',
      20,
      () => makeJob(filled.through, { userId: owner, idempotency, inFlightPerUser: cap }),
    ],
  ])('%s reads along the index %s, and no more rows than it takes', async (_, index, limit, work) => {
    const statements = (await statementsOf(work)).filter(isSelect)
    const plans = await Promise.all(
      statements.map(async (statement) => ({ statement, plan: await filled.looker.planOf(statement) })),
    )
    const [first] = plans.filter(({ statement, plan }) => plan.some((step) => readsAlong(index, step, statement)))
    expect(first, `a statement that reads along ${index}: ${JSON.stringify(plans)}`).toBeDefined()
    for (const { statement, plan } of plans) {
      for (const step of plan) expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
      expect(await filled.looker.readsOf(statement), statement).toBeLessThanOrEqual(limit)
    }
  })

  test('every statement of a job of a big queue finds its rows by an index', async () => {
    const statements = await statementsOf(async () => {
      const [gone, other, third, fourth] = await makeJobs(filled.through, 4, { userId: 'someone' })
      await filled.direct.sql('UPDATE vision_jobs SET start_tag = 0 WHERE id IN (?)', [[gone, other, third, fourth]])
      const [run, second, ...more] = await claim(filled.through, { limit: 4 })
      if (run === undefined || second === undefined) throw new Error('nothing to claim')
      await renewLeases(filled.through, 'worker-1', [run, second, ...more], hour)
      await renewLeases(filled.through, 'worker-1', [run, { ...second, attempt: 9 }], hour)
      await saveAnalysis(filled.through, run, analysisOutput, nothingSpent)
      await completeVisionJob(filled.through, run, contentOutput, nothingSpent)
      await completeVisionJob(filled.through, run, contentOutput, nothingSpent)
      await failVisionJob(filled.through, second, badAnswer, nothingSpent)
      await failVisionJob(filled.through, second, badAnswer, nothingSpent)
      await recordSpending(filled.through, second, nothingSpent)
      const failed = { jobId: second.jobId, userId: second.userId }
      await redriveVisionJob(filled.through, failed, { lifeMs: hour })
      await cancelVisionJob(filled.through, failed)
      await cancelVisionJob(filled.through, failed)
      await getVisionJob(filled.through, failed)
      await getVisionJobAttempts(filled.through, failed)
      await getVisionJobOutput(filled.through, run.jobId, 'analysis')
      await getVisionJobs(filled.through, owner, [1, 2, 3])
      await getJobUsage(filled.through, failed)
      await getUserUsage(filled.through, owner, { from: '2026-01-01', to: '2026-12-31' })
      await deleteVisionJob(filled.through, failed)
      const again = await claimOne(filled.through)
      await retryVisionJob(filled.through, again, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
      await promoteDueVisionJobs(filled.through, cap)
      await filled.direct.sql(
        "UPDATE vision_jobs SET next_step = 'content' WHERE user_id = ? AND status = 'blocked' LIMIT 3",
        [owner],
      )
      await admitVisionJobs(filled.through, owner, cap)
      await reclaimVisionJobs(filled.through, { baseMs: 1, capMs: 1, random: () => 0 })
    })
    expect(statements.length).toBeGreaterThan(30)
    for (const statement of statements.filter((sent) => !/^insert/i.test(sent))) {
      for (const step of await filled.looker.planOf(statement)) {
        // What is made of a list is no table.
        if (step.table === null || step.table.startsWith('<')) continue
        expect(step.key, `${statement.slice(0, 300)} ${JSON.stringify(step)}`).not.toBeNull()
        expect(step.type, statement).not.toMatch(/^(ALL|index)$/)
        expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
      }
      expect(await filled.looker.readsOf(statement), statement).toBeLessThanOrEqual(
        statement.includes('due_jobs') ? 2_500 : 700,
      )
    }
  })

  test('a user’s waiting jobs are counted up to the limit and no further', async () => {
    const limits = { jobsPerDay: 10, jobsWaiting: 100, costPerDay: undefined }
    const statements = await statementsOf(() =>
      createVisionJob(filled.through, someJob, {
        userId: owner,
        maxRetries: 3,
        inFlightPerUser: noCap,
        lifeMs: hour,
        limits,
      }).catch(() => undefined),
    )
    const [count = ''] = statements.filter((statement) => statement.includes('some_jobs'))
    expect(await filled.looker.planOf(count)).toContainEqual(
      expect.objectContaining({ table: 'vision_jobs', key: 'owner' }),
    )
    // The index's rows, and the 100 once more where the server keeps them aside to count them.
    expect(await filled.looker.readsOf(count)).toBeLessThanOrEqual(250)
  })

  test('a renewal locks its own jobs and no others', async () => {
    const runs = await claim(filled.through, { limit: 20 })
    const [renewal = ''] = await statementsOf(() => renewLeases(filled.through, 'worker-1', runs, hour))
    expect(await filled.looker.planOf(renewal)).toMatchObject([{ key: 'PRIMARY' }])
    expect(await filled.looker.readsOf(renewal)).toBeLessThanOrEqual(50)
  })

  test('a second claimer at once gets the next jobs while the first has not committed', async () => {
    const [statement = ''] = await statementsOf(() => claim(filled.through, { limit: 10 }))
    expect(statement).toMatch(/SKIP LOCKED/)
    const inOrder = await filled.direct.sql(
      `SELECT id FROM vision_jobs WHERE status = 'pending' AND next_step = 'analysis' ORDER BY start_tag, id LIMIT 20`,
    )
    await filled.looker.connection.query('BEGIN')
    const [first] = await filled.looker.connection.query<RowDataPacket[]>(statement)
    const second = await claim(filled.through, { limit: 10 })
    const third = await claim(filled.through, { limit: 10 })
    await filled.looker.connection.query('ROLLBACK')
    const fourth = await claim(filled.through, { limit: 10 })
    const ids = [...second, ...third, ...fourth].map((run) => run.jobId)
    expect(new Set(ids).size).toBe(30)
    expect(
      fourth.map((run) => run.jobId),
      'no row but the ten was locked',
    ).toEqual(first.map((row) => row.jobId))
    expect([...first.map((row) => row.jobId), ...second.map((run) => run.jobId)]).toEqual(inOrder.map((row) => row.id))
  })
})

test('in a small filled.through, which a server would rather scan, leases are still found by their ids', async () => {
  const small = await createTestDatabase()
  const through = openDatabase(filled.proxy.url(small.url), { connections: 1, random: Math.random })
  try {
    await makeJobs(small, 30)
    const runs = await claim(small, { limit: 20 })
    await claim(small, { limit: 10, workerId: 'worker-2' })
    await small.sql('ANALYZE TABLE vision_jobs')
    const [first, ...others] = runs
    const lost = [{ ...(first ?? (await claimOne(small))), attempt: 9 }, ...others]
    const statements = await statementsOf(() => renewLeases(through, 'worker-1', lost, hour))
    expect(statements).toHaveLength(3)
    for (const statement of statements.slice(0, 2)) {
      const [plan] = await small.sql(`EXPLAIN FORMAT=TRADITIONAL ${statement}`)
      expect(plan, statement).toMatchObject({ type: 'range', key: 'PRIMARY' })
    }
  } finally {
    await through.close()
    await small.drop()
  }
})

test('where users are few, whose other index a server would rather read, those of due jobs are still found by theirs', async () => {
  const small = await createTestDatabase()
  const through = openDatabase(filled.proxy.url(small.url), { connections: 1, random: Math.random })
  try {
    const users = Array.from({ length: 100 }, (_, n) => `user-${n}`)
    await small.sql(`INSERT INTO vision_users (user_id) VALUES ${users.map(() => '(?)').join()}`, users)
    for (const userId of users.slice(0, 80)) await makeJob(small, { userId })
    await small.sql("UPDATE vision_jobs SET status = 'scheduled', available_at = UTC_TIMESTAMP(3)")
    await small.sql('ANALYZE TABLE vision_users')
    const statements = await statementsOf(() => promoteDueVisionJobs(through, cap))
    const [search = ''] = statements.filter((statement) => /^select.+vision_users/is.test(statement))
    const plan = await small.sql(`EXPLAIN FORMAT=TRADITIONAL ${search}`)
    const [step] = plan.filter(({ key }) => key !== null)
    expect(step).toMatchObject({ type: 'eq_ref', key: 'PRIMARY' })
  } finally {
    await through.close()
    await small.drop()
  }
})

const idempotency = { key: 'a-key', requestHash: 'a'.repeat(64) }

async function release(): Promise<void> {
  const run = await claimOne(filled.direct)
  await releaseVisionJob(filled.through, run, 'analysis', nothingSpent)
}

/** Whether a step reads along an index, or one end of it while the statement is planned: such a plan names no index. */
function readsAlong(index: string, { key, Extra }: PlanStep, statement: string): boolean {
  const isRead = /Select tables optimized away/.test(Extra ?? '')
  return key === index || (isRead && statement.includes(`FORCE INDEX (${index})`))
}

/** The owner's first job is given back, with younger ones waiting. */
async function releaseFirst(): Promise<void> {
  const [job] = await filled.direct.sql(
    "SELECT id FROM vision_jobs WHERE user_id = ? AND status = 'pending' ORDER BY start_tag",
    [owner],
  )
  await filled.direct.sql("UPDATE vision_jobs SET status = 'processing', attempt = 1 WHERE id = ?", [job?.id])
  const run = { jobId: Number(job?.id), attempt: 1, userId: owner, batchId: null, waitingMs: 0 }
  await releaseVisionJob(filled.through, run, 'analysis', nothingSpent)
}

/** For due-user, and for the owner, whose jobs are then blocked again. */
async function promoteAndUndo(): Promise<void> {
  await promoteDueVisionJobs(filled.through, 500)
  await filled.direct.sql(
    `UPDATE vision_jobs SET status = 'blocked', start_tag = 0 WHERE user_id = ? AND status = 'pending' ORDER BY start_tag DESC LIMIT 490`,
    [owner],
  )
}
