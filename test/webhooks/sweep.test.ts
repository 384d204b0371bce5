import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import { testEndpoint } from '../../core/webhooks/deliveries.ts'
import { leaseEndpoints } from '../../core/webhooks/due.ts'
import { deleteEndpoint } from '../../core/webhooks/endpoints.ts'
import { oldestDeliverySeconds, readWebhookHealth } from '../../core/webhooks/health.ts'
import { mostKept, sweepWebhooks } from '../../core/webhooks/sweep.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { makeDeliveries, makeEndpoint, makeEndpoints } from '../support/database/webhooks.ts'

let db: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  db = workerDatabase
})

const rowsOf = (what = '*') => db.sql(`SELECT ${what} FROM vision_webhook_deliveries ORDER BY id`)

test('what is too old is swept, and of a deleted endpoint everything', async () => {
  const endpoint = await makeEndpoint(db)
  for (let made = 0; made < 3; made++) await testEndpoint(db, endpoint)
  const [first, second] = await rowsOf()
  await db.sql(
    "UPDATE vision_webhook_deliveries SET status = 'delivered', due_at = UTC_TIMESTAMP(3) - INTERVAL 8 DAY WHERE id = ?",
    [first?.id],
  )
  await db.sql('UPDATE vision_webhook_deliveries SET expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [second?.id])
  await db.sql("UPDATE vision_webhook_endpoints SET swept_at = '2026-01-01'")
  await sweepWebhooks(db)
  expect(await rowsOf('status, error')).toEqual([
    { status: 'failed', error: 'expired' },
    { status: 'pending', error: null },
  ])
  await deleteEndpoint(db, endpoint)
  const kept = await makeEndpoint(db)
  await testEndpoint(db, kept)
  // Until it is swept nobody is named any more, and nothing is sent.
  expect(
    JSON.stringify(await db.sql('SELECT * FROM vision_webhook_endpoints WHERE id = ?', [endpoint.endpointId])),
  ).not.toMatch(/user-1|shop\.example|whsec_/)
  expect((await leaseEndpoints(db, { quick: 9, degraded: 9 })).map(({ id }) => id)).toEqual([kept.endpointId])
  await sweepWebhooks(db)
  expect(await rowsOf('endpoint_id')).toEqual([{ endpoint_id: kept.endpointId }])
  expect(await db.sql('SELECT id FROM vision_webhook_endpoints')).toEqual([{ id: kept.endpointId }])
  // One that was written after the row had gone.
  await db.sql('DELETE FROM vision_webhook_endpoints')
  await db.sql('UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) - INTERVAL 8 DAY')
  await sweepWebhooks(db)
  expect(await rowsOf()).toEqual([])
})

test('a thousand old deliveries that are resent to an endpoint that fails hold up the deletion of no other', async () => {
  const [failing, other] = [await makeEndpoint(db, { url: 'https://shop.example/fails' }), await makeEndpoint(db)]
  await makeDeliveries(db, '/fails', 1_000)
  await testEndpoint(db, other)
  await db.sql(
    `UPDATE vision_webhook_deliveries SET created_at = UTC_TIMESTAMP(3) - INTERVAL 9 DAY,
      status = IF(endpoint_id = ?, status, 'failed'), due_at = due_at - INTERVAL IF(endpoint_id = ?, 0, 8) DAY`,
    [failing.endpointId, failing.endpointId],
  )
  await sweepWebhooks(db)
  const left = await rowsOf('endpoint_id')
  expect(left).toHaveLength(1_000)
  expect(left[999]).toEqual({ endpoint_id: failing.endpointId })
})

test('of an endpoint 10,000 deliveries are kept that wait, and as many of each that have ended, however many endpoints there are', async () => {
  const endpoint = await makeEndpoint(db)
  // It is looked through after these, which a sweep reads 20 at a time.
  await makeEndpoints(db, 21)
  await db.sql("UPDATE vision_webhook_endpoints SET swept_at = IF(id = ?, '2026-01-02', '2026-01-01')", [
    endpoint.endpointId,
  ])
  const extra = 3
  await db.sql(
    `INSERT INTO vision_webhook_deliveries (endpoint_id, type, version, data, status, due_at, expires_at, created_at)
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
      SELECT ?, 'webhook.test', 1 + s.i * 20000 + a.i * 101 + b.i, '{}', ELT(s.i + 1, 'failed', 'delivered', 'pending'),
        UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY, UTC_TIMESTAMP(3)
      FROM n a STRAIGHT_JOIN n b STRAIGHT_JOIN n s WHERE s.i < 3 AND a.i * 101 + b.i < ? ORDER BY 3`,
    [endpoint.endpointId, mostKept + extra],
  )
  await sweepWebhooks(db)
  // What waited too long in the line is told as given up; it is the newest that is kept.
  expect(
    await db.sql(
      'SELECT status, error, COUNT(*) AS deliveries, MIN(version) % 20000 AS oldest FROM vision_webhook_deliveries GROUP BY 1, 2 ORDER BY 1, 2',
    ),
  ).toEqual([
    { status: 'delivered', error: null, deliveries: mostKept, oldest: 1 + extra },
    { status: 'failed', error: null, deliveries: mostKept - extra, oldest: 1 + 2 * extra },
    { status: 'failed', error: 'too_many', deliveries: extra, oldest: 1 },
    { status: 'pending', error: null, deliveries: mostKept, oldest: 1 + extra },
  ])
})

test('its health says what waits, since when it could have been sent, and which endpoints fail or are disabled', async () => {
  const health = () => db.run(readWebhookHealth)
  const none = { count: 0, atLeast: false }
  const counted = (count: number) => ({ count, atLeast: false })
  const nothing = { enabled: none, failing: none, disabled: none }
  expect(await health()).toEqual({ waiting: none, failing: none, oldestDueSeconds: 0, endpoints: nothing })
  await makeEndpoints(db, 4)
  await db.sql("UPDATE vision_webhook_endpoints SET created_at = '2026-01-01'")
  const [live, putOff, disabled, deleted] = (await db.sql('SELECT id FROM vision_webhook_endpoints ORDER BY id')).map(
    ({ id }) => id,
  )
  await makeDeliveries(db, '', 3)
  const late =
    'UPDATE vision_webhook_deliveries SET due_at = UTC_TIMESTAMP(3) - INTERVAL ? SECOND WHERE endpoint_id = ?'
  for (const [seconds, id] of [
    [100, live],
    [90_000, putOff],
    [90_000, disabled],
    [90_000, deleted],
  ])
    await db.sql(late, [seconds, id])
  const change = (set: string, id: unknown) => db.sql(`UPDATE vision_webhook_endpoints SET ${set} WHERE id = ?`, [id])
  await change('failures = 3, retry_at = UTC_TIMESTAMP(3) + INTERVAL 300 SECOND', putOff)
  await change("disabled_reason = 'failing', failures = 9", disabled)
  await deleteEndpoint(db, { userId: 'many-3', endpointId: Number(deleted) })
  const endpoints = { enabled: counted(2), failing: counted(1), disabled: counted(1) }
  expect(await health()).toMatchObject({ waiting: counted(6), failing: counted(3), endpoints })
  const oldest = async () => Math.floor((await health()).oldestDueSeconds / 100)
  expect(await oldest()).toBe(1)
  await change('retry_at = UTC_TIMESTAMP(3) - INTERVAL 500 SECOND', putOff)
  expect(await oldest()).toBe(5)
  await makeDeliveries(db, '', 501)
  expect(await health()).toMatchObject({ waiting: { count: 1_000, atLeast: true } })
})

/** What a statement reads of indices and tables, in rows, on a connection of its own. */
const rowsRead = (what: (on: Database) => Promise<unknown>) =>
  db.run(async (on) => {
    const read = async () => {
      const [rows] = await on.execute(sql`SHOW SESSION STATUS LIKE 'Handler_read%'`)
      return (rows as unknown as { Value: string }[]).reduce((sum, { Value }) => sum + Number(Value), 0)
    }
    // Reading the counters counts too.
    const [first, before] = [await read(), await read()]
    await what({ ...db, run: (use) => use(on) })
    return (await read()) - before - (before - first)
  })

test('its health reads the endpoints that something waits for, and counts the others no further than it says', async () => {
  await makeEndpoints(db, 3_000, { url: 'https://shop.example/idle' })
  await makeEndpoints(db, 20, { url: 'https://shop.example/busy', prefix: 'busy' })
  await makeDeliveries(db, '/busy', 2)
  await db.sql("UPDATE vision_webhook_endpoints SET failures = 1 WHERE user_id IN ('busy-3', 'many-7')")
  await db.sql('ANALYZE TABLE vision_webhook_endpoints, vision_webhook_deliveries')
  const health = await db.run(readWebhookHealth)
  expect(health).toMatchObject({ waiting: { count: 40 }, failing: { count: 2 }, endpoints: { failing: { count: 2 } } })
  // The thousand and one enabled endpoints that are counted, each also in what is counted, and a few for each that is busy.
  expect(await rowsRead(({ run }) => run(readWebhookHealth))).toBeLessThan(2 * 1_001 + 20 * 20)
})

test('looking for what is due reads a few rows for each endpoint that something waits for, and none of the others', async () => {
  await makeEndpoints(db, 400, { url: 'https://shop.example/idle' })
  await makeEndpoints(db, 20, { url: 'https://shop.example/disabled', prefix: 'off' })
  // Of fewer the optimizer may think that reading all of them is as good.
  await makeDeliveries(db, '/disabled', 400)
  await db.sql("UPDATE vision_webhook_endpoints SET disabled_reason = 'failing' WHERE url LIKE '%/disabled'")
  await db.sql('ANALYZE TABLE vision_webhook_deliveries, vision_webhook_endpoints')
  expect(await rowsRead((on) => leaseEndpoints(on, { quick: 16, degraded: 64 }))).toBeLessThan(20 * 8)
  expect(await rowsRead(oldestDeliverySeconds)).toBeLessThan(20 * 5)
})
