import { expect, test } from 'vitest'
import { emptyTally } from '../../core/domain/tally.ts'
import { defaultPollerSeconds, tickSeconds } from '../../core/worker/schedule.ts'
import { createBell } from '../../core/worker/wake/bell.ts'
import { startSchedule } from '../../dev/parts/schedule.ts'

// That a deployment has the same: test/infra/url.test.ts.
test('npm start fires the poller as often as a deployment does, and gives it as much time', async () => {
  const events: string[] = []
  const times: number[] = []
  const thrice = Promise.withResolvers<void>()
  const poller = {
    drain: async ({ deadline }: { deadline: number }) => {
      events.push('fired')
      times.push(deadline - performance.now())
      return emptyTally()
    },
  }
  const started = performance.now()
  const schedule = startSchedule(poller, {
    bell: createBell(),
    log: () => undefined,
    wait: async (milliseconds, _, { signal }) => {
      events.push(`waits ${milliseconds / 1000} s`)
      if (events.length < 6) return
      thrice.resolve()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  await thrice.promise
  await schedule.stop()
  const once = ['fired', `waits ${tickSeconds} s`]
  expect(events).toEqual([...once, ...once, ...once])
  const passed = performance.now() - started
  for (const milliseconds of times) {
    expect(milliseconds).toBeLessThanOrEqual(defaultPollerSeconds * 1000)
    expect(milliseconds).toBeGreaterThan(defaultPollerSeconds * 1000 - passed)
  }
})
