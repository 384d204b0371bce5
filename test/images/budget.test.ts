import { expect, test } from 'vitest'
import { createByteBudget } from '../../core/images/budget.ts'

const never = new AbortController().signal
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  promise.then(
    () => {
      done = true
    },
    () => {
      done = true
    },
  )
  await new Promise((resolve) => setImmediate(resolve))
  return done
}

test('shares are given out until the budget is spent, and then in the order of asking', async () => {
  const budget = createByteBudget(100)
  const first = await budget.take(60, never)
  const large = budget.take(50, never)
  const small = budget.take(10, never)
  // The small one would fit, but it came later: else the large one might wait for ever.
  expect([await settled(large), await settled(small)]).toEqual([false, false])
  first.release()
  expect([await settled(large), await settled(small)]).toEqual([true, true])
})

test('what turns out smaller gives the rest back at once', async () => {
  const budget = createByteBudget(100)
  const first = await budget.take(100, never)
  const second = budget.take(90, never)
  expect(await settled(second)).toBe(false)
  first.shrinkTo(10)
  expect(await settled(second)).toBe(true)
})

test('releasing twice gives nothing away', async () => {
  const budget = createByteBudget(100)
  const first = await budget.take(100, never)
  first.release()
  first.release()
  await budget.take(100, never)
  expect(await settled(budget.take(1, never))).toBe(false)
})

test('what is larger than the whole budget is taken alone, not never', async () => {
  const budget = createByteBudget(100)
  const small = await budget.take(1, never)
  const huge = budget.take(500, never)
  expect(await settled(huge)).toBe(false)
  small.release()
  expect(await settled(huge)).toBe(true)
})

test('who stops waiting lets the next one through', async () => {
  const budget = createByteBudget(100)
  await budget.take(60, never)
  const controller = new AbortController()
  const gone = budget.take(50, controller.signal)
  const next = budget.take(40, never)
  const reason = new Error('the lease is lost')
  controller.abort(reason)
  await expect(gone).rejects.toBe(reason)
  expect(await settled(next)).toBe(true)
  await expect(budget.take(1, AbortSignal.abort(reason))).rejects.toBe(reason)
})
