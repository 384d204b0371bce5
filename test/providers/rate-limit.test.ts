import { setTimeout as delay } from 'node:timers/promises'
import { MySqlDialect } from 'drizzle-orm/mysql-core'
import { describe, expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import type { Permit, ProviderAccess } from '../../core/providers/availability/permits.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import {
  inFlightQuery,
  prunePermits,
  renewPermits,
  sentQuery,
  usageOf,
} from '../../core/providers/availability/rate-limit.ts'
import type { ProviderLimits } from '../../core/providers/limits.ts'
import { openLooker } from '../support/database/looker.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

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
const marks = async () => (await database.sql('SELECT id FROM vision_permits WHERE sent_at IS NOT NULL')).length
/** The call goes out, and is noted, as one is where there are limits. */
const sent = async (permit: Permit | undefined) => {
  const before = await marks()
  expect(permit?.send()).toBe(true)
  await expect.poll(marks).toBe(before + 1)
}
const endPause = () => database.sql('UPDATE vision_provider_states SET backoff_until = UTC_TIMESTAMP(3)')

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

  test('a call in flight frees its place when it ends, and keeps counting in its minute', async () => {
    const worker = access({ requestsInFlight: 2, requestsPerMinute: 3 })
    const [first, second] = await worker.reserve('gemini', 5)
    await sent(first)
    await sent(second)
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
    await sent(permit)
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
      await sent(permit)
      await permit.end({ tokens: 1_000 })
    }
    expect(await count(worker.reserve('gemini', 100))).toBe(36)
  })

  test('a call that takes more than the whole limit goes alone', async () => {
    const worker = access({ tokensPerMinute: 100 })
    const [permit, ...others] = await worker.reserve('gemini', 5)
    expect(others).toEqual([])
    await sent(permit)
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
    await sent(permit)
    await permit?.end({})
    const [row] = await database.sql('SELECT id FROM vision_permits')
    await renewPermits(database, [String(row?.id)], 60_000)
    expect(await count(worker.reserve('gemini', 1))).toBe(1)
  })
})

const fail = async (worker: ProviderAccess, code: 'analysis.unavailable' | 'analysis.rate_limited') => {
  const [permit] = await worker.reserve('gemini', 1)
  expect(permit?.send()).toBe(true)
  return permit?.end({ error: new VisionError(code) })
}

describe('a failing provider', () => {
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
    expect(probes[0]?.send()).toBe(true)
    expect(await probes[0]?.end({ error: new VisionError('analysis.timed_out') })).toBe(true)
    expect(await count(access().reserve('gemini', 5))).toBe(0)
    await endPause()
    const [next] = await access().reserve('gemini', 5)
    expect(next?.send()).toBe(true)
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
    expect(probe?.send()).toBe(true)
    await probe?.end({ error })
    expect((await database.run(readProviderStates)).of('gemini')).toMatchObject({
      downSince: null,
      consecutiveFailures: 0,
      backoffs: 0,
    })
  })

  test.each([
    ['a call that we cut off ourselves', { cutOff: true }],
    ['a failure of our own', { error: new VisionError('internal.error') }],
  ])('%s says nothing of it', async (_, end) => {
    await bringDown()
    await endPause()
    const [probe] = await access().reserve('gemini', 1)
    expect(probe?.send()).toBe(true)
    await probe?.end(end)
    expect((await database.run(readProviderStates)).of('gemini')).toMatchObject({
      downSince: expect.any(Date),
      consecutiveFailures: 5,
      backoffs: 1,
      backoffMs: 0,
    })
  })
})

test('a database that does not answer holds no call up, and what it could not note counts until the permit expires and a minute longer', async () => {
  const proxied = await openProxied(database.url, { connections: 2, workMs: 2_000 })
  const { proxy } = proxied
  const limits = { requestsPerMinute: 1 }
  const worker = accessTo(proxied, { workerId: 'slow', limits: { gemini: limits, deepseek: {} } })
  const [permit] = await worker.reserve('gemini', 1)
  proxy.statements.length = 0
  proxy.delayAnswers(1_500)
  expect(permit?.send()).toBe(true)
  await expect.poll(marks).toBe(1)
  await delay(100)
  // Once, and not again and again until the database is quick.
  expect(proxy.statements.filter((one) => one.includes('SET sent_at'))).toHaveLength(1)
  await proxy.refuse()
  expect(await count(access(limits).reserve('gemini', 1))).toBe(0)
  await database.sql('UPDATE vision_permits SET sent_at = NULL')
  await later(100)
  expect(await count(access(limits).reserve('gemini', 1))).toBe(0)
  await later(30)
  expect(await count(access(limits).reserve('gemini', 1))).toBe(1)
  await proxied.close()
})

