import type { RunStats } from '../../../drizzle/schema.ts'
import { addStats, noStats } from '../../domain/run-stats.ts'

/** The waits, durations and failures of a worker's runs, since its start. */
export interface StatsOfWorker {
  add(more: RunStats): void
  read(): RunStats
}

export function createStats(): StatsOfWorker {
  let stats = noStats()
  return {
    add: (more) => {
      stats = addStats(stats, more)
    },
    read: () => stats,
  }
}
