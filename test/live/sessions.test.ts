import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, onTestFinished } from 'vitest'
import {
  createSessions,
  keptClosed,
  type Session,
  type Sessions,
  sweepSessions,
  trimEvery,
} from '../../core/live/slots/sessions.ts'
import { endingAtOnce, endingSeconds } from '../../core/live/slots/slots.ts'
import { createWaits } from '../../core/live/slots/wait-slots.ts'
import type { CloseReason } from '../../drizzle/schema.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { eventually } from '../support/eventually.ts'

let database: TestDatabase
let errors: unknown[]
let ended: string[]
let open: Session[]
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})
beforeEach(() => {
  errors = []
  ended = []
  open = []
})
afterEach(async () => {
  for (const session of open) session.close('left')
  await delay(50)
  expect(errors).toEqual([])
})

/** One process; it says every 20 ms who lives. */
const startProcess = (perUser = 10, touchMs = 20) =>
  createSessions({
    database,
    perUser,
    touchMs,
    lookMs: 20,
    random: Math.random,
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
    onError: (error) => errors.push(error),
  })

async function connect(sessions: Sessions, jobId: number, userId = 'ann'): Promise<Session> {
  const onClosed = (reason: CloseReason) => ended.push(`${jobId} ${reason}`)
  const session = await sessions.open({ userId, jobId, transport: 'sse', lastEvent: 2, onClosed })
  if (session === undefined) throw new Error('crowded')
  open.push(session)
  return session
}

const rows = () => database.sql('SELECT * FROM vision_job_sessions ORDER BY id')
const seenAgo = (seconds: number, jobId: number) =>
  database.sql('UPDATE vision_job_sessions SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE job_id = ?', [
    seconds,
    jobId,
  ])

test('a connection is recorded from its beginning to its end', async () => {
  const sessions = startProcess()
  const session = await connect(sessions, 7)
  expect(await rows()).toMatchObject([
    { user_id: 'ann', job_id: 7, transport: 'sse', last_event: 2, closed_at: null, close_reason: null },
  ])
  session.sent(3)
  await eventually(async () => expect(await rows()).toMatchObject([{ last_event: 3, closed_at: null }]))
  session.sent(5)
  session.close('ended')
  session.close('left')
  await sessions.settled()
  expect(await rows()).toMatchObject([{ last_event: 5, closed_at: expect.any(String), close_reason: 'ended' }])
})

test('a user for whom an operator has set them has as many streams and waits as that; where nobody waits, it opens none', async () => {
  await database.sql("INSERT INTO vision_users (user_id, streams, waits) VALUES ('ann', 2, 1)")
  try {
    const sessions = startProcess()
    for (const jobId of [1, 2, 3]) await connect(sessions, jobId)
    for (const jobId of [4, 5, 6]) await connect(sessions, jobId, 'bob')
    await eventually(() => expect(ended).toEqual(['1 replaced']))
    const waits = (perUser: number) => createWaits({ database, perUser, log: () => undefined, random: Math.random })
    const waitsAtOnce = async (userId: string, perUser: number) => {
      const wait = async (depth: number): Promise<number> => {
        let within = 0
        const ran = await waits(perUser).during({ userId, jobId: 1 }, async () => {
          within = await wait(depth + 1)
        })
        return ran ? within : depth - 1
      }
      return wait(1)
    }
    expect([await waitsAtOnce('ann', 3), await waitsAtOnce('bob', 3), await waitsAtOnce('ann', 0)]).toEqual([1, 3, 0])
  } finally {
    await database.sql('DELETE FROM vision_users')
  }
})

test('the eleventh closes the oldest, in this process at once and in another at its next poll', async () => {
  const [here, there] = [startProcess(), startProcess()]
  await connect(there, 1)
  await connect(here, 2)
  for (let jobId = 3; jobId <= 10; jobId++) await connect(here, jobId)
  await connect(here, 99, 'bob')
  expect(ended).toEqual([])
  await connect(here, 11)
  await connect(here, 12)
  await eventually(() => expect(ended.toSorted()).toEqual(['1 replaced', '2 replaced']))
  const live = (await rows()).filter((row) => row.closed_at === null)
  expect(live.map((row) => row.job_id)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 99, 11, 12])
})

