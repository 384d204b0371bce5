import { expect } from 'vitest'
import { deletedEvent, eventsAfter, type JobEvent } from '../../core/live/events.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { getVisionJob, type JobWithOutputs } from '../../core/queue/read/read.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  claimOne,
  contentOutput,
  hour,
  makeJob,
  noCap,
  nothingSpent,
  passed,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

/** The states of a job on its way: a failed run, an analysis, a release, the content. */
async function longLife(): Promise<JobWithOutputs[]> {
  const jobId = await makeJob(database)
  const states: JobWithOutputs[] = []
  const look = async () => states.push(await getVisionJob(database, { jobId, userId: 'user-1' }))
  await look()
  const first = await claimOne(database)
  await look()
  await retryVisionJob(database, first, badAnswer, nothingSpent, { delayMs: hour, costsRetry: true })
  await look()
  await passed(database, 'available_at', jobId)
  await promoteDueVisionJobs(database, noCap)
  await look()
  const second = await claimOne(database)
  await look()
  await renewLeases(database, 'worker-1', [second], 60_000)
  await saveAnalysis(database, second, analysisOutput, nothingSpent)
  await look()
  await releaseVisionJob(database, second, 'content', nothingSpent)
  await look()
  const third = await claimOne(database, { lane: 'content' })
  await look()
  await completeVisionJob(database, third, contentOutput, nothingSpent)
  await look()
  return states
}

const told = (events: readonly JobEvent[]) => events.map(({ type, version }) => `${version} ${type}`)

test('a watcher that sees every state gets each version once', async () => {
  const states = await longLife()
  const events = states.flatMap((state, index) => eventsAfter(states[index - 1]?.job.version ?? 0, state))
  expect(told(events)).toEqual([
    '1 status',
    '2 status',
    '3 status',
    '4 status',
    '5 status',
    '6 analysis',
    '7 status',
    '8 status',
    '9 text',
    '10 completed',
  ])
  expect(events.map((event) => ('status' in event ? [event.status, event.step, event.progress] : []))).toEqual([
    ['pending', 'analysis', 0],
    ['processing', 'analysis', 10],
    ['scheduled', 'analysis', 0],
    ['pending', 'analysis', 0],
    ['processing', 'analysis', 10],
    ['processing', 'content', 60],
    ['pending', 'content', 50],
    ['processing', 'content', 60],
    [],
    ['completed', null, 100],
  ])
  expect(events[2]).toMatchObject({
    failures: 1,
    error: { code: 'analysis.invalid_answer' },
    nextTryAt: expect.any(String),
  })
  expect(events[5]).toMatchObject({ attempt: 2, analysis: { model: 'vision-model', result: { summary: 'a poster' } } })
  expect(events[8]).toMatchObject({ progress: 99, text: { textId: 1, result: { title: 'A poster' } } })
  expect(events[9]).toMatchObject({ error: null, content: { model: 'text-model', result: { title: 'A poster' } } })
})

test('a watcher that resumes at any time in any state misses nothing current, and gets nothing twice', async () => {
  const states = await longLife()
  for (const state of states) {
    const { version } = state.job
    for (let after = 0; after <= version; after++) {
      const events = eventsAfter(after, state)
      const ids = events.map((event) => event.version)
      expect(ids).toEqual([...ids].sort((a, b) => a - b))
      expect(ids.every((id) => id > after && id <= version)).toBe(true)
      // The newest is where the job stands, and the analysis is there unless it is known.
      expect(ids.at(-1)).toBe(after === version ? undefined : version)
      expect(ids.includes(6)).toBe(version >= 6 && after < 6)
      // And cut between two events, it goes on with the second.
      for (const [index, id] of ids.entries()) expect(eventsAfter(id, state)).toEqual(events.slice(index + 1))
    }
  }
})

test('a job that fails, is retried by hand and cancelled ends with an event each time', async () => {
  const jobId = await makeJob(database)
  const owned = { jobId, userId: 'user-1' }
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  expect(told(eventsAfter(2, await getVisionJob(database, owned)))).toEqual(['3 failed'])
  await redriveVisionJob(database, owned, { lifeMs: hour })
  expect(eventsAfter(3, await getVisionJob(database, owned))).toMatchObject([
    { type: 'status', version: 4, status: 'scheduled', failures: 0, error: null },
  ])
  await cancelVisionJob(database, owned)
  expect(eventsAfter(4, await getVisionJob(database, owned))).toMatchObject([
    { type: 'cancelled', version: 5, step: null, nextTryAt: null },
  ])
  expect(deletedEvent(jobId, 5)).toEqual({ type: 'deleted', jobId, version: 6 })
})
