import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import type { TextRun } from '../../core/domain/run.ts'
import type { StepContext } from '../../core/domain/step.ts'
import { eventsAfter } from '../../core/live/events.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { redriveVisionJob, redriveVisionJobs } from '../../core/queue/change/redrive.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { getVisionJob } from '../../core/queue/read/read.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import {
  attemptRows,
  hour,
  jobRow,
  makeJob,
  noBackoff,
  noCap,
  owned,
  passed,
  spending,
} from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { eventually } from '../support/eventually.ts'
import { accessTo } from '../support/providers/access.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const outputs = (count: number) => [{ outputFormat: 'summary', language: 'en', variants: count }]
const gone = new VisionError('content.blocked')
const slow = new VisionError('content.timed_out')

type Write = (text: TextRun, context: StepContext) => Promise<void>

/** Steps whose texts are written by a function; says what was asked for, and how much was out at once. */
function steps(write: Write = async () => undefined) {
  const asked: string[] = []
  const seen = { out: 0, most: 0 }
  const call = async (what: string, { meter }: StepContext, work: () => Promise<void>) => {
    await meter.sent()
    asked.push(what)
    seen.most = Math.max(seen.most, ++seen.out)
    try {
      await delay(5)
      await work()
      meter.answered(spending())
    } finally {
      seen.out--
    }
    return { model: 'a model', body: { what } }
  }
  const all: Steps = {
    analysis: (_, context) => call('analysis', context, async () => undefined),
    content: (text, _, context) => call(`text ${text.text}`, context, () => write(text, context)),
  }
  return { all, asked, seen }
}

const run = (using: Steps, changes: Partial<WorkerOptions> = {}) =>
  drain(
    workerOptions(database, using, { concurrency: 1, textsAtOnce: 3, pollMs: 20, providerWaitMs: 0, ...changes }),
    inAMinute(),
  )

const textRows = (jobId: number) =>
  database.sql('SELECT * FROM vision_job_texts WHERE job_id = ? ORDER BY text', [jobId])
const statuses = async (jobId: number) => (await textRows(jobId)).map(({ status }) => status)

/** Makes what failed due at once, until nothing is left to do. */
async function runOut(using: Steps, jobId: number, changes: Partial<WorkerOptions> = {}) {
  for (let round = 0; round < 10; round++) {
    await run(using, changes)
    if ((await jobRow(database, jobId)).status !== 'scheduled') return
    await passed(database, 'available_at', jobId)
    await promoteDueVisionJobs(database, noCap)
  }
}

test('every text is made, several at once and no more than are allowed, each saved with its own version', async () => {
  const jobId = await makeJob(database, { outputs: outputs(8) })
  const { all, asked, seen } = steps()
  await run(all)
  expect(asked.toSorted()).toEqual(['analysis', ...[1, 2, 3, 4, 5, 6, 7, 8].map((text) => `text ${text}`)])
  expect(seen.most).toBe(3)
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', texts: 8, texts_completed: 8 })
  const rows = await textRows(jobId)
  expect(rows.map(({ status, revision }) => [status, revision])).toEqual(Array(8).fill(['completed', 1]))
  expect(new Set(rows.map(({ version }) => version)).size).toBe(8)
  const [attempt] = await attemptRows(database, jobId)
  expect(attempt).toMatchObject({ outcome: 'completed', content_calls: 8, content_cost: 56, possibly_billed: null })
  await expectLedgerOfRuns(database)
})

test('a watcher is told of every text with its result, and progress grows with each', async () => {
  const jobId = await makeJob(database, { outputs: outputs(3) })
  await run(steps().all, { textsAtOnce: 1 })
  const found = await getVisionJob(database, owned(jobId))
  const events = eventsAfter(0, found)
  expect(events.map(({ type, version }) => `${version} ${type}`)).toEqual([
    '3 analysis',
    '4 text',
    '5 text',
    '6 text',
    '7 completed',
  ])
  const texts = events.filter((event) => event.type === 'text')
  expect(texts.map(({ text }) => [text.textId, text.status, text.result])).toEqual(
    [1, 2, 3].map((number) => [number, 'completed', { what: `text ${number}` }]),
  )
  expect(texts.map(({ progress }) => progress)).toEqual([76, 93, 99])
  expect(events.at(-1)).toMatchObject({ content: { result: { what: 'text 1' } } })
})

