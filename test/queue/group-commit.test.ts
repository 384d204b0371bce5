import { afterAll, afterEach, expect } from 'vitest'
import { LeaseLost, type Run } from '../../core/domain/run.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { failText, saveText } from '../../core/queue/settle/save-text.ts'
import {
  completeVisionJob,
  failVisionJob,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
  saveAnswerIssue,
} from '../../core/queue/settle/settle.ts'
import {
  analysisOutput,
  badAnswer,
  claim,
  contentOutput,
  jobRow,
  makeJobs,
  nothingSpent,
  outcomesOf,
  outputRows,
  spending,
  statusOf,
} from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { type CommitFault, type DatabaseProxy, openProxied, type ProxiedDatabase } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let direct: TestDatabase
let proxy: DatabaseProxy
let proxied: ProxiedDatabase
test.beforeAll(async ({ workerDatabase }) => {
  direct = workerDatabase
  proxied = await openProxied(direct.url, { connections: 4 })
  proxy = proxied.proxy
  // What sessions are set up with is none of the counts.
  await proxied.run(async () => undefined)
})
afterEach(() => {
  proxy.failStatements(null)
})
afterAll(() => proxied.close())

const both = { analysis: spending({ model: 'sees' }), content: spending({ model: 'writes' }) }

/** So many jobs in the middle of their runs. */
async function running(count: number): Promise<readonly Run[]> {
  await makeJobs(direct, count)
  return claim(direct, { limit: count })
}

/** What went through the proxy while something was done, the statements that set sessions up aside. */
async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  proxy.statements.length = 0
  await work()
  return proxy.statements.filter((one) => !/^SET |^SELECT (VERSION|@@|CONNECTION_ID)/i.test(one))
}
const countOf = (statements: readonly string[], what: string | RegExp) =>
  statements.filter((one) => (typeof what === 'string' ? one === what : what.test(one))).length

test('one alone is written at once, as a set of one: nothing waits for company', async () => {
  const [run] = (await running(1)) as [Run]
  const saved = await statementsOf(() => saveAnalysis(proxied, run, analysisOutput, nothingSpent))
  expect(saved.at(0)).toBe('BEGIN')
  expect(saved.at(-1)).toBe('COMMIT')
  expect(saved.length).toBeLessThanOrEqual(6)
  const completed = await statementsOf(() => completeVisionJob(proxied, run, contentOutput, both))
  expect(completed.length).toBeLessThanOrEqual(10)
  expect(await jobRow(direct, run.jobId)).toMatchObject({ status: 'completed', version: 5 })
})

test('what comes together is one transaction, of as many statements as one of each kind', async () => {
  const runs = await running(60)
  const saved = await statementsOf(() =>
    Promise.all(runs.map((run) => saveAnalysis(proxied, run, analysisOutput, { analysis: both.analysis }))),
  )
  expect(countOf(saved, 'COMMIT')).toBe(1)
  expect(saved.length).toBeLessThanOrEqual(6)
  const completed = await statementsOf(() =>
    Promise.all(runs.map((run) => completeVisionJob(proxied, run, contentOutput, both))),
  )
  expect(countOf(completed, 'COMMIT')).toBe(1)
  expect(completed.length).toBeLessThanOrEqual(10)
  expect(
    await direct.sql(
      'SELECT status, version, texts_completed AS texts, COUNT(*) AS n FROM vision_jobs GROUP BY 1, 2, 3',
    ),
  ).toEqual([{ status: 'completed', version: 5, texts: 1, n: 60 }])
  expect(
    await direct.sql('SELECT kind, version, COUNT(*) AS n FROM vision_job_outputs GROUP BY 1, 2 ORDER BY 1'),
  ).toEqual([
    { kind: 'analysis', version: 3, n: 60 },
    { kind: 'content', version: 4, n: 60 },
  ])
  await expectLedgerOfRuns(direct)
  expect((await ledgerOf(direct)).completed).toMatchObject({ jobs: 60, runs: 60 })
})

