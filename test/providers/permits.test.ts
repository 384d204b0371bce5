import { MySqlDialect } from 'drizzle-orm/mysql-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { VisionError } from '../../core/errors.ts'
import type { ProviderAccess } from '../../core/providers/access.ts'
import { readGates } from '../../core/providers/gates.ts'
import {
  inFlightQuery,
  type ProviderLimits,
  prunePermits,
  renewPermits,
  sentQuery,
  usageOf,
} from '../../core/providers/permits.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openLooker } from '../support/looker.ts'
import { accessTo } from '../support/providers.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  for (const table of ['vision_gates', 'vision_permits']) await database.sql(`DELETE FROM ${table}`)
})
afterAll(() => database.drop())

let workers = 0
const access = (gemini: ProviderLimits = {}, leaseMs = 60_000): ProviderAccess =>
  accessTo(database, { workerId: `worker-${++workers}`, limits: { gemini, deepseek: {} }, leaseMs })
const count = async (reserved: Promise<readonly unknown[]>) => (await reserved).length
/** Makes the calls that were sent, and the permits that run, so many seconds older. */
const later = (seconds: number) =>
  database.sql(
    'UPDATE vision_permits SET sent_at = sent_at - INTERVAL ? SECOND, expires_at = expires_at - INTERVAL ? SECOND',
    [seconds, seconds],
  )
const endPause = () => database.sql('UPDATE vision_gates SET paused_until = UTC_TIMESTAMP(3)')

describe('limits', () => {
  test('without any, all that is wanted is granted', async () => {
    expect(await count(access().reserve('gemini', 100))).toBe(100)
    expect(await count(access().reserve('gemini', 0))).toBe(0)
  })

  test.each<[string, ProviderLimits]>([
    ['requests a minute', { requestsPerMinute: 10 }],
    ['requests in flight', { requestsInFlight: 10 }],
    ['tokens a minute', { tokensPerMinute: 40_000 }],
  ])('%s are never passed, however many workers reserve at once, and of one provider alone', async (_, limits) => {
    const granted = await Promise.all(Array.from({ length: 16 }, () => count(access(limits).reserve('gemini', 3))))
    expect(granted.reduce((sum, one) => sum + one)).toBe(10)
    expect(await count(access(limits).reserve('gemini', 1))).toBe(0)
    expect(await count(access(limits).reserve('deepseek', 5))).toBe(5)
  })

  test('a call in flight makes room when it ends; in the minute it counts on', async () => {
    const worker = access({ requestsInFlight: 2, requestsPerMinute: 3 })
    const [first, second] = await worker.reserve('gemini', 5)
    await first?.sent()
    await second?.sent()
    await first?.end({ tokens: 10 })
    expect(await count(worker.reserve('gemini', 5))).toBe(1)
    expect(await database.run((on) => usageOf(on, 'gemini'))).toMatchObject({ perMinute: 3, inFlight: 2 })
    await later(62)
    expect(await count(worker.reserve('gemini', 5))).toBe(2)
  })

  test('what is reserved counts until it is sent, however long that takes, and from then on for a minute', async () => {
    const limits = { requestsPerMinute: 1 }
    const [permit] = await access(limits, 600_000).reserve('gemini', 1)
    await later(120)
    expect(await count(access(limits).reserve('gemini', 1))).toBe(0)
    await permit?.sent()
    await later(59)
    expect(await count(access(limits).reserve('gemini', 1))).toBe(0)
    await later(3)
    expect(await count(access(limits).reserve('gemini', 1))).toBe(1)
  })

  test('a permit that is not used is given back, and counts no more', async () => {
    const worker = access({ requestsPerMinute: 1 })
    const [permit] = await worker.reserve('gemini', 1)
    expect(await permit?.end({ cutOff: true })).toBe(false)
    expect(await database.sql('SELECT * FROM vision_permits')).toEqual([])
    expect(await count(worker.reserve('gemini', 1))).toBe(1)
  })

  test('calls are reckoned with what they took of late', async () => {
    const worker = access({ tokensPerMinute: 40_000 })
    const permits = await worker.reserve('gemini', 4)
    for (const permit of permits) {
      await permit.sent()
      await permit.end({ tokens: 1_000 })
    }
    expect(await count(worker.reserve('gemini', 100))).toBe(36)
  })

  test('a call that takes more than the whole limit goes alone', async () => {
    const worker = access({ tokensPerMinute: 100 })
    const [permit, ...others] = await worker.reserve('gemini', 5)
    expect(others).toEqual([])
    await permit?.sent()
    await permit?.end({ tokens: 5_000 })
    expect(await count(worker.reserve('gemini', 1))).toBe(0)
    await later(62)
    expect(await count(worker.reserve('gemini', 1))).toBe(1)
  })

  test('the permits of a dead worker expire; a live one renews its own', async () => {
    const limits = { requestsInFlight: 2 }
    const dead = access(limits)
    const live = access(limits)
    await dead.reserve('gemini', 1)
    await live.reserve('gemini', 1)
    await later(50)
    await live.renew()
    await later(15)
    expect(await count(access(limits).reserve('gemini', 5))).toBe(1)
  })

  test('a permit that has ended is not brought back by a renewal that was under way', async () => {
    const worker = access({ requestsInFlight: 1 })
    const [permit] = await worker.reserve('gemini', 1)
    await permit?.sent()
    await permit?.end({})
    const [row] = await database.sql('SELECT id FROM vision_permits')
    await renewPermits(database, [String(row?.id)], 60_000)
    expect(await count(worker.reserve('gemini', 1))).toBe(1)
  })
})

