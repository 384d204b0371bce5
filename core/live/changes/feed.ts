import { inArray } from 'drizzle-orm'
import { visionJobs } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { getVisionJobsInFull, type JobWithOutputs } from '../../queue/read/read.ts'
import { createTicker, type Sleep } from '../ticker.ts'

/** The states of jobs as they change, for any number of watchers. */
export interface Feed {
  /**
   * The states of a job that are newer than a version, each the latest when it is requested: a slow watcher skips states,
   * and at most one is queued for it. Ends when the job is deleted. Throws the signal's reason when it is aborted.
   */
  watch(jobId: number, seen: number, signal: AbortSignal): AsyncIterable<JobWithOutputs>
  /** Resolves when no statement is under way for watchers that have left. */
  settled(): Promise<void>
}

export interface FeedOptions {
  readonly database: Database
  /** How often the database is polled, in milliseconds. */
  readonly everyMs: number
  readonly sleep: Sleep
  readonly onError: (error: unknown) => void
}

interface Watcher {
  /** The version of the latest state that it received or has queued. */
  seen: number
  /** The changes that it has not consumed yet. */
  latest: JobWithOutputs | undefined
  gone: boolean
  wake: () => void
}

/**
 * Reads the versions of all watched jobs in one statement, and in full only the jobs whose version is new to a watcher.
 * Does nothing while there are no watchers.
 */
export function createFeed({ database, everyMs, sleep, onError }: FeedOptions): Feed {
  const watched = new Map<number, Set<Watcher>>()

  const look = async () => {
    const versions = await readVersions(database, [...watched.keys()])
    const changed: number[] = []
    for (const [jobId, watchers] of watched) {
      const version = versions.get(jobId)
      // Jobs whose watchers came after the statement was sent are read in the next poll.
      if (version === undefined) continue
      if (version === 'gone') for (const watcher of watchers) vanish(watcher)
      else if ([...watchers].some((watcher) => watcher.seen < version)) changed.push(jobId)
    }
    if (changed.length === 0) return
    for (const state of await getVisionJobsInFull(database, changed)) {
      for (const watcher of watched.get(state.job.id) ?? []) offer(watcher, state)
    }
  }
  const ticker = createTicker(everyMs, sleep, look, onError)

  const add = (jobId: number, watcher: Watcher) => {
    watched.set(jobId, (watched.get(jobId) ?? new Set()).add(watcher))
    ticker.start()
  }
  const remove = (jobId: number, watcher: Watcher) => {
    const watchers = watched.get(jobId)
    watchers?.delete(watcher)
    if (watchers?.size === 0) watched.delete(jobId)
    if (watched.size === 0) ticker.stop()
  }

  return {
    watch: async function* (jobId, seen, signal) {
      signal.throwIfAborted()
      const watcher: Watcher = { seen, latest: undefined, gone: false, wake: () => undefined }
      const leave = () => {
        remove(jobId, watcher)
        watcher.wake()
      }
      add(jobId, watcher)
      signal.addEventListener('abort', leave)
      try {
        for (;;) {
          signal.throwIfAborted()
          const { latest } = watcher
          watcher.latest = undefined
          if (latest) yield latest
          else if (watcher.gone) return
          else await new Promise<void>((resolve) => (watcher.wake = resolve))
        }
      } finally {
        signal.removeEventListener('abort', leave)
        leave()
      }
    },
    settled: () => ticker.settled(),
  }
}

function offer(watcher: Watcher, state: JobWithOutputs): void {
  if (state.job.version <= watcher.seen) return
  watcher.seen = state.job.version
  watcher.latest = state
  watcher.wake()
}

function vanish(watcher: Watcher): void {
  watcher.gone = true
  watcher.wake()
}

async function readVersions(database: Database, ids: readonly number[]): Promise<ReadonlyMap<number, number | 'gone'>> {
  const rows = await database.run((on) =>
    on
      .select({ id: visionJobs.id, version: visionJobs.version })
      .from(visionJobs)
      .where(inArray(visionJobs.id, [...ids])),
  )
  return new Map<number, number | 'gone'>([
    ...ids.map((id) => [id, 'gone'] as const),
    ...rows.map((row) => [row.id, row.version] as const),
  ])
}
