import type { RunStats } from '../../drizzle/schema.ts'
import type { RunUsage } from './step.ts'

/** The measured durations: the job's wait before the run, loading the image, and the calls of each step. */
type Measured = keyof RunStats['durations']

/** The upper bounds of the histogram, in milliseconds; one more bucket lies beyond the last. */
export const statBounds = [
  50, 100, 200, 350, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000, 32_000, 60_000,
  120_000, 300_000, 600_000, 1_800_000, 3_600_000, 14_400_000, 86_400_000,
] as const

export function noStats(): RunStats {
  return { cost: 0, durations: { waiting: [], image: [], analysis: [], content: [] }, failed: {} }
}

/**
 * The stats of an ended run.
 *
 * @param waitingMs how long its job was pending before it
 * @param code the error of a failed job
 */
export function statsOf(waitingMs: number, { imageMs, analysis, content }: RunUsage, code?: string): RunStats {
  return {
    cost: (analysis?.cost ?? 0) + (content?.cost ?? 0),
    durations: {
      waiting: countOf(waitingMs),
      image: countOf(imageMs),
      analysis: countOf(analysis?.milliseconds),
      content: countOf(content?.milliseconds),
    },
    failed: code === undefined ? {} : { [code]: 1 },
  }
}

/** The stats of jobs that failed without a run of this worker. */
export function failedWithout(code: string, jobs: number): RunStats {
  return { ...noStats(), failed: jobs > 0 ? { [code]: jobs } : {} }
}

export function addStats(one: RunStats, other: RunStats): RunStats {
  return combine(one, other, (a, b) => a + b)
}

/** The difference to an earlier snapshot of the same stats. */
export function statsSince(before: RunStats, now: RunStats): RunStats {
  return combine(now, before, (a, b) => Math.max(0, a - b))
}

/** The median and the 95th percentile, in milliseconds. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
}

/** The upper bound of its bucket, so that no duration is understated; null without durations. */
export function percentilesOf(counts: readonly number[]): Percentiles | null {
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all === 0) return null
  const at = (share: number) => {
    let seen = 0
    const index = counts.findIndex((count) => {
      seen += count
      return seen >= all * share
    })
    return statBounds[Math.min(index, statBounds.length - 1)] ?? 0
  }
  return { p50: at(0.5), p95: at(0.95) }
}

function countOf(milliseconds: number | undefined): readonly number[] {
  if (milliseconds === undefined) return []
  const found = statBounds.findIndex((bound) => milliseconds <= bound)
  const index = found === -1 ? statBounds.length : found
  return Array.from({ length: index + 1 }, (_, at) => (at === index ? 1 : 0))
}

function combine(one: RunStats, other: RunStats, by: (a: number, b: number) => number): RunStats {
  const both = (name: Measured) => {
    const [a, b] = [one.durations[name], other.durations[name]]
    return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => by(a[at] ?? 0, b[at] ?? 0))
  }
  const codes = [...new Set([...Object.keys(one.failed), ...Object.keys(other.failed)])]
  const failed = codes.map((code) => [code, by(one.failed[code] ?? 0, other.failed[code] ?? 0)] as const)
  return {
    cost: by(one.cost, other.cost),
    durations: { waiting: both('waiting'), image: both('image'), analysis: both('analysis'), content: both('content') },
    failed: Object.fromEntries(failed.filter(([, jobs]) => jobs > 0)),
  }
}
