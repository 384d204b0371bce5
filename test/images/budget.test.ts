import { expect, test } from 'vitest'
import { createByteBudget, type Share } from '../../core/images/budget.ts'

const never = new AbortController().signal
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  const note = () => {
    done = true
  }
  promise.then(note, note)
  await new Promise((resolve) => setImmediate(resolve))
  return done
}
const allSettled = (promises: readonly Promise<unknown>[]) => Promise.all(promises.map(settled))

test('room is given until the budget is spent, and then in the order of asking', async () => {
  const budget = createByteBudget(100)
  const first = budget.open('ann', 60)
  await first.growTo(60, never)
  const large = budget.open('ann', 50).growTo(50, never)
  const small = budget.open('ann', 10).growTo(10, never)
  // The small one would fit, but it came later: else the large one might wait for ever.
  expect(await allSettled([large, small])).toEqual([false, false])
  first.release()
  expect(await allSettled([large, small])).toEqual([true, true])
})

test('an image that turns out smaller gives the rest back at once', async () => {
  const budget = createByteBudget(100)
  const first = budget.open('ann', 100)
  await first.growTo(100, never)
  const second = budget.open('ann', 90).growTo(90, never)
  expect(await settled(second)).toBe(false)
  first.limitTo(10)
  expect(await settled(second)).toBe(true)
})

test('releasing twice gives nothing away, and a released image holds nothing', async () => {
  const budget = createByteBudget(100)
  const first = budget.open('ann', 100)
  await first.growTo(100, never)
  first.release()
  first.release()
  await budget.open('ann', 100).growTo(100, never)
  expect(await settled(budget.open('ann', 1).growTo(1, never))).toBe(false)
})

test('an image larger than the whole budget is taken alone, not never', async () => {
  const budget = createByteBudget(100)
  const small = budget.open('ann', 1)
  await small.growTo(1, never)
  const huge = budget.open('ann', 500).growTo(500, never)
  expect(await settled(huge)).toBe(false)
  small.release()
  expect(await settled(huge)).toBe(true)
})

test('a caller that stops waiting lets the next one through', async () => {
  const budget = createByteBudget(100)
  await budget.open('ann', 60).growTo(60, never)
  const controller = new AbortController()
  const gone = budget.open('ann', 50).growTo(50, controller.signal)
  const next = budget.open('ann', 40).growTo(40, never)
  const reason = new Error('the lease is lost')
  controller.abort(reason)
  await expect(gone).rejects.toBe(reason)
  expect(await settled(next)).toBe(true)
  await expect(budget.open('ann', 1).growTo(1, AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('bytes that were announced and have not arrived are not reserved', async () => {
  const budget = createByteBudget(60, 30)
  const drips = Array.from({ length: 10 }, () => budget.open('bob', 20))
  await Promise.all(drips.map((share) => share.growTo(1, never)))
  const large = budget.open('ann', 20)
  for (let bytes = 1; bytes <= 20; bytes++) await large.growTo(bytes, never)
})

test('images that arrive concurrently never deadlock, in any order', async () => {
  // Each step asks for one more byte of an image chosen by a fixed sequence; when none can go on, all are stuck.
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed
    const random = (below: number) => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    const budget = createByteBudget(60, 30)
    const images = Array.from({ length: 12 }, (_, index) => ({
      share: budget.open(`user-${index % 4}`, 20),
      bytes: 0,
      asking: undefined as Promise<void> | undefined,
    }))
    let left = [...images]
    while (left.length > 0) {
      const ready = left.filter(({ asking }) => asking === undefined)
      expect(ready.length, `seed ${seed}`).toBeGreaterThan(0)
      const image = ready[random(ready.length)] as (typeof images)[number]
      if (image.bytes === 20) {
        image.share.release()
        left = left.filter((other) => other !== image)
      } else {
        const asking = image.share.growTo(image.bytes + 1, never).then(() => {
          image.bytes++
          image.asking = undefined
        })
        image.asking = asking
      }
      for (let turn = 0; turn < 4; turn++) await Promise.resolve()
      const held = images.reduce(
        (sum, { bytes }, index) => (left.includes(images[index] as never) ? sum + bytes : sum),
        0,
      )
      expect(held).toBeLessThanOrEqual(60)
    }
  }
})

test('one that has begun goes before new ones, also before those that have asked earlier', async () => {
  const budget = createByteBudget(40)
  const large = budget.open('ann', 20)
  const full = budget.open('ann', 15)
  const begun = budget.open('ann', 20)
  await begun.growTo(5, never)
  await large.growTo(20, never)
  await full.growTo(15, never)
  const fresh = budget.open('bob', 1).growTo(1, never)
  const more = begun.growTo(6, never)
  expect(await allSettled([fresh, more])).toEqual([false, false])
  full.limitTo(14)
  expect(await allSettled([fresh, more])).toEqual([false, true])
  full.limitTo(13)
  expect(await settled(fresh)).toBe(true)
})

test('a user’s images take no more than a user’s share, and delay no other user', async () => {
  const budget = createByteBudget(60, 30)
  const open: Share[] = []
  const take = (userId: string, bytes: number) => {
    const share = budget.open(userId, bytes)
    open.push(share)
    return share.growTo(bytes, never)
  }
  expect(await allSettled([take('bob', 20), take('bob', 20), take('bob', 20)])).toEqual([true, false, false])
  expect(await allSettled([take('ann', 20), take('cy', 20), take('ann', 1)])).toEqual([true, true, false])
  open[0]?.release()
  expect(await settled(open[1]?.growTo(20, never) ?? Promise.reject(new Error('none')))).toBe(true)
})
