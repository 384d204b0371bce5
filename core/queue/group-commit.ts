import { setImmediate } from 'node:timers'
import type { Database } from '../database/client.ts'
import { VisionError } from '../domain/errors.ts'
import { LeaseLost } from '../domain/run.ts'
import type { RunChange } from './run-change.ts'
import { writeRuns } from './write-runs.ts'

/** At most so many changes are one transaction, and so many bytes of outputs: a packet of MariaDB's holds 16 MB. */
export const mostChanges = 200
const mostBytes = 2_000_000
/** So many transactions are under way at once: the second one gathers what comes while the first one commits. */
const mostUnderWay = 2

interface Waiting {
  readonly change: RunChange
  readonly done: PromiseWithResolvers<void>
}

const groups = new WeakMap<Database, (change: RunChange) => Promise<void>>()

/**
 * Makes what a run writes, together with what other runs write on the same database at the same time: whatever comes while a
 * commit is under way is the next one. Nothing waits for company, and each change succeeds or fails alone.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing of the change is made then
 */
export function commitChange(database: Database, change: RunChange): Promise<void> {
  const commit = groups.get(database) ?? createGroup(database)
  groups.set(database, commit)
  return commit(change)
}

function createGroup(database: Database): (change: RunChange) => Promise<void> {
  let waiting: readonly Waiting[] = []
  // Of one job one change after the other, in the order in which they came.
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
    // What is asked for in the same turn of the event loop goes along.
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
    // What was refused in company may be good alone, or is what spoilt it. What waits for a lock keeps nobody else waiting.
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

/** The database's trouble is that of all. */
function isAway(error: unknown): boolean {
  return error instanceof VisionError && error.code === 'database.unavailable'
}

/** The bytes of what is saved, about. */
function bytesOf({ output }: RunChange): number {
  return output === undefined ? 0 : JSON.stringify(output.made).length
}
