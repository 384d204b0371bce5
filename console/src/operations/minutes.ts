import type { components } from '../../../client/src/openapi.ts'

export type Minute = components['schemas']['Minute']

/** A value for each minute of a span; null where no run says anything. */
export type Values = readonly (number | null)[]

export interface Course {
  /** The start of each minute, in milliseconds since 1970, the oldest first. */
  readonly starts: readonly number[]
  /** Completed jobs. */
  readonly throughput: Values
  /** Which share of the runs that ended went wrong, 0 to 1: as the status counts it. */
  readonly failureRate: Values
  /** The time that 95 of 100 jobs waited less than, in milliseconds. */
  readonly waiting: Values
  /** Dollars, of the calls whose price is known. */
  readonly cost: Values
}

const minuteMs = 60_000

/** What was reported, at one place for each of the last `length` minutes, that of `now` included. */
export function courseOf(minutes: readonly Minute[], now: number, length: number): Course {
  const latest = Math.floor(now / minuteMs) * minuteMs
  const starts = Array.from({ length }, (_, at) => latest - (length - 1 - at) * minuteMs)
  const reported = new Map(minutes.map((one) => [Date.parse(one.minute), one]))
  const valuesOf = (of: (one: Minute) => number | null, without: number | null) =>
    starts.map((start) => {
      const one = reported.get(start)
      return one === undefined ? without : of(one)
    })
  return {
    starts,
    throughput: valuesOf(({ completed }) => completed, 0),
    failureRate: valuesOf(failureRateOf, null),
    waiting: valuesOf(({ waitingMs }) => waitingMs?.p95 ?? null, null),
    cost: valuesOf(({ costUsd }) => costUsd, 0),
  }
}

/** How many runs went wrong: failed, to be tried again, or lost with their worker. */
export function wrongRunsOf({ failed, retried, reclaimed }: Minute): number {
  return failed + retried + reclaimed
}

/** The share of runs that went wrong; null where none ended. */
export function failureRateOf(minute: Minute): number | null {
  const wrong = wrongRunsOf(minute)
  const runs = minute.completed + wrong
  return runs === 0 ? null : wrong / runs
}

/** The largest value, and 0 where nothing is known. */
export function mostOf(values: Values): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
}

/**
 * The path of an SVG of 100 × 100 through these values, `most` at its top: broken where a value is null. One between two
 * that are null stands on the ground, since a dot would be overlooked.
 */
export function pathOf(values: Values, most: number): string {
  const x = (at: number) => round((at / Math.max(1, values.length - 1)) * 100)
  const y = (value: number) => round(100 - (most === 0 ? 0 : value / most) * 96)
  return values
    .map((value, at) => {
      if (value === null) return ''
      const isFirst = at === 0 || values[at - 1] === null
      const isAlone = isFirst && (at === values.length - 1 || values[at + 1] === null)
      return `${isFirst ? 'M' : 'L'}${x(at)} ${y(value)}${isAlone ? 'V100' : ''}`
    })
    .join('')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
