import type { RunStats } from '../../../drizzle/schema.ts'
import { addStats, noStats } from '../../domain/run-stats.ts'

/** The waits, durations and failures of a worker's runs, since its start. */
export interface StatsOfWorker {
  add(more: RunStats): void
  read(): RunStats
  /** A run that was released because of an error, which the metrics alone tell. */
  addReleased(code: string): void
  /** The runs that were released since the last call, by code. */
  takeReleased(): Readonly<Record<string, number>>
}

export function createStats(): StatsOfWorker {
  let stats = noStats()
  let released = new Map<string, number>()
  return {
    add: (more) => {
      stats = addStats(stats, more)
    },
    read: () => stats,
    addReleased: (code) => void released.set(code, (released.get(code) ?? 0) + 1),
    takeReleased: () => {
      const taken = Object.fromEntries(released)
      released = new Map()
      return taken
    },
  }
}
