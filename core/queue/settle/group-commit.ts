import { setImmediate } from 'node:timers'
import type { Database } from '../../database/client.ts'
import { VisionError } from '../../domain/errors.ts'
import { LeaseLost } from '../../domain/run.ts'
import type { RunChange } from './run-change.ts'
import { writeRuns } from './write-runs.ts'

/** The most changes in one transaction, and the most bytes of outputs: a packet of MariaDB holds 16 MB. */
const mostChanges = 200
const mostBytes = 2_000_000
/** The most concurrent transactions: the second one gathers changes while the first one commits. */
const mostUnderWay = 2

interface Waiting {
  readonly change: RunChange
  readonly done: PromiseWithResolvers<void>
}

const groups = new WeakMap<Database, (change: RunChange) => Promise<void>>()

/**
 * Applies the writes of a run, grouped with those of other runs on the same database: changes that arrive during a commit
 * form the next group. Nothing waits for a group to fill, and each change succeeds or fails alone.
 *
 * @throws LeaseLost if the run no longer holds the job; its change is not made then
 */
export function commitChange(database: Database, change: RunChange): Promise<void> {
  const commit = groups.get(database) ?? createGroup(database)
  groups.set(database, commit)
  return commit(change)
}

function createGroup(database: Database): (change: RunChange) => Promise<void> {
  let waiting: readonly Waiting[] = []
  // The changes of a job are applied one after another, in order of arrival.
  const busy = new Set<number>()
  let underWay = 0
  let armed = false

  const take = (): readonly Waiting[] => {
    const taken: Waiting[] = []
    const left: Waiting[] = []
    const met = new Set(busy)
    let bytes = 0
    for (const one of waiting) {
      const { jobId } = one.change.run
      const size = bytesOf(one.change)
      const fits = taken.length < mostChanges && (taken.length === 0 || bytes + size <= mostBytes)
      if (met.has(jobId) || !fits) left.push(one)
      else {
        taken.push(one)
        bytes += size
      }
      met.add(jobId)
    }
    waiting = left
    return taken
  }

  const arm = () => {
    if (armed || underWay >= mostUnderWay || waiting.length === 0) return
    armed = true
    // Changes of the same tick of the event loop go into the same group.
    setImmediate(() => {
      armed = false
      const taken = take()
      if (taken.length > 0) void go(taken)
    })
  }

  const go = async (taken: readonly Waiting[]) => {
    underWay++
    for (const { change } of taken) busy.add(change.run.jobId)
    const settle = (one: Waiting, how: () => void) => {
      busy.delete(one.change.run.jobId)
      how()
    }
    let rest: readonly Waiting[] = []
    try {
      const made = await writeRuns(
        database,
        taken.map(({ change }) => change),
      )
      const left = taken.filter(({ change }) => !made.has(change))
      if (taken.length === 1) for (const one of left) settle(one, () => one.done.reject(new LeaseLost(one.change.run)))
      else rest = left
      for (const one of taken) if (made.has(one.change)) settle(one, one.done.resolve)
    } catch (error) {
      if (taken.length > 1 && !isAway(error)) rest = taken
      else for (const one of taken) settle(one, () => one.done.reject(error))
    }
    underWay--
    arm()
    // A change of a refused group may succeed alone, or may be the one that spoilt it. One that waits for a lock delays no
    // other.
    await Promise.all(
      rest.map(async (one) => {
        try {
          const made = await writeRuns(database, [one.change])
          settle(one, made.has(one.change) ? one.done.resolve : () => one.done.reject(new LeaseLost(one.change.run)))
        } catch (error) {
          settle(one, () => one.done.reject(error))
        }
      }),
    )
    arm()
  }

  return (change) => {
    const done = Promise.withResolvers<void>()
    waiting = [...waiting, { change, done }]
    arm()
    return done.promise
  }
}

/** The database is unavailable to all of them. */
function isAway(error: unknown): boolean {
  return error instanceof VisionError && error.code === 'database.unavailable'
}

/** The approximate number of bytes to be saved. */
function bytesOf({ output }: RunChange): number {
  return output === undefined ? 0 : JSON.stringify(output.made).length
}