test('with many concurrent openings, the live ones never exceed the slots and those about to end', async () => {
  const processes = Array.from({ length: 4 }, () => startProcess(3))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, (_, index) => connect(processes[index % 4] as Sessions, index)),
  )
  const opened = outcomes.filter(({ status }) => status === 'fulfilled').length
  expect(opened).toBeGreaterThanOrEqual(3)
  // By the clock of the database, since forty openings may take longer than a replaced one has to end.
  const together = await database.sql(
    `SELECT COUNT(*) AS n FROM vision_job_sessions last JOIN vision_job_sessions ending ON ending.close_reason = 'replaced'
       AND ending.closed_at <= last.closed_at AND ending.closed_at > last.closed_at - INTERVAL ? SECOND
     GROUP BY last.id ORDER BY n DESC LIMIT 1`,
    [endingSeconds],
  )
  expect(Number(together[0]?.n)).toBeLessThanOrEqual(endingAtOnce)
  await eventually(() => expect(ended).toHaveLength(opened - 3))
  expect((await rows()).filter((row) => row.closed_at === null)).toHaveLength(3)
  await database.sql(
    'UPDATE vision_job_sessions SET closed_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND WHERE slot IS NULL',
  )
  await expect(connect(processes[0] as Sessions, 99)).rejects.toThrow('crowded')
  // Those that were replaced have ended by then.
  await database.sql(
    'UPDATE vision_job_sessions SET closed_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE slot IS NULL',
    [endingSeconds],
  )
  await connect(processes[0] as Sessions, 99)
})

test('a slot is its holder’s alone, and those of other users are other slots', async () => {
  const sessions = startProcess(1)
  await connect(sessions, 1)
  await connect(sessions, 2, 'bob')
  expect((await rows()).map((row) => [row.user_id, row.slot])).toEqual([
    ['ann', 'stream-0'],
    ['bob', 'stream-0'],
  ])
  for (const session of open) session.close('left')
  await sessions.settled()
  expect((await rows()).map((row) => row.slot)).toEqual([null, null])
})

test('dead connections are closed before live ones, and the database’s clock decides which are dead', async () => {
  const sessions = startProcess(2, 60_000)
  await connect(sessions, 1)
  await connect(sessions, 2)
  await seenAgo(59, 1)
  await seenAgo(61, 2)
  await connect(sessions, 3)
  await eventually(() => expect(ended).toEqual(['2 expired']))
  expect((await rows()).map((row) => row.close_reason)).toEqual([null, 'expired', null])
})

test('the sweep closes what has died, keeps the living, and deletes what ended a week ago', async () => {
  const sessions = startProcess(10, 60_000)
  for (const jobId of [1, 2, 3, 4]) await connect(sessions, jobId)
  await seenAgo(61, 1)
  await seenAgo(59, 2)
  for (const [jobId, days] of [
    [3, 6.9],
    [4, 7.1],
  ]) {
    await database.sql(
      "UPDATE vision_job_sessions SET closed_at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR, close_reason = 'ended' WHERE job_id = ?",
      [Number(days) * 24, jobId],
    )
  }
  await sweepSessions(database)
  expect((await rows()).map((row) => [row.job_id, row.close_reason])).toEqual([
    [1, 'expired'],
    [2, null],
    [3, 'ended'],
  ])
})

test('the sweep takes batch after batch, of thousands too', async () => {
  await database.sql(
    `INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
      SELECT 'ann', i, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 1 HOUR FROM n`,
  )
  await sweepSessions(database)
  const [count] = await database.sql("SELECT COUNT(*) AS n FROM vision_job_sessions WHERE close_reason = 'expired'")
  expect(count?.n).toBe(900)
})