test('a permit that its worker could not renew in time is none', async () => {
  let now = 0
  const worker = accessTo(database, {
    workerId: 'late',
    limits: { gemini: { requestsInFlight: 5 }, deepseek: {} },
    now: () => now,
  })
  const [late, renewed] = await worker.reserve('gemini', 2)
  now = 60_001
  expect(late?.send()).toBe(false)
  await late?.end({})
  await worker.renew()
  expect(renewed?.send()).toBe(true)
})

describe('a provider that is well and has no limits', () => {
  test('costs one read for a call, and no lock and no row', async () => {
    const proxied = await openProxied(database.url, { connections: 2 })
    const { proxy } = proxied
    const worker = accessTo(proxied, { workerId: 'free' })
    const [permit] = await worker.reserve('gemini', 1)
    permit?.send()
    await permit?.end({ tokens: 5 })
    const [unused] = await worker.reserve('gemini', 1, (await database.run(readProviderStates)).of('gemini'))
    await worker.release(unused ? [unused] : [])
    expect(proxy.statements.filter((one) => one.includes('vision_'))).toEqual([expect.stringMatching(/^SELECT/)])
    expect(proxy.commits).toBe(0)
    await proxied.close()
  })

  test('gets no call any more from a worker that knows of its trouble, and then one from all of them', async () => {
    const worker = access()
    const [first, second, third] = await worker.reserve('gemini', 3)
    first?.send()
    await first?.end({ error: new VisionError('analysis.rate_limited') })
    expect(second?.send(), 'during the pause').toBe(false)
    await endPause()
    const [probe, ...others] = await worker.reserve('gemini', 3)
    expect(others).toEqual([])
    expect(third?.send(), 'beside the probe').toBe(false)
    expect(probe?.send()).toBe(true)
    expect(await count(access().reserve('gemini', 3))).toBe(0)
    await probe?.end({})
    expect(await count(access().reserve('gemini', 3))).toBe(3)
    expect(await database.sql('SELECT id FROM vision_permits')).toEqual([])
  })

  test('gets no call from a worker that has read its state before it heard of the failure', async () => {
    const worker = access()
    const before = (await database.run(readProviderStates)).of('gemini')
    const [call] = await worker.reserve('gemini', 1, before)
    call?.send()
    await call?.end({ error: new VisionError('analysis.rate_limited') })
    expect(await count(worker.reserve('gemini', 3, before))).toBe(0)
  })

  test('an answer to a call from before the pause does not end the probing', async () => {
    const worker = access()
    const [old, failed] = await worker.reserve('gemini', 2)
    old?.send()
    failed?.send()
    await failed?.end({ error: new VisionError('analysis.rate_limited') })
    await endPause()
    await old?.end({})
    expect((await database.run(readProviderStates)).of('gemini')).toMatchObject({ backoffs: 1 })
    expect(await count(worker.reserve('gemini', 3))).toBe(1)
  })

  test('an answer between its failures begins the count anew, also one to a call that was reserved before them', async () => {
    const worker = access()
    const [old] = await worker.reserve('gemini', 1)
    old?.send()
    for (let time = 0; time < 4; time++) await fail(worker, 'analysis.unavailable')
    await old?.end({})
    expect((await database.run(readProviderStates)).of('gemini')).toMatchObject({ consecutiveFailures: 0 })
  })
})

test('permits are pruned when they count in no limit any more', async () => {
  const worker = access({ requestsInFlight: 10 }, 600_000)
  const [ended, unsent, fresh] = await worker.reserve('gemini', 3)
  await sent(ended)
  await ended?.end({})
  await later(1_000)
  await sent(fresh)
  expect(unsent).toBeDefined()
  await prunePermits(database)
  expect(await database.sql('SELECT sent_at FROM vision_permits')).toHaveLength(1)
})

test('a call that takes longer than permits are kept is in flight for as long as it is renewed', async () => {
  const worker = access({ requestsInFlight: 1 })
  const [permit] = await worker.reserve('gemini', 1)
  await sent(permit)
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
  const permits = await access({ requestsInFlight: 100 }).reserve('gemini', 20)
  await Promise.all(permits.slice(0, 10).map((permit) => permit.send()))
  const looker = await openLooker(database.url)
  const dialect = new MySqlDialect()
  for (const query of [sentQuery('gemini', 61_000), inFlightQuery('gemini', 61_000)]) {
    const { sql, params } = dialect.sqlToQuery(query)
    expect(await looker.readsOf(sql, params)).toBeLessThan(40)
  }
  await looker.close()
})