test('every kind of settlement goes along with every other, each with its own values', async () => {
  const runs = await running(14)
  const [a, b, c, d, e, f, g, ...more] = runs as [Run, Run, Run, Run, Run, Run, Run, ...Run[]]
  const statements = await statementsOf(() =>
    Promise.all([
      saveAnalysis(proxied, a, analysisOutput, { analysis: both.analysis }),
      completeVisionJob(proxied, b, contentOutput, both),
      failVisionJob(proxied, c, badAnswer, nothingSpent, [{ text: 1, failed: true, reason: badAnswer }]),
      saveText(proxied, d, contentOutput, nothingSpent, { text: 1, revision: 1 }),
      failText(proxied, e, 1, badAnswer, nothingSpent),
      saveAnswerIssue(proxied, f, 'too long', nothingSpent, 1),
      saveAnswerIssue(proxied, g, 'too short', nothingSpent),
      ...more.map((run, index) =>
        retryVisionJob(proxied, run, { ...badAnswer, message: `no ${index}` }, nothingSpent, {
          delayMs: 3_600_000 * (index + 1),
          costsRetry: index % 2 === 0,
        }),
      ),
    ]),
  )
  expect(countOf(statements, 'COMMIT')).toBe(1)
  const rows = await Promise.all([a, b, c, d, e, f, g].map(({ jobId }) => jobRow(direct, jobId)))
  expect(rows).toMatchObject([
    { status: 'processing', next_step: 'content', version: 3 },
    { status: 'completed', version: 4, texts_completed: 1 },
    { status: 'failed', version: 4, failures: 1, error_code: badAnswer.code },
    { status: 'processing', version: 3, texts_completed: 1 },
    { status: 'processing', version: 3, texts_completed: 0 },
    { status: 'processing', version: 2, answer_issue: null },
    { status: 'processing', version: 2, answer_issue: 'too short' },
  ])
  const texts = await direct.sql('SELECT status, version, answer_issue FROM vision_job_texts ORDER BY job_id LIMIT 7')
  expect(texts).toMatchObject([
    { status: 'waiting' },
    { status: 'completed', version: 3 },
    { status: 'failed', version: 3 },
    { status: 'completed', version: 3 },
    { status: 'failed', version: 3 },
    { status: 'waiting', answer_issue: 'too long' },
    { status: 'waiting', answer_issue: null },
  ])
  for (const [index, { jobId }] of more.entries()) {
    const [row] = await direct.sql(
      `SELECT status, failures, error_message, ROUND(TIMESTAMPDIFF(SECOND, updated_at, available_at) / 3600) AS hours
       FROM vision_jobs WHERE id = ?`,
      [jobId],
    )
    const failures = index % 2 === 0 ? 1 : 0
    expect(row).toMatchObject({ status: 'scheduled', failures, error_message: `no ${index}` })
    expect(Number(row?.hours)).toBe(index + 1)
    expect(await outcomesOf(direct, jobId)).toEqual([failures === 1 ? 'retried' : 'released'])
  }
  await expectLedgerOfRuns(direct)
})

test('runs that have lost their lease are lost alone, among many', async () => {
  const runs = await running(20)
  const [cancelled, deleted] = runs as [Run, Run]
  await cancelVisionJob(direct, { jobId: cancelled.jobId, userId: 'user-1' })
  await deleteVisionJob(direct, { jobId: deleted.jobId, userId: 'user-1' })
  const results = await Promise.allSettled(runs.map((run) => completeVisionJob(proxied, run, contentOutput, both)))
  expect(results.map(({ status }) => status)).toEqual(runs.map((_, index) => (index < 2 ? 'rejected' : 'fulfilled')))
  for (const one of results.slice(0, 2)) expect(one).toMatchObject({ reason: expect.any(LeaseLost) })
  expect(await statusOf(direct, cancelled.jobId)).toBe('cancelled')
  expect(await outputRows(direct, cancelled.jobId)).toEqual([])
  expect((await ledgerOf(direct)).completed).toMatchObject({ jobs: 18, runs: 18 })
})

test('a job that another connection has locked delays none of the others', async () => {
  const runs = await running(10)
  const [locked, ...others] = runs as [Run, ...Run[]]
  const held = Promise.withResolvers<void>()
  const letGo = Promise.withResolvers<void>()
  const holding = direct.transact(async (tx) => {
    await tx.execute(`SELECT id FROM vision_jobs WHERE id = ${locked.jobId} FOR UPDATE`)
    held.resolve()
    await letGo.promise
  })
  await held.promise
  const waiting = completeVisionJob(proxied, locked, contentOutput, both)
  await Promise.all(others.map((run) => completeVisionJob(proxied, run, contentOutput, both)))
  expect(await statusOf(direct, locked.jobId)).toBe('processing')
  letGo.resolve()
  await holding
  await waiting
  expect(await statusOf(direct, locked.jobId)).toBe('completed')
})

test('one whose values cannot be stored fails alone, and is told why', async () => {
  const runs = await running(12)
  const bad = { model: 'writes', body: { title: 'unstorable' } }
  proxy.failStatements({
    matches: /insert into vision_job_outputs.*unstorable/is,
    errno: 1406,
    sqlState: '22001',
    message: 'too long',
  })
  const results = await Promise.allSettled(
    runs.map((run, index) => completeVisionJob(proxied, run, index === 5 ? bad : contentOutput, both)),
  )
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(results[5]).toMatchObject({ status: 'rejected', reason: { cause: { errno: 1406 } } })
  expect(await direct.sql('SELECT status, COUNT(*) AS n FROM vision_jobs GROUP BY 1 ORDER BY 1')).toEqual([
    { status: 'processing', n: 1 },
    { status: 'completed', n: 11 },
  ])
  expect((await ledgerOf(direct)).completed).toMatchObject({ jobs: 11 })
})