test('a wait takes its slot and gives it back in three statements, and finds the user and the slots by their indices', async () => {
  await database.sql("INSERT INTO vision_users (user_id, waits) VALUES ('ann', 1)")
  const proxied = await openProxied(database.url)
  onTestFinished(() => proxied.close())
  const waits = createWaits({ database: proxied, perUser: 5, log: () => undefined, random: Math.random })
  await waits.during({ userId: 'ann', jobId: 1 }, async () => undefined)
  proxied.proxy.statements.length = 0
  expect(await waits.during({ userId: 'ann', jobId: 1 }, async () => undefined)).toBe(true)
  const { statements } = proxied.proxy
  expect(statements.map((statement) => /^\w+/.exec(statement)?.[0]?.toUpperCase())).toEqual([
    'SELECT',
    'INSERT',
    'DELETE',
  ])
  const plan = await database.sql(`EXPLAIN FORMAT=TRADITIONAL ${statements[0]}`)
  const found = Object.fromEntries(plan.map(({ table, key }) => [table, key]))
  expect(found).toMatchObject({ u: 'PRIMARY', s: 'slot' })
})

test('each statement reads by its index', async () => {
  const plan = async (query: string) => (await database.sql(`EXPLAIN FORMAT=TRADITIONAL ${query}`))[0]
  await database.sql(
    `INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at, closed_at, close_reason)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
      SELECT CONCAT('user-', i % 9), i, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), IF(i % 30 = 0, NULL, UTC_TIMESTAMP(3)), 'ended' FROM n`,
  )
  await database.sql('ANALYZE TABLE vision_job_sessions')
  for (const [key, query] of [
    [
      'live',
      "SELECT COUNT(*) FROM vision_job_sessions FORCE INDEX (live) WHERE user_id = 'user-1' AND closed_at > UTC_TIMESTAMP(3) - INTERVAL 3 SECOND AND close_reason = 'replaced'",
    ],
    [
      'closing',
      'SELECT id FROM vision_job_sessions WHERE closed_at IS NULL AND last_seen_at <= UTC_TIMESTAMP(3) - INTERVAL 60 SECOND ORDER BY last_seen_at LIMIT 500',
    ],
    [
      'closing',
      'SELECT id FROM vision_job_sessions WHERE closed_at <= UTC_TIMESTAMP(3) - INTERVAL 7 DAY ORDER BY closed_at LIMIT 500',
    ],
  ]) {
    const { key: used, Extra: extra } = (await plan(String(query))) as { key: string; Extra: string | null }
    expect([query, used]).toEqual([query, key])
    expect(extra ?? '').not.toMatch(/filesort|temporary/)
  }
})

test('whoever opens streams in a loop leaves no more than a thousand rows, and those the newest', async () => {
  const old = (userId: string, count: number) =>
    database.sql(
      `INSERT INTO vision_job_sessions (job_id, user_id, transport, last_event, connected_at, last_seen_at, closed_at, close_reason)
       SELECT 1, ?, 'sse', 0, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 1 HOUR, 'left'
       FROM (SELECT 1 FROM information_schema.columns LIMIT ${count}) many`,
      [userId],
    )
  await old('ann', 700)
  await old('ann', 700)
  await old('bob', 50)
  const sessions = startProcess()
  for (let jobId = 100; jobId < 100 + 2 * trimEvery; jobId++) {
    const session = await connect(sessions, jobId)
    await sessions.settled()
    session.close('left')
    await sessions.settled()
  }
  const count =
    'SELECT user_id AS user, COUNT(*) AS kept, SUM(job_id = 1) AS old FROM vision_job_sessions GROUP BY user_id'
  const left = (await database.sql(`${count} ORDER BY user_id`)).map(({ user, kept, old }) => [
    user,
    Number(kept),
    Number(old),
  ])
  // The stream of the last look was open then.
  expect(left).toEqual([
    ['ann', keptClosed + 1, keptClosed + 1 - 2 * trimEvery],
    ['bob', 50, 50],
  ])
})
