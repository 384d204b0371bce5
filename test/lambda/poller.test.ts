import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { emptyQueue, jobRow, statusOf } from '../support/database/jobs.ts'
import { type DeployedStack, startDeployedStack } from './stack.ts'

let stack: DeployedStack
beforeAll(async () => {
  stack = await startDeployedStack()
})
afterEach(async () => {
  stack.services.providers.faults.clear()
  await emptyQueue(stack.database)
  for (const table of ['vision_provider_states', 'vision_permits']) await stack.database.sql(`DELETE FROM ${table}`)
})
afterAll(() => stack.stop())

test('one instance works through tick after tick', async () => {
  const poller = await stack.start('poller')
  for (const _ of [1, 2]) {
    await stack.create()
    expect(await stack.drain(poller)).toMatchObject({ claimed: 1, completed: 1 })
  }
})

test('a poller whose time runs short returns before it would be ended, and gives back what it has not finished', async () => {
  const { jobId } = await stack.create()
  const { faults, calls } = stack.services.providers
  faults.add({ provider: 'gemini', kind: 'latency', latencyMs: 29_000 })
  const analyses = () => calls.counts().gemini.total
  const before = analyses()
  const poller = await stack.start('poller', { STEP_TIMEOUT_SECONDS: '30' })
  // A first step has 30 s for its call, 25 s for its image and 5 s for all to be settled; after 29 s there is no time for a second.
  expect(await stack.drain(poller, 62_000)).toMatchObject({ claimed: 1, completed: 0, released: 1, lost: 0 })
  const given = await jobRow(stack.database, jobId)
  expect(given).toMatchObject({ status: 'pending', next_step: 'content', failures: 0, lease_expires_at: null })

  expect(await stack.drain(poller)).toMatchObject({ claimed: 1, completed: 1 })
  expect(analyses() - before).toBe(1)
})

test('a poller that is killed loses nothing: the next one reclaims its job and completes it', async () => {
  const { jobId } = await stack.create()
  const { faults, calls } = stack.services.providers
  faults.add({ provider: 'gemini', kind: 'latency', latencyMs: 120_000 })
  const killed = await stack.start('poller', { JOB_LEASE_SECONDS: '2', JOB_RENEW_SECONDS: '1' })
  stack.drain(killed).catch(() => undefined)
  await vi.waitFor(() => expect(calls.counts().gemini.outcomes.waiting).toBe(1), 60_000)
  expect(await statusOf(stack.database, jobId)).toBe('processing')
  await killed.kill()
  const next = await stack.start('poller', { POLLER_IDLE_SECONDS: '10' })
  expect(await stack.drain(next)).toMatchObject({ reclaimed: 1, completed: 1 })
})
