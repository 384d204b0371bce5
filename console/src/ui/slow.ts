import { signal } from '@preact/signals'

/** A wait that is shorter than this, in milliseconds, is not told: it would only flicker. */
const noticeableMs = 500
/** Whether something that the page reads takes noticeably long. */
export const isSlow = signal(false)
let waiting = 0

/** Tells the reader if this takes long. */
export async function tellIfSlow<T>(work: Promise<T>): Promise<T> {
  let isTold = false
  const count = (by: number) => {
    waiting += by
    isSlow.value = waiting > 0
  }
  const timer = setTimeout(() => {
    isTold = true
    count(1)
  }, noticeableMs)
  try {
    return await work
  } finally {
    clearTimeout(timer)
    if (isTold) count(-1)
  }
}
