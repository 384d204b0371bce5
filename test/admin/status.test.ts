import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pruneJobs, redriveJobs } from '../../core/admin/commands.ts'
import { getStatus } from '../../core/admin/status.ts'
import { countLimit } from '../../core/database/bounded-counts.ts'
import { sweepWorkers } from '../../core/worker/report/registry.ts'
import { fillQueue } from '../support/database/big-queue.ts'
import { createFilled, type FilledDatabase } from '../support/database/filled.ts'
import { hour } from '../support/database/jobs.ts'
import type { PlanStep } from '../support/database/looker.ts'
import { makeEndpoints } from '../support/database/webhooks.ts'

let filled: FilledDatabase
beforeAll(async () => {
  filled = await createFilled(
    async (direct) => {
      await fillQueue(direct)
      await direct.sql(
        `UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL id SECOND, error_code = 'analysis.timed_out',
       status = IF(id % 2 = 0, 'failed', status) WHERE status = 'completed'`,
      )
      const numbers = 'WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 999)'
      const fill = (insert: string, select: string) => direct.sql(`${insert} ${numbers} ${select}`)
      await fill(
        'INSERT INTO vision_workers (id, host, started_at, last_heartbeat_at, stopped_at)',
        `SELECT n, 'x', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL n MINUTE, IF(n < 3, NULL, UTC_TIMESTAMP(3)) FROM numbers`,
      )
      await fill(
        'INSERT INTO vision_worker_minutes (minute, worker_id, completed)',
        `SELECT CAST(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS DATETIME(3)) - INTERVAL n MINUTE, 'x', 1 FROM numbers`,
      )
      await fill(
        'INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at, closed_at, close_reason)',
        `SELECT 'ann', n, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), IF(n < 7, NULL, UTC_TIMESTAMP(3)),
       IF(n < 7, NULL, 'ended') FROM numbers`,
      )
      await fill(
        'INSERT INTO vision_permits (id, provider, sent_at, tokens)',
        `SELECT n, 'gemini', UTC_TIMESTAMP(3) - INTERVAL n SECOND, 100 FROM numbers`,
      )
      // Of an empty table MySQL reads the index whole.
      await makeEndpoints(direct, 1_000)
      await direct.sql(
        "UPDATE vision_webhook_endpoints SET failures = id % 3, disabled_reason = IF(id % 5 = 0, 'owner', NULL)",
      )
      for (const table of ['permits', 'jobs', 'workers', 'worker_minutes', 'job_sessions', 'webhook_endpoints']) {
        await direct.sql(`ANALYZE TABLE vision_${table}`)
      }
    },
    { connections: 2 },
  )
})
afterAll(() => filled.drop())

test('the status says how everything is', async () => {
  const status = await getStatus(filled.through)
  const depth = Object.fromEntries(status.depth.map(({ status, jobs, atLeast }) => [status, { jobs, atLeast }]))
  expect(depth).toMatchObject({
    pending: { jobs: countLimit, atLeast: true },
    completed: { jobs: countLimit, atLeast: true },
    cancelled: { jobs: 0, atLeast: false },
  })
  // Due for a thousand seconds when they were made.
  expect(status.oldestDueSeconds).toBeGreaterThanOrEqual(999)
  expect(status.runningWorkers).toBe(1)
  expect(status.workers).toHaveLength(20)
  expect(status.workers.map(({ state }) => state).slice(0, 4)).toEqual(['running', 'silent', 'silent', 'stopped'])
  expect(status.throughput.map(({ minutes }) => minutes)).toEqual([5, 60])
  expect(status.throughput[1]?.tally.completed).toBeGreaterThanOrEqual(59)
  expect(status.throughput[1]?.tally.completed).toBeLessThanOrEqual(61)
  expect(
    [status.claims, ...status.providers].map(({ name, operatorPause, backoffMs }) => [name, operatorPause, backoffMs]),
  ).toEqual([
    ['all', null, 0],
    ['gemini', null, 0],
    ['deepseek', null, 0],
  ])
  expect(status.liveSessions).toBe(7)
  expect(Math.abs(status.at.getTime() - Date.now())).toBeLessThan(60_000)
})

/** The steps on tables of ours: what was joined or counted before is read whole, a list of ids or cut off at the limit. */
async function planOf(statement: string): Promise<readonly PlanStep[]> {
  return (await filled.looker.planOf(statement)).filter(({ table }) => table !== null && /^vision_/.test(table))
}

