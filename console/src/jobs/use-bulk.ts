import { useEffect, useRef, useState } from 'preact/hooks'
import type { JobFilter } from 'vision-pipeline-client'
import type { ListedJob } from '../batch/feed.ts'
import { client } from '../session.ts'
import {
  type Change,
  type Count,
  type Counts,
  changeJobs,
  countJobs,
  type Outcome,
  type Target,
  theseJobs,
} from './bulk.ts'
import type { Work } from './bulk-bar.tsx'

/** What is selected on the page of jobs: some that are shown, or all that match its filters. */
export interface Selection {
  readonly some: ReadonlyMap<number, ListedJob>
  readonly matching?: JobFilter
}

export const nothing: Selection = { some: new Map() }

export interface Bulk {
  readonly counts: Counts | undefined
  /** Undefined while nothing is done. */
  readonly work: Work | undefined
  /** What became of the last change. */
  readonly ended: { readonly change: Change; readonly outcome: Outcome } | undefined
  readonly error: unknown
  readonly run: (change: Change) => void
  readonly forget: () => void
}

/** Counts and changes what is selected. @param done called when jobs were changed */
export function useBulk(selection: Selection, done: () => void): Bulk {
  const { some, matching } = selection
  const [found, setFound] = useState<{ readonly of: JobFilter; readonly counts: Counts }>()
  const [error, setError] = useState<unknown>()
  const [work, setWork] = useState<Work>()
  const [ended, setEnded] = useState<Bulk['ended']>()
  const stopping = useRef<AbortController>(undefined)
  useEffect(() => () => stopping.current?.abort(), [])
  useEffect(() => {
    setError(undefined)
    if (matching === undefined) return
    const left = new AbortController()
    countJobs(client.value, matching, left.signal).then(
      (counts) => setFound({ of: matching, counts }),
      (problem: unknown) => left.signal.aborted || setError(problem),
    )
    return () => left.abort()
  }, [matching])

  const ids = idsByChange([...some.values()])
  const counts = matching
    ? found?.of === matching
      ? found.counts
      : undefined
    : { retry: known(ids.retry), cancel: known(ids.cancel), delete: known(ids.delete) }

  const run = async (change: Change) => {
    if (counts === undefined) return
    // Of those that match, every one is looked at.
    const all = matching ? counts.delete : counts[change]
    const stop = new AbortController()
    stopping.current = stop
    const tell = (looked: number) => setWork({ change, looked, all, stop: () => stop.abort() })
    tell(0)
    setEnded(undefined)
    const target: Target = matching ? { filters: [matching] } : theseJobs(ids[change])
    const outcome = await changeJobs(client.value, change, target, { signal: stop.signal, onProgress: tell })
    setWork(undefined)
    setEnded({ change, outcome })
    done()
  }
  return { counts, work, ended, error, run: (change) => void run(change), forget: () => setEnded(undefined) }
}

function known(ids: readonly number[]): Count {
  return { jobs: ids.length, more: false }
}

function idsByChange(jobs: readonly ListedJob[]): Readonly<Record<Change, readonly number[]>> {
  const idsOf = (some: readonly ListedJob[]) => some.map(({ jobId }) => jobId)
  return {
    retry: idsOf(jobs.filter(({ status }) => status === 'failed')),
    cancel: idsOf(jobs.filter(({ status }) => !['completed', 'failed', 'cancelled'].includes(status))),
    delete: idsOf(jobs),
  }
}
