import { expect, test } from 'vitest'
import { createTicker } from '../../core/live/ticker.ts'
import { handClock } from '../support/hand-clock.ts'

/** Lets everything run that waits for nothing but promises. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

test('a run that a stop has left under way ends before the next one begins', async () => {
  const clock = handClock()
  const runs: (() => void)[] = []
  const work = () => new Promise<void>((resolve) => runs.push(resolve))
  const ticker = createTicker(1_000, clock.sleep, work, (error) => expect.unreachable(String(error)))
  ticker.start()
  clock.wake()
  await turns()
  expect(runs).toHaveLength(1)
  ticker.stop()
  ticker.start()
  clock.wake()
  await turns()
  expect(runs).toHaveLength(1)
  let settled = false
  void ticker.settled().then(() => (settled = true))
  await turns()
  expect(settled).toBe(false)
  runs[0]?.()
  await turns()
  expect([runs.length, settled]).toEqual([2, true])
  // One that was stopped while it waited does not run.
  ticker.stop()
  ticker.start()
  clock.wake()
  ticker.stop()
  runs[1]?.()
  await turns()
  expect([runs.length, clock.asleep()]).toEqual([2, 0])
})
