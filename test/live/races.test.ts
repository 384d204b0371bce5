import { afterEach, beforeEach, expect } from 'vitest'
import { createBatch, joining } from '../../core/batches/batches.ts'
import type { Database } from '../../core/database/client.ts'
import { restPolls } from '../../core/live/changes/batch-ends.ts'
import { type Changes, createChanges } from '../../core/live/changes/changes.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { readClock } from '../../core/queue/read/changes.ts'
import { makeJobs } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { type HandClock, handClock } from '../support/hand-clock.ts'

// A poll that finds a changed job, whose batch has ended, sends these statements, one after the other.
const [changesRead, rowsRead, closedRead, statesRead, changesReadAgain] = [1, 2, 3, 4, 5]

let clock: HandClock
let changes: Changes
let errors: unknown[]
const leaving: (() => void)[] = []

beforeEach(() => {
  clock = handClock()
  errors = []
})
afterEach(async () => {
  for (const leave of leaving.splice(0)) leave()
  await changes.settled()
})

/** A database whose statements can be met by something, counted from then on: before they are sent, or after they were executed. */
function meetable(direct: TestDatabase) {
  const meetings = new Map<string, () => Promise<void> | void>()
  let statements = 0
  const meet = async (when: string) => {
    const meeting = meetings.get(when)
    meetings.delete(when)
    await meeting?.()
  }
  const database: Database = {
    ...direct,
    run: async (work, ...rest) => {
      const nth = ++statements
      await meet(`before ${nth}`)
      const result = await direct.run(work, ...rest)
      await meet(`after ${nth}`)
      return result
    },
  }
  return {
    database,
    on: (when: 'before' | 'after', nth: number, meeting: () => Promise<void> | void) => {
      statements = 0
      meetings.set(`${when} ${nth}`, meeting)
    },
    statements: () => statements,
  }
}

function open(direct: TestDatabase) {
  const met = meetable(direct)
  changes = createChanges({
    database: met.database,
    everyMs: 1_000,
    sleep: clock.sleep,
    onError: (error) => errors.push(error),
  })
  return met
}

/** Follows the user, and notes what is told: `<job> <version>`, `<batch> ended` or `<batch> goes on`. */
async function follow(direct: TestDatabase) {
  const gone = new AbortController()
  const told: string[] = []
  const follower = changes.follow('ann', await readClock(direct), gone.signal)
  void (async () => {
    for (;;) {
      const news = await follower.next()
      for (const { jobId, version } of news?.jobs ?? []) told.push(`${jobId} ${version}`)
      for (const { batchId, state } of news?.batches ?? [])
        told.push(`${batchId} ${state?.ended ? 'ended' : 'goes on'}`)
    }
  })().catch(() => undefined)
  const leave = () => gone.abort(new Error('left'))
  leaving.push(leave)
  return { told, follower, leave }
}

/** A batch of pending jobs. */
async function makeBatch(direct: TestDatabase, count = 1) {
  const { batchId } = await createBatch(direct, 'ann', { name: null, defaults: {}, onInvalid: 'refuse' })
  const ids = await makeJobs(direct, count, { userId: 'ann', batch: joining({ userId: 'ann', batchId }) })
  return { batchId, ids, jobId: ids[0] ?? 0 }
}

const cancel = async (direct: TestDatabase, jobId: number) => {
  await cancelVisionJob(direct, { jobId, userId: 'ann' })
}
/** Has all changes lie further back than a new watcher looks. */
const age = (direct: TestDatabase) => direct.sql('UPDATE vision_jobs SET updated_at = updated_at - INTERVAL 1 HOUR')

async function look(times = 1): Promise<void> {
  for (let n = 0; n < times; n++) await clock.tick()
}

test.for([
  ['its changes are read', changesRead],
  ['its rows are read', rowsRead],
  ['the states of batches are read', closedRead],
  ['the counts of batches are read', statesRead],
  ['its changes are read again', changesReadAgain],
] as const)('who asks for a batch while %s for somebody who has left is told of its end', async ([_, nth], { db }) => {
  const met = open(db)
  const { batchId, jobId } = await makeBatch(db)
  await cancel(db, jobId)
  const first = await follow(db)
  const second: Awaited<ReturnType<typeof follow>>[] = []
  met.on('after', nth, async () => {
    await age(db)
    first.leave()
    const next = await follow(db)
    next.follower.ask([batchId])
    second.push(next)
  })
  await look(4)
  expect(second.map(({ told }) => told)).toEqual([[`${batchId} ended`]])
  expect(errors).toEqual([])
})

test('who has left and asks nevertheless takes no check over from who came after', async ({ db }) => {
  open(db)
  const { batchId, jobId } = await makeBatch(db)
  await cancel(db, jobId)
  await age(db)
  const first = await follow(db)
  first.leave()
  const second = await follow(db)
  second.follower.ask([batchId])
  first.follower.ask([batchId])
  await look(2)
  expect(second.told).toEqual([`${batchId} ended`])
})