test('a text that was saved before is found so, and its neighbours are saved', async () => {
  const runs = await running(6)
  const save = (run: Run) => saveText(proxied, run, contentOutput, nothingSpent, { text: 1, revision: 1 })
  const [first] = runs as [Run]
  await save(first)
  await Promise.all(runs.map(save))
  expect(
    await direct.sql('SELECT version, texts_completed AS texts, COUNT(*) AS n FROM vision_jobs GROUP BY 1, 2'),
  ).toEqual([{ version: 3, texts: 1, n: 6 }])
})

test('two writes of one run are made one after the other, in the order in which they came', async () => {
  const [run] = (await running(1)) as [Run]
  await Promise.all([
    saveAnswerIssue(proxied, run, 'first', nothingSpent),
    saveAnswerIssue(proxied, run, 'second', nothingSpent),
    saveAnalysis(proxied, run, analysisOutput, nothingSpent),
    completeVisionJob(proxied, run, contentOutput, both),
  ])
  expect(await jobRow(direct, run.jobId)).toMatchObject({ status: 'completed', version: 5, answer_issue: null })
})

test.each<CommitFault>(['lost', 'answer lost', 'late'])(
  'a COMMIT that is %s is read back as a set: each is there once',
  async (fault) => {
    const runs = await running(15)
    const [cancelled] = runs as [Run]
    await cancelVisionJob(direct, { jobId: cancelled.jobId, userId: 'user-1' })
    const before = proxy.faults
    proxy.failNextCommit(fault)
    const results = await Promise.allSettled(
      runs.map((run, index) =>
        index % 3 === 2
          ? failVisionJob(proxied, run, badAnswer, both)
          : completeVisionJob(proxied, run, contentOutput, both),
      ),
    )
    expect(proxy.faults).toBe(before + 1)
    expect(results.map(({ status }) => status)).toEqual(runs.map((_, index) => (index < 1 ? 'rejected' : 'fulfilled')))
    expect(await direct.sql('SELECT status, version, COUNT(*) AS n FROM vision_jobs GROUP BY 1, 2 ORDER BY 1')).toEqual(
      [
        { status: 'completed', version: 4, n: 9 },
        { status: 'failed', version: 3, n: 5 },
        { status: 'cancelled', version: 3, n: 1 },
      ],
    )
    await expectLedgerOfRuns(direct)
    expect(await ledgerOf(direct)).toMatchObject({ completed: { jobs: 9, runs: 9 }, failed: { jobs: 5, runs: 5 } })
  },
)

test('after a deadlock the whole set is tried again, as a set', async () => {
  const runs = await running(8)
  let met = 0
  proxy.failStatements({
    get matches() {
      return { test: (statement: string) => /^UPDATE .*vision_job_attempts/s.test(statement) && met++ === 0 } as RegExp
    },
    errno: 1213,
    sqlState: '40001',
    message: 'Deadlock found',
  })
  const statements = await statementsOf(() =>
    Promise.all(runs.map((run) => completeVisionJob(proxied, run, contentOutput, both))),
  )
  expect(met).toBe(2)
  expect(countOf(statements, 'BEGIN')).toBe(2)
  expect(countOf(statements, 'COMMIT')).toBe(1)
  expect((await ledgerOf(direct)).completed).toMatchObject({ jobs: 8, runs: 8 })
})

test('a lock that is not let go in time is waited for by the one who needs it, alone', async () => {
  const runs = await running(4)
  let met = 0
  proxy.failStatements({
    get matches() {
      return { test: (statement: string) => /insert into vision_usage/i.test(statement) && met++ === 0 } as RegExp
    },
    errno: 1205,
    sqlState: 'HY000',
    message: 'Lock wait timeout exceeded',
  })
  const statements = await statementsOf(() =>
    Promise.all(runs.map((run) => completeVisionJob(proxied, run, contentOutput, both))),
  )
  expect(countOf(statements, 'COMMIT')).toBe(4)
  expect((await ledgerOf(direct)).completed).toMatchObject({ jobs: 4, runs: 4 })
})

test('a set is bounded: more than that are several transactions', async () => {
  const runs = await running(230)
  const statements = await statementsOf(() =>
    Promise.all(runs.map((run) => saveAnalysis(proxied, run, analysisOutput, nothingSpent))),
  )
  expect(countOf(statements, 'COMMIT')).toBe(2)
  const large = { model: 'writes', body: { title: 'x'.repeat(900_000) } }
  const saved = await statementsOf(() =>
    Promise.all(runs.slice(0, 4).map((run) => completeVisionJob(proxied, run, large, both))),
  )
  expect(countOf(saved, 'COMMIT')).toBe(2)
})

test('a run that is given back goes along as well', async () => {
  const runs = await running(5)
  await Promise.all(runs.map((run) => releaseVisionJob(proxied, run, 'analysis', both)))
  expect(await direct.sql('SELECT status, COUNT(*) AS n FROM vision_jobs GROUP BY 1')).toEqual([
    { status: 'pending', n: 5 },
  ])
  expect((await ledgerOf(direct)).released).toMatchObject({ runs: 5 })
})
