import type { Budget } from '../usage/spend.ts'

/** The free places of a user's jobs in flight, and the budget for them. */
export class Places {
  #left: number
  #money: number
  #isIdle: boolean
  readonly #callCost: number

  /**
   * @param left how many jobs more there may be in flight
   * @param isIdle whether nothing is: then one goes as long as any money is left. An estimate above the whole limit must not stop
   *   everything
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

  /** How many of the first of these jobs there is room for; `calls` are those that each may take. */
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

  /** Takes the places of as many as there is room for. */
  take(calls: readonly number[]): number {
    const count = this.count(calls)
    for (const one of calls.slice(0, count)) this.#money -= one * this.#callCost
    this.#left -= count
    if (count > 0) this.#isIdle = false
    return count
  }

  /** Takes back the places of jobs that had one, with the money that was reckoned for them. */
  give(calls: readonly number[]): void {
    if (calls.length === 0) return
    this.#left += calls.length
    this.#money = Math.max(0, this.#money) + calls.reduce((sum, one) => sum + one, 0) * this.#callCost
  }
}