describe('a provider in trouble', () => {
  const fail = async (worker: ProviderAccess, code: 'analysis.unavailable' | 'analysis.rate_limited') => {
    const [permit] = await worker.reserve('gemini', 1)
    await permit?.sent()
    return permit?.end({ error: new VisionError(code) })
  }
  const bringDown = async () => {
    const worker = access()
    for (let time = 0; time < 5; time++) await fail(worker, 'analysis.unavailable')
  }

  test('grants nothing while it is paused', async () => {
    await fail(access(), 'analysis.rate_limited')
    expect(await count(access().reserve('gemini', 5))).toBe(0)
    expect(await count(access().reserve('deepseek', 5))).toBe(5)
  })

  test('that is down lets one probe at a time through, among all workers', async () => {
    await bringDown()
    await endPause()
    const granted = await Promise.all(Array.from({ length: 8 }, () => access().reserve('gemini', 5)))
    const probes = granted.flat()
    expect(probes).toHaveLength(1)
    await probes[0]?.sent()
    expect(await probes[0]?.end({ error: new VisionError('analysis.timed_out') })).toBe(true)
    expect(await count(access().reserve('gemini', 5))).toBe(0)
    await endPause()
    const [next] = await access().reserve('gemini', 5)
    await next?.sent()
    expect(await next?.end({ tokens: 5 })).toBe(false)
    expect(await count(access().reserve('gemini', 5))).toBe(5)
  })

  test('that is down is probed by another when the first probe’s worker has died, or did not use it', async () => {
    await bringDown()
    await endPause()
    expect(await count(access().reserve('gemini', 1))).toBe(1)
    await later(61)
    const [unused] = await access().reserve('gemini', 1)
    await unused?.end({ error: new VisionError('image.not_found') })
    expect(await count(access().reserve('gemini', 1))).toBe(1)
  })

  test.each<[string, VisionError | undefined]>([
    ['an answer', undefined],
    ['an answer that does not fit', new VisionError('analysis.invalid_answer')],
    ['a refusal of this one image', new VisionError('analysis.blocked')],
  ])('is back with %s', async (_, error) => {
    await bringDown()
    await endPause()
    const [probe] = await access().reserve('gemini', 1)
    await probe?.sent()
    await probe?.end({ error })
    expect((await database.run(readGates)).gemini).toMatchObject({ downSince: null, strikes: 0, pauses: 0 })
  })

  test.each([
    ['a call that we cut off ourselves', { cutOff: true }],
    ['a failure of our own', { error: new VisionError('internal.error') }],
  ])('%s says nothing of it', async (_, end) => {
    await bringDown()
    await endPause()
    const [probe] = await access().reserve('gemini', 1)
    await probe?.sent()
    await probe?.end(end)
    expect((await database.run(readGates)).gemini).toMatchObject({
      downSince: expect.any(Date),
      strikes: 5,
      pauses: 1,
      pausedMs: 0,
    })
  })
})

test('a call that the database let wait for more than a second is marked anew', async () => {
  let now = 0
  const worker = accessTo(database, {
    workerId: 'slow',
    // Two seconds pass during the first mark, and none during the second.
    now: () => (now += now === 0 ? 1 : now === 1 ? 2_000 : 0),
  })
  const [permit] = await worker.reserve('gemini', 1)
  const mark = async () => (await database.sql('SELECT sent_at FROM vision_permits'))[0]?.sent_at
  await permit?.sent()
  expect(await mark()).not.toBeNull()
  expect(now).toBe(2_001)
})

test('permits are pruned when they count in no limit any more', async () => {
  const worker = access({}, 600_000)
  const [ended, unsent, fresh] = await worker.reserve('gemini', 3)
  await ended?.sent()
  await ended?.end({})
  await later(1_000)
  await fresh?.sent()
  expect(unsent).toBeDefined()
  await prunePermits(database)
  expect(await database.sql('SELECT sent_at FROM vision_permits')).toHaveLength(1)
})

test('a call that takes longer than permits are kept is in flight for as long as it is renewed', async () => {
  const worker = access({ requestsInFlight: 1 })
  const [permit] = await worker.reserve('gemini', 1)
  await permit?.sent()
  await later(400)
  await worker.renew()
  await prunePermits(database)
  expect(await count(worker.reserve('gemini', 1))).toBe(0)
})

test('counting reads what counts and nothing else, however many permits there have been', async () => {
  await database.sql(
    `INSERT INTO vision_permits (id, provider, sent_at, tokens)
       SELECT CONCAT('old:', n), 'gemini', UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE, 10 FROM (
         SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM ${['a', 'b', 'c', 'e']
           .map(
             (name) =>
               `(SELECT 0 d ${Array.from({ length: 9 }, (_, d) => `UNION ALL SELECT ${d + 1}`).join(' ')}) ${name}`,
           )
           .join(', ')}) numbers`,
  )
  await database.sql('ANALYZE TABLE vision_permits')
  const permits = await access().reserve('gemini', 20)
  await Promise.all(permits.slice(0, 10).map((permit) => permit.sent()))
  const looker = await openLooker(database.url)
  const dialect = new MySqlDialect()
  for (const query of [sentQuery('gemini', 61_000), inFlightQuery('gemini')]) {
    const { sql, params } = dialect.sqlToQuery(query)
    expect(await looker.readsOf(sql, params)).toBeLessThan(40)
  }
  await looker.close()
})
