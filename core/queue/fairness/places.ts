import type { Budget } from '../../usage/spend.ts'

/** The free places among a user's jobs in flight, and the budget for them. */
export class Places {
  #left: number
  #money: number
  #isIdle: boolean
  readonly #callCost: number

  /**
   * @param left how many more jobs may be in flight
   * @param isIdle whether none is in flight: then one is allowed while any money is left, since an estimate above the whole
   *   limit must not stop everything
   */
  constructor(left: number, { left: money, callCost }: Budget, isIdle: boolean) {
    this.#left = Math.max(0, left)
    this.#money = money
    this.#callCost = callCost
    this.#isIdle = isIdle
  }

  get left(): number {
    return this.#left
  }

  /** How many of the first of these jobs there is room for; `calls` are the most that each may take. */
  count(calls: readonly number[]): number {
    let money = this.#money
    let isIdle = this.#isIdle
    let count = 0
    for (const one of calls) {
      const suffices = money > 0 && (isIdle || one * this.#callCost <= money)
      if (count >= this.#left || !suffices) break
      money -= one * this.#callCost
      isIdle = false
      count++
    }
    return count
  }

  /** Takes places for as many of the jobs as there is room for. */
  take(calls: readonly number[]): number {
    const count = this.count(calls)
    for (const one of calls.slice(0, count)) this.#money -= one * this.#callCost
    this.#left -= count
    if (count > 0) this.#isIdle = false
    return count
  }

  /** Returns the places of jobs, with their share of the budget. */
  give(calls: readonly number[]): void {
    if (calls.length === 0) return
    this.#left += calls.length
    this.#money = Math.max(0, this.#money) + calls.reduce((sum, one) => sum + one, 0) * this.#callCost
  }
}
