import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readBody } from '../../core/images/body.ts'
import { startTimeLimit } from '../../core/images/time-limit.ts'
import { watchTransferRate } from '../../core/images/transfer-rate.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const slowest = { bytes: 100, ms: 1_000 }

test('a transfer that brings enough in every window goes on, and the first window with too little ends it', () => {
  const rate = watchTransferRate(slowest)
  for (let window = 0; window < 50; window++) {
    rate.arrived(60)
    vi.advanceTimersByTime(500)
    rate.arrived(40)
    vi.advanceTimersByTime(500)
    expect(rate.signal.aborted).toBe(false)
  }
  // However much came before.
  rate.arrived(1_000_000)
  vi.advanceTimersByTime(1_000)
  rate.arrived(99)
  vi.advanceTimersByTime(999)
  expect(rate.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(rate.signal.aborted).toBe(true)
})

test('the wait for room does not count, and after it a new window begins', async () => {
  const rate = watchTransferRate(slowest)
  vi.advanceTimersByTime(999)
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = rate.without(() => promise)
  vi.advanceTimersByTime(100_000)
  resolve()
  await waiting
  vi.advanceTimersByTime(999)
  expect(rate.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(rate.signal.aborted).toBe(true)
})

test('what has ended is watched no more', () => {
  watchTransferRate(slowest).clear()
  expect(vi.getTimerCount()).toBe(0)
})

test('what has ended while it waited for room is watched no more either', async () => {
  for (const watch of [watchTransferRate(slowest), startTimeLimit(1_000)]) {
    const { promise, reject } = Promise.withResolvers<void>()
    const waiting = watch.without(() => promise)
    watch.clear()
    reject(new Error('aborted'))
    await expect(waiting).rejects.toThrow('aborted')
  }
  expect(vi.getTimerCount()).toBe(0)
})

test('a body asks for room as it arrives, in steps, and at most for what it announces', async () => {
  const body = new PassThrough()
  const response = Object.assign(body, { headers: { 'content-length': '600000' } }) as unknown as IncomingMessage
  const grown: number[] = []
  const limits: number[] = []
  const reading = readBody(response, {
    maxBytes: 20_000_000,
    room: {
      limitTo: (bytes) => void limits.push(bytes),
      growTo: async (bytes) => void grown.push(bytes),
    },
    arrived: () => undefined,
    signal: new AbortController().signal,
  })
  for (const bytes of [1, 299_999, 300_000]) {
    body.write(Buffer.alloc(bytes))
    await new Promise((next) => setImmediate(next))
  }
  body.end()
  expect(await reading).toHaveLength(600_000)
  expect(limits).toEqual([600_000])
  // The first byte takes a step; the third step is as far as it goes.
  expect(grown[0]).toBe(262_144)
  expect(grown.at(-1)).toBeGreaterThanOrEqual(600_000)
  expect(grown.length).toBeLessThanOrEqual(3)
})

test('a body that waits for room is not read on meanwhile', async () => {
  const chunks = Array.from({ length: 100 }, () => Buffer.alloc(1_000))
  const body = Readable.from(chunks, { objectMode: false, highWaterMark: 1_000 })
  const response = Object.assign(body, { headers: {} }) as unknown as IncomingMessage
  const { promise, resolve } = Promise.withResolvers<void>()
  let arrived = 0
  const reading = readBody(response, {
    maxBytes: 20_000_000,
    room: { limitTo: () => undefined, growTo: () => promise },
    arrived: (bytes) => {
      arrived += bytes
    },
    signal: new AbortController().signal,
  })
  await new Promise((next) => setImmediate(next))
  expect(arrived).toBeLessThan(50_000)
  resolve()
  expect(await reading).toHaveLength(100_000)
})