test('who asks for a batch while its state is read gets one that was read after that', async ({ db }) => {
  const met = open(db)
  const { batchId, jobId } = await makeBatch(db)
  const first = await follow(db)
  await look()
  first.told.length = 0
  first.follower.ask([batchId])
  const second: Awaited<ReturnType<typeof follow>>[] = []
  // Of a look that finds no change, the third statement counts.
  met.on('after', 3, async () => {
    await cancel(db, jobId)
    await age(db)
    const next = await follow(db)
    next.follower.ask([batchId])
    second.push(next)
  })
  await look(3)
  expect(second.map(({ told }) => told)).toEqual([[`${batchId} ended`]])
  expect(first.told).toEqual([`${batchId} ended`])
})

test('polls follow each other, also where all who were polled for have left', async ({ db }) => {
  const met = open(db)
  const { jobId } = await makeBatch(db, 2)
  await cancel(db, jobId)
  const first = await follow(db)
  let during = 0
  met.on('after', statesRead, async () => {
    first.leave()
    await follow(db)
    clock.wake()
    await new Promise((resolve) => setImmediate(resolve))
    during = met.statements()
  })
  await look(2)
  expect(during).toBe(statesRead)
  expect(errors).toEqual([])
})

test.for([changesRead, rowsRead, closedRead, statesRead, changesReadAgain])(
  'a poll whose statement %s fails loses nothing and tells nothing twice',
  async (nth, { db }) => {
    const met = open(db)
    const { batchId, jobId } = await makeBatch(db)
    await cancel(db, jobId)
    const { told } = await follow(db)
    met.on('before', nth, () => {
      throw new Error('broken')
    })
    await look(4)
    expect(told).toEqual([`${jobId} 2`, `${batchId} ended`])
    expect(errors).toMatchObject([{ message: 'broken' }])
  },
)

test('a batch whose last job ends while it is counted has one end', async ({ db }) => {
  const met = open(db)
  const { batchId, ids } = await makeBatch(db, 2)
  const [first = 0, last = 0] = ids
  await cancel(db, first)
  const { told } = await follow(db)
  met.on('before', closedRead, () => cancel(db, last))
  await look(4)
  expect(told).toEqual([`${last} 1`, `${first} 2`, `${last} 2`, `${batchId} ended`])
})

test('who joins while an end is held is told of it once', async ({ db }) => {
  const met = open(db)
  const { batchId, jobId } = await makeBatch(db)
  await cancel(db, jobId)
  const first = await follow(db)
  const second: Awaited<ReturnType<typeof follow>>[] = []
  met.on('before', changesReadAgain, async () => {
    const next = await follow(db)
    next.follower.ask([batchId])
    second.push(next)
  })
  await look(4)
  expect([first, ...second].map(({ told }) => told)).toEqual([[`${jobId} 2`, `${batchId} ended`], [`${batchId} ended`]])
})

test.for([true, false])(
  'whoever watches a batch that has ended and takes jobs yet is told of its closing or deletion, one with jobs: %s',
  async (hasJobs, { db }) => {
    const met = open(db)
    const { batchId, jobId } = await makeBatch(db, hasJobs ? 1 : 0)
    if (hasJobs) await cancel(db, jobId)
    await age(db)
    const gone = new AbortController()
    leaving.push(() => gone.abort(new Error('left')))
    const told: unknown[] = []
    const follower = changes.follow('ann', await readClock(db), gone.signal, batchId)
    void (async () => {
      for (;;) {
        const { batches } = (await follower.next()) ?? { batches: [] }
        for (const { state, closed } of batches) told.push(state ? [state.jobs, state.ended, closed] : 'deleted')
      }
    })().catch(() => undefined)
    follower.ask([batchId])
    // As long as a batch without jobs is looked at in each poll.
    await look(22)
    expect(told).toEqual([hasJobs ? [1, true, false] : [0, false, false]])
    // Then it is read in one poll of ten: two statements beside those that look for changes.
    met.on('before', 100, () => undefined)
    await look(restPolls)
    expect(met.statements()).toBe(restPolls + 2)
    if (hasJobs) await db.sql(`UPDATE vision_batches SET closes_at = UTC_TIMESTAMP(3) WHERE id = ${batchId}`)
    else await db.sql(`DELETE FROM vision_batches WHERE id = ${batchId}`)
    await look(restPolls + 1)
    expect(told.slice(1)).toEqual([hasJobs ? [1, true, true] : 'deleted'])
    // Nothing is read of it any more.
    met.on('before', 100, () => undefined)
    await look(restPolls)
    expect(met.statements()).toBe(restPolls)
    expect(errors).toEqual([])
  },
)
