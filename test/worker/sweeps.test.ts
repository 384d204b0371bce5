import { expect, onTestFinished } from 'vitest'
import type { LogFields } from '../../core/platform/log.ts'
import { startSweeps } from '../../core/worker/sweeps.ts'
import { test } from '../support/database/test.ts'
import { startTestStorage } from '../support/images/storage.ts'

const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length

test('sweepers that have ended before their drain hold nothing up', async ({ db }) => {
  const storage = await startTestStorage()
  onTestFinished(() => storage.stop())
  const logged: [string, LogFields | undefined][] = []
  const log = (_: string, message: string, fields?: LogFields) => void logged.push([message, fields])
  const before = timers()
  const parts = { database: db, store: storage.store, log }
  const sweeps = startSweeps({ JOB_RETENTION_DAYS: 30 }, parts, { deadline: performance.now() + 300_000 })
  expect(timers()).toBeGreaterThan(before)
  await sweeps.ended
  const after = timers()
  sweeps.endSoon()
  expect(timers()).toBe(after)
  expect(logged).toEqual([])
})

test('sweepers that fail are told, and end', async ({ db }) => {
  const storage = await startTestStorage()
  onTestFinished(() => storage.stop())
  const logged: string[] = []
  const log = (level: string, message: string) => void logged.push(`${level}: ${message}`)
  const broken = {
    ...db,
    run: () => Promise.reject(new Error('away')),
    transact: () => Promise.reject(new Error('away')),
  }
  const parts = { database: broken, store: storage.store, log }
  const sweeps = startSweeps({ JOB_RETENTION_DAYS: 30 }, parts, { deadline: performance.now() + 300_000 })
  sweeps.endSoon()
  await sweeps.ended
  expect(logged).toContain('error: old jobs not pruned')
  expect(logged).toContain('error: sessions not swept')
  expect(logged.every((line) => line.startsWith('error: '))).toBe(true)
})
