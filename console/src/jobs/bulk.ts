import type { ChangedJobs, JobFilter, VisionClient } from 'vision-pipeline-client'

export type Change = 'retry' | 'cancel' | 'delete'

/** A number of jobs; with `more`, there are at least so many. */
export type Count = Pick<ChangedJobs, 'jobs' | 'more'>

/** How many jobs each change would touch. */
export type Counts = Readonly<Record<Change, Count>>

/** The jobs that a change is about. */
export interface Target {
  readonly filters: readonly JobFilter[]
  /** How many they are, where they are known one by one: those that are missing in the end are gone. */
  readonly known?: number
}

export interface Outcome extends Omit<ChangedJobs, 'more'> {
  /** The reader has stopped it. */
  readonly isStopped: boolean
  /** What ended it early. */
  readonly error?: unknown
}

/** As many ids as one filter takes. */
const idsAtOnce = 100

const methods = { retry: 'retryJobs', cancel: 'cancelJobs', delete: 'deleteJobs' } as const

/** Jobs that are known one by one. */
export function theseJobs(ids: readonly number[]): Target {
  const filters: JobFilter[] = []
  for (let at = 0; at < ids.length; at += idsAtOnce) filters.push({ ids: ids.slice(at, at + idsAtOnce) })
  return { filters, known: ids.length }
}

/** How many of the jobs that match a filter each change would touch. */
export async function countJobs(on: VisionClient, filter: JobFilter, signal?: AbortSignal): Promise<Counts> {
  const options = { dryRun: true, signal }
  const [retry, cancel, all] = await Promise.all([
    on.retryJobs(filter, options),
    on.cancelJobs(filter, options),
    on.deleteJobs(filter, options),
  ])
  return { retry, cancel, delete: all }
}

/** Changes jobs, call by call. What was done until it is stopped, or fails, stays done. */
export async function changeJobs(
  on: VisionClient,
  change: Change,
  { filters, known }: Target,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (looked: number) => void },
): Promise<Outcome> {
  let done: Omit<ChangedJobs, 'more'> = { jobs: 0, unchanged: 0, refused: [] }
  try {
    for (const filter of filters) {
      const before = done
      await on[methods[change]](filter, {
        signal,
        onProgress: (soFar) => {
          done = sumOf(before, soFar)
          onProgress(lookedAt(done))
        },
      })
    }
  } catch (error) {
    return signal.aborted ? { ...done, isStopped: true } : { ...done, isStopped: false, error }
  }
  const gone = known === undefined ? 0 : known - lookedAt(done)
  const missing = { jobs: 0, unchanged: 0, refused: [{ code: 'job.not_found' as const, jobs: gone, sample: [] }] }
  return { ...(gone > 0 ? sumOf(done, missing) : done), isStopped: false }
}

/** How many jobs something was decided about. */
function lookedAt({ jobs, unchanged, refused }: Omit<ChangedJobs, 'more'>): number {
  return refused.reduce((sum, group) => sum + group.jobs, jobs + unchanged)
}

type Sum = Omit<ChangedJobs, 'more'>

function sumOf(one: Sum, other: Sum): Sum {
  const refused = new Map(one.refused.map((group) => [group.code, group]))
  for (const group of other.refused) {
    const known = refused.get(group.code)
    refused.set(group.code, { ...group, jobs: group.jobs + (known?.jobs ?? 0) })
  }
  return { jobs: one.jobs + other.jobs, unchanged: one.unchanged + other.unchanged, refused: [...refused.values()] }
}