test('a text that fails for good fails alone: the others are made, and a retry pays for nothing but this one', async () => {
  const jobId = await makeJob(database, { outputs: outputs(4) })
  const first = steps(async ({ text }) => {
    if (text === 2) throw gone
  })
  await run(first.all)
  expect(first.asked).toHaveLength(5)
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'failed', error_code: 'content.blocked', failures: 1 })
  expect(await statuses(jobId)).toEqual(['completed', 'failed', 'completed', 'completed'])
  const found = await getVisionJob(database, owned(jobId))
  expect(found.outputs.map(({ kind, text }) => `${kind} ${text}`).toSorted()).toEqual([
    'analysis 0',
    'content 1',
    'content 3',
    'content 4',
  ])
  expect(eventsAfter(0, found).at(-1)).toMatchObject({
    type: 'failed',
    missing: [{ textId: 2, error: { code: 'content.blocked' } }],
  })
  await redriveVisionJob(database, owned(jobId), { lifeMs: hour })
  expect(await statuses(jobId)).toEqual(['completed', 'waiting', 'completed', 'completed'])
  const again = steps()
  await runOut(again.all, jobId)
  expect(again.asked).toEqual(['text 2'])
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', texts_completed: 4, error_code: null })
  await expectLedgerOfRuns(database)
})

test('the last text’s failure is told of before that of its job, each with a version of its own', async () => {
  const jobId = await makeJob(database, { outputs: outputs(2) })
  await run(
    steps(async ({ text }) => {
      if (text === 2) throw gone
    }).all,
    { textsAtOnce: 1 },
  )
  const events = eventsAfter(3, await getVisionJob(database, owned(jobId)))
  expect(events.map(({ type, version }) => `${version} ${type}`)).toEqual(['4 text', '5 text', '6 failed'])
  expect(events[1]).toMatchObject({ text: { textId: 2, status: 'failed', error: { code: 'content.blocked' } } })
})

test('a text whose call may end better is left for the next run, which makes nothing else, until retries are spent', async () => {
  const jobId = await makeJob(database, { outputs: outputs(3), maxRetries: 1 })
  const failing = steps(async ({ text }) => {
    if (text === 1) throw slow
  })
  const retry = { baseMs: hour, capMs: hour, random: () => 0.9 }
  await run(failing.all, { retry })
  expect(await statuses(jobId)).toEqual(['waiting', 'completed', 'completed'])
  expect((await textRows(jobId))[0]).toMatchObject({ error_code: 'content.timed_out', revision: 0 })
  await passed(database, 'available_at', jobId)
  await run(failing.all, { retry })
  expect(failing.asked.filter((what) => what === 'text 1')).toHaveLength(2)
  expect(failing.asked).toHaveLength(5)
  expect(await jobRow(database, jobId)).toMatchObject({
    status: 'failed',
    failures: 2,
    error_code: 'content.timed_out',
  })
  expect(await statuses(jobId)).toEqual(['failed', 'completed', 'completed'])
  // The calls that were never answered may have been billed.
  expect((await attemptRows(database, jobId)).map((row) => row.possibly_billed_calls)).toEqual([1, 1])
  await redriveVisionJobs(database, { code: 'content.' }, { limit: 10, dryRun: false, lifeMs: hour })
  expect((await textRows(jobId))[0]).toMatchObject({ status: 'waiting', error_code: null })
  const again = steps()
  await runOut(again.all, jobId)
  expect(again.asked).toEqual(['text 1'])
})

test('with fewer permits than texts fewer are made at once, and all in one run', async () => {
  const jobId = await makeJob(database, { outputs: outputs(6) })
  const { all, seen } = steps()
  const workerId = 'limited'
  const limits = { gemini: {}, deepseek: { requestsInFlight: 2 } }
  await run(all, { workerId, textsAtOnce: 4, providers: accessTo(database, { workerId, limits }) })
  expect(seen.most).toBe(2)
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', attempt: 1 })
})