const scans = /^(ALL|index)$/

/** The statements that some work sends, beside those that insert. */
async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  filled.proxy.statements.length = 0
  await work()
  return filled.proxy.statements.filter((statement) => /vision_/.test(statement) && !/^insert/i.test(statement))
}

describe('on a queue of 80,000 jobs', () => {
  test('the status reads no table whole, and no more than its limits and an hour of reports', async () => {
    const statements = await statementsOf(() => getStatus(filled.through))
    expect(statements.length).toBeGreaterThan(8)
    let reads = 0
    for (const statement of statements.filter((one) => !/vision_provider_states/.test(one))) {
      for (const step of await planOf(statement)) {
        expect(step.key, statement).not.toBeNull()
        // A count that ends at its limit may say that it would read on along the index of its status.
        expect(step.type, `${statement} ${JSON.stringify(step)}`).not.toMatch(scans)
        expect(step.Extra ?? '', statement).not.toMatch(/filesort/)
      }
      reads += await filled.looker.readsOf(statement)
    }
    // Six statuses and three counts of endpoints, each up to the limit and then, on some servers, once more out of a temporary table.
    expect(reads).toBeLessThan((6 + 3) * 2 * (countLimit + 10) + 1_500)
  })

  test('a redrive reads a page at a time along its index, and changes rows by their ids', async () => {
    const filter = { code: 'analysis.', since: new Date(Date.now() - 48 * hour) }
    await filled.direct.sql('DELETE FROM vision_operator_actions')
    const statements = await statementsOf(() =>
      redriveJobs({ database: filled.through, actor: 'ann' }, filter, { limit: 300, dryRun: false, lifeMs: hour }),
    )
    const changes = statements.filter((one) => /^update vision_jobs/i.test(one))
    expect(changes).toHaveLength(2)
    for (const statement of statements.filter((one) => /vision_jobs/.test(one))) {
      for (const step of await planOf(statement)) {
        expect(['ended', 'PRIMARY']).toContain(step.key)
        expect(step.type, statement).not.toMatch(scans)
        expect(step.Extra ?? '', statement).not.toMatch(/filesort|temporary/)
      }
      expect(await filled.looker.readsOf(statement), statement).toBeLessThanOrEqual(1_010)
    }
  })

  test('a prune reads a hundred rows along its index, and deletes them by look-ups', async () => {
    await filled.direct.sql(
      `UPDATE vision_jobs SET finished_at = finished_at - INTERVAL 40 DAY WHERE status = 'completed' ORDER BY id LIMIT 150`,
    )
    // More than are deleted, or the servers read the small tables whole.
    const some = "FROM vision_jobs WHERE status = 'completed' ORDER BY id LIMIT 5000"
    await filled.direct.sql(
      `INSERT INTO vision_job_outputs (job_id, kind, attempt, version, model, body, created_at)
        SELECT id, 'analysis', 1, 1, 'm', '{}', UTC_TIMESTAMP(3) ${some}`,
    )
    await filled.direct.sql(
      `INSERT INTO vision_job_attempts (job_id, attempt, worker_id, step, outcome, started_at)
        SELECT id, 1, 'w', 'analysis', 'completed', UTC_TIMESTAMP(3) ${some}`,
    )
    await filled.direct.sql('ANALYZE TABLE vision_job_outputs, vision_job_attempts')
    const statements = await statementsOf(() =>
      pruneJobs({ database: filled.through, actor: 'ann' }, { olderThanDays: 30, dryRun: false }),
    )
    expect(statements.filter((one) => /^delete/i.test(one))).toHaveLength(6)
    for (const statement of statements.filter((one) => !/vision_operator/.test(one))) {
      for (const step of await planOf(statement)) {
        expect(step.key, `${statement} ${JSON.stringify(step)}`).not.toBeNull()
        expect(step.type, `${statement} ${JSON.stringify(step)}`).not.toMatch(scans)
        expect(step.Extra ?? '', statement).not.toMatch(/filesort/)
      }
      expect(await filled.looker.readsOf(statement), statement).toBeLessThanOrEqual(350)
    }
  })

  test('old reports are found by their age', async () => {
    for (const statement of await statementsOf(() => sweepWorkers(filled.through))) {
      for (const step of await planOf(statement)) expect(step.type, statement).toBe('range')
    }
  })
})
