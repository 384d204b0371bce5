import { expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import { test } from '../support/database/test.ts'
import { accessTo } from '../support/providers/access.ts'

test('what a worker has read of the providers serves for a tenth of a second, and not past a failure of its own', async ({
  workerDatabase: database,
}) => {
  let clock = 0
  const worker = accessTo(database, { workerId: 'one', now: () => clock })
  const other = accessTo(database, { workerId: 'another' })
  const fail = async (access: typeof worker, provider: 'gemini' | 'deepseek') => {
    const [permit] = await access.reserve(provider, 1)
    expect(permit?.send()).toBe(true)
    await permit?.end({ error: new VisionError('content.misconfigured') })
  }
  const mayCall = async (provider: 'gemini' | 'deepseek') => (await worker.reserve(provider, 1)).length === 1

  expect(await mayCall('gemini')).toBe(true)
  await fail(other, 'deepseek')
  clock = 99
  expect(await mayCall('deepseek')).toBe(true)
  clock = 100
  expect(await mayCall('deepseek')).toBe(false)

  await database.sql('UPDATE vision_provider_states SET backoff_until = NULL, opened_at = NULL, backoffs = 0')
  expect(await mayCall('deepseek')).toBe(true)
  await fail(other, 'deepseek')
  expect(await mayCall('deepseek')).toBe(true)
  await fail(worker, 'gemini')
  expect(await mayCall('deepseek')).toBe(false)
})
