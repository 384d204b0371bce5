import { type Connection, dataOf } from './connection.ts'
import type { components } from './openapi.ts'
import type { ChangedJobs, JobFilter } from './types.ts'
import { withSignal } from './upload.ts'

/** What can be done to many jobs by a filter. */
export type JobsChange = 'cancel' | 'retry' | 'delete'

export interface ChangeOptions {
  /** Counts and changes nothing: up to 10,000 jobs, and `more` if there are more. */
  readonly dryRun?: boolean | undefined
  /** How many jobs each call looks at: up to 500, which it is if left out. */
  readonly perCall?: number | undefined
  /** Ends between two calls, or in one, whose jobs may have been changed or not. */
  readonly signal?: AbortSignal | undefined
  /** Called after each call, with the totals so far. */
  readonly onProgress?: ((soFar: ChangedJobs) => void) | undefined
}

type Changed = components['schemas']['MatchingChange']

/**
 * Changes the jobs that fit a filter, call by call until there are no more, or counts them.
 *
 * @throws VisionError what a call throws: what earlier ones have done, `onProgress` was told
 */
export async function changeJobs(
  on: Connection,
  change: JobsChange,
  filter: JobFilter,
  { dryRun = false, perCall, signal, onProgress }: ChangeOptions = {},
): Promise<ChangedJobs> {
  let total: ChangedJobs = { jobs: 0, unchanged: 0, refused: [], more: false }
  for (let cursor: string | null = null; ; ) {
    const { nextCursor, ...changed }: Changed = await dataOf(
      on.api.POST(`/v1/jobs/${change}`, {
        body: {
          filter,
          dryRun,
          ...(perCall !== undefined && { limit: perCall }),
          ...(cursor !== null && { cursor }),
        },
        // What is done already is not done again.
        fetch: on.repeat,
        ...withSignal(signal),
      }),
    )
    total = add(total, changed)
    onProgress?.(total)
    cursor = nextCursor
    if (dryRun || cursor === null) return total
  }
}

function add(before: ChangedJobs, { jobs, unchanged, refused, more }: ChangedJobs): ChangedJobs {
  const codes = new Map(before.refused.map((group) => [group.code, group]))
  for (const { code, jobs: some, sample } of refused) {
    const known = codes.get(code)
    codes.set(code, {
      code,
      jobs: (known?.jobs ?? 0) + some,
      sample: [...(known?.sample ?? []), ...sample].slice(0, 20),
    })
  }
  return { jobs: before.jobs + jobs, unchanged: before.unchanged + unchanged, refused: [...codes.values()], more }
}