test('what did not fit in one text is told of that text alone, and no third call is paid for it', async () => {
  const jobId = await makeJob(database, { outputs: outputs(2) })
  const issues: (string | null)[] = []
  const all: Steps = {
    ...steps().all,
    content: async (text, _, { meter }) => {
      issues.push(text.answerIssue)
      await meter.sent()
      meter.answered(spending())
      if (text.text === 2 && text.answerIssue === null) {
        await meter.again('too long')
        // The worker dies here, so to speak.
        throw slow
      }
      return { model: 'a model', body: {} }
    },
  }
  await runOut(all, jobId, { textsAtOnce: 1 })
  expect(issues).toEqual([null, null, 'too long'])
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', answer_issue: null })
  expect((await textRows(jobId)).map((row) => row.answer_issue)).toEqual([null, null])
})

describe('a worker that is lost in the middle of several texts', () => {
  /** Text 1 is saved; the next ones are out and are answered when they are told. */
  async function inTheMiddle() {
    const jobId = await makeJob(database, { outputs: outputs(6) })
    const answers = Promise.withResolvers<void>()
    const first = steps(async ({ text }, { signal }) => {
      if (text === 1) return
      await Promise.race([
        answers.promise,
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      ])
      signal.throwIfAborted()
    })
    const ended = run(first.all)
    await eventually(async () => expect(await statuses(jobId)).toContain('completed'))
    await eventually(async () => expect(first.seen.out).toBe(3))
    return { jobId, first, ended, answer: answers.resolve }
  }

  test('leaves as many calls on the record as it can have had out, and what it saved is not paid again', async () => {
    const { jobId, first, ended, answer } = await inTheMiddle()
    await passed(database, 'lease_expires_at', jobId)
    expect(await reclaimVisionJobs(database, noBackoff)).toBe(1)
    const [lost] = await attemptRows(database, jobId)
    expect(lost).toMatchObject({
      outcome: 'lost',
      possibly_billed: 'content',
      possibly_billed_calls: 3,
      content_calls: 1,
    })
    expect(await ledgerOf(database)).toMatchObject({ lost: { runs: 1, possiblyBilled: 3 } })
    await passed(database, 'available_at', jobId)
    await promoteDueVisionJobs(database, noCap)
    const second = steps()
    await run(second.all)
    expect(second.asked.toSorted()).toEqual([2, 3, 4, 5, 6].map((text) => `text ${text}`))
    expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', texts_completed: 6 })
    // The first one was only slow: its answers come, are not saved, and are on the record as what they were.
    answer()
    await ended
    expect(first.asked).toHaveLength(5)
    expect((await attemptRows(database, jobId))[0]).toMatchObject({
      outcome: 'lost',
      content_calls: expect.any(Number),
    })
    const [told] = await attemptRows(database, jobId)
    expect(Number(told?.content_calls) + Number(told?.possibly_billed_calls)).toBe(4)
    expect((await getVisionJob(database, owned(jobId))).outputs).toHaveLength(7)
    await expectLedgerOfRuns(database)
  })

  test('as by a cancel, keeps what is there, and every call that was cut off is counted', async () => {
    const { jobId, ended, answer } = await inTheMiddle()
    await cancelVisionJob(database, owned(jobId))
    expect((await attemptRows(database, jobId))[0]).toMatchObject({ outcome: 'cancelled', possibly_billed_calls: 3 })
    answer()
    await ended
    const [told] = await attemptRows(database, jobId)
    expect(Number(told?.content_calls) + Number(told?.possibly_billed_calls)).toBe(4)
    const { texts, outputs: made } = await getVisionJob(database, owned(jobId))
    expect(texts.filter(({ status }) => status === 'completed')).toHaveLength(1)
    expect(made).toHaveLength(2)
    await expectLedgerOfRuns(database)
  })
})

test('a job from before jobs had several texts, and without a row for its text, is taken to its end', async () => {
  const jobId = await makeJob(database)
  await database.sql('DELETE FROM vision_job_texts')
  expect((await getVisionJob(database, owned(jobId))).texts).toMatchObject([{ text: 1, status: 'waiting' }])
  await run(steps().all)
  expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed' })
  expect(await statuses(jobId)).toEqual(['completed'])
})
