import { expect } from 'vitest'
import { failedWithout, noStats, percentilesOf, statsOf } from '../../core/domain/run-stats.ts'
import { emptyTally } from '../../core/domain/tally.ts'
import { getMinutes, sumOfMinutes } from '../../core/worker/report/minutes.ts'
import { startHeartbeat } from '../../core/worker/report/registry.ts'
import { createStats } from '../../core/worker/report/stats.ts'
import { openLooker } from '../support/database/looker.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { eventually } from '../support/eventually.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

test('what workers report again and again is in their minutes once, whichever minutes these are', async () => {
  const stops = ['one', 'two'].map((workerId) => {
    const tally = emptyTally()
    const stats = createStats()
    const options = { database, workerId, concurrency: 1, everyMs: 10, log: () => undefined }
    const stop = startHeartbeat(options, () => ({ inFlight: 0, tally: { ...tally }, stats: stats.read() }))
    return { tally, stats, stop }
  })
  for (const { tally, stats } of stops) {
    for (let runs = 1; runs <= 5; runs++) {
      tally.failed++
      stats.add(statsOf(900, { imageMs: 10 }, 'image.not_found'))
      await eventually(async () => {
        const { tally: reported } = sumOfMinutes(await database.run((on) => getMinutes(on, 60)))
        expect(reported.failed % 5).toBe(runs % 5)
      })
    }
  }
  for (const { stop } of stops) await stop()
  const minutes = await database.run((on) => getMinutes(on, 60))
  const { tally, stats } = sumOfMinutes(minutes)
  expect([tally.failed, stats.failed]).toEqual([10, { 'image.not_found': 10 }])
  expect(percentilesOf(stats.durations.waiting)).toEqual({ p50: 1_000, p95: 1_000 })
  expect(Math.max(...minutes.map(({ workers }) => workers))).toBeLessThanOrEqual(2)
})

test('a day of a full fleet is read in pages along the key, and adds up; what is older is left out', async () => {
  const stats = JSON.stringify(failedWithout('job.expired', 1))
  await database.sql(
    `INSERT INTO vision_worker_minutes (minute, worker_id, completed, stats)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499)
     SELECT CAST(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS DATETIME(3)) - INTERVAL n.i MINUTE,
       CONCAT('worker-', w.i), 2, IF(w.i = 0, NULL, ?) FROM n JOIN n AS w WHERE w.i < 5`,
    [stats],
  )
  const through = await openProxied(database.url)
  const { proxy } = through
  const looker = await openLooker(database.url)
  try {
    const minutes = await through.run((on) => getMinutes(on, 400))
    // A minute may have begun since the rows were made.
    expect([399, 400]).toContain(minutes.length)
    expect(
      minutes.every(
        ({ workers, tally, stats: { failed } }) =>
          workers === 5 && tally.completed === 10 && failed['job.expired'] === 4,
      ),
    ).toBe(true)
    expect(minutes.map(({ minute }) => minute.getTime())).toEqual(
      minutes.map(({ minute }) => minute.getTime()).toSorted((a, b) => a - b),
    )
    const sent = proxy.statements.filter((one) => /vision_worker_minutes/.test(one))
    expect(sent.length).toBeLessThanOrEqual(3)
    for (const statement of sent) {
      expect(await looker.planOf(statement)).toMatchObject([{ key: 'PRIMARY', type: 'range' }])
      expect(await looker.readsOf(statement)).toBeLessThanOrEqual(1_010)
    }
  } finally {
    await looker.close()
    await through.close()
  }
})

test('a worker of a release that reported no stats is counted all the same', async () => {
  await database.sql(
    "INSERT INTO vision_worker_minutes (minute, worker_id, completed) VALUES (UTC_TIMESTAMP(3) - INTERVAL 2 MINUTE, 'old', 7)",
  )
  const [minute] = await database.run((on) => getMinutes(on, 5))
  expect(minute).toMatchObject({ workers: 1, tally: { completed: 7 }, stats: noStats() })
})
