import { describe, expect } from 'vitest'
import type { RunUsage } from '../../core/domain/step.ts'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import {
  completeVisionJob,
  failVisionJob,
  recordSpending,
  releaseVisionJob,
  retryVisionJob,
  saveAnalysis,
} from '../../core/queue/settle/settle.ts'
import { getJobUsage, getUserUsage } from '../../core/usage/ledger.ts'
import {
  analysisOutput,
  attemptRows,
  badAnswer,
  claim,
  claimOne,
  contentOutput,
  hour,
  makeJob,
  makeJobs,
  noBackoff,
  noCap,
  nothingSpent,
  owned,
  passed,
  spending,
} from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const soon = { delayMs: 0, costsRetry: true }
const analysis = spending({ model: 'sees', inputTokens: 300, cachedTokens: 100, outputTokens: 90, cost: 1_000 })
const content = spending({ model: 'writes', inputTokens: 50, outputTokens: 40, thinkingTokens: 15, cost: 200 })
const ofAnalysis = { calls: 1, inputTokens: 300, cachedTokens: 100, outputTokens: 90, cost: 1_000, analysisMs: 30 }
const ofContent = { calls: 1, inputTokens: 50, outputTokens: 40, thinkingTokens: 15, cost: 200, contentMs: 30 }
const timeless = { waitingMs: expect.any(Number) }

test('a job and its run are counted once each, and the calls under the models that answered', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  await saveAnalysis(database, run, analysisOutput, { analysis, imageMs: 12 })
  expect(await ledgerOf(database), 'nothing of a run that is under way').toEqual({ created: { jobs: 1 } })
  await completeVisionJob(database, run, contentOutput, { analysis, content, imageMs: 12 })
  expect(await ledgerOf(database)).toEqual({
    created: { jobs: 1 },
    completed: { jobs: 1, runs: 1, imageMs: 12, ...timeless },
    'sees completed': ofAnalysis,
    'writes completed': ofContent,
  })
  await expectLedgerOfRuns(database)
})

test('a retry after the second step failed counts each call once, under how its run ended', async () => {
  const jobId = await makeJob(database)
  const first = await claimOne(database)
  await saveAnalysis(database, first, analysisOutput, { analysis })
  await retryVisionJob(database, first, badAnswer, { analysis, content }, soon)
  await promoteDueVisionJobs(database, noCap)
  const second = await claimOne(database, { lane: 'content' })
  await completeVisionJob(database, second, contentOutput, { content })
  expect(await ledgerOf(database)).toMatchObject({
    created: { jobs: 1 },
    retried: { runs: 1 },
    'sees retried': ofAnalysis,
    'writes retried': ofContent,
    completed: { jobs: 1, runs: 1 },
    'writes completed': ofContent,
  })
  expect(await attemptRows(database, jobId)).toHaveLength(2)
  await expectLedgerOfRuns(database)
})

test('a call without a price is counted as such, and costs nothing that could be added up', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  const unknown = { ...analysis, cost: null }
  await failVisionJob(database, run, badAnswer, { analysis: unknown })
  expect(await ledgerOf(database)).toMatchObject({ failed: { jobs: 1, runs: 1 } })
  expect((await ledgerOf(database))['sees failed']).toEqual({ ...ofAnalysis, cost: undefined, unpricedCalls: 1 })
  const [row] = await attemptRows(database, run.jobId)
  expect(row).toMatchObject({ analysis_cost: null, analysis_model: 'sees' })
})

test('a call from before calls were counted is one', async () => {
  const jobId = await makeJob(database)
  const run = await claimOne(database)
  await saveAnalysis(database, run, analysisOutput, { analysis: { ...analysis, cost: null } })
  await database.sql('UPDATE vision_job_attempts SET analysis_calls = 0')
  expect(await getJobUsage(database, owned(jobId))).toMatchObject({ calls: 1, unpricedCalls: 1 })
})

test('what was cut off is possibly billed, whatever ended the run', async () => {
  const [first, second] = await makeJobs(database, 2)
  const runs = await claim(database)
  for (const run of runs) await releaseVisionJob(database, run, 'analysis', { possiblyBilled: { analysis: 1 } })
  expect([first, second]).toHaveLength(2)
  expect(await ledgerOf(database)).toMatchObject({ released: { runs: 2, possiblyBilled: 2 } })
})

test('what becomes known while the run is being settled is in neither its row nor the ledger', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  const through = await openProxied(database.url)
  const spent: RunUsage = { possiblyBilled: { analysis: 1 } }
  const answered = (statement: string) => {
    if (/^UPDATE .*vision_job_attempts/s.test(statement))
      Object.assign(spent, { analysis, imageMs: 12, possiblyBilled: {} })
    return false
  }
  const never = { errno: 0, sqlState: '', message: '' }
  through.proxy.failStatements({ matches: { test: answered } as RegExp, ...never })
  await releaseVisionJob(through, run, 'analysis', spent)
  expect(spent.analysis).toBeDefined()
  expect(await ledgerOf(database)).toMatchObject({ released: { runs: 1, possiblyBilled: 1 } })
  await expectLedgerOfRuns(database)
  await through.close()
})

test('two calls of one model in one run are one row', async () => {
  await makeJob(database)
  const run = await claimOne(database)
  const same = { analysis: { ...analysis, model: 'both' }, content: { ...content, model: 'both' } }
  await completeVisionJob(database, run, contentOutput, same)
  expect(await ledgerOf(database)).toMatchObject({ 'both completed': { calls: 2, cost: 1_200, inputTokens: 350 } })
})

describe('what a run tells after it was taken away is added once', () => {
  test('a cancel counts what was saved, and the run adds the rest', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, { analysis })
    await cancelVisionJob(database, owned(jobId))
    await cancelVisionJob(database, owned(jobId))
    const cancelled = { jobs: 1, runs: 1, ...timeless }
    // Until its run tells, the call that it may be in may have been billed.
    expect(await ledgerOf(database)).toEqual({
      created: { jobs: 1 },
      cancelled: { ...cancelled, possiblyBilled: 1 },
      'sees cancelled': ofAnalysis,
    })
    for (let time = 0; time < 3; time++) await recordSpending(database, run, { analysis, content })
    expect(await ledgerOf(database)).toEqual({
      created: { jobs: 1 },
      cancelled,
      'sees cancelled': ofAnalysis,
      'writes cancelled': ofContent,
    })
    await expectLedgerOfRuns(database)
  })

  test('a worker that was taken for dead takes back that its call was cut off', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, { analysis })
    await passed(database, 'lease_expires_at', jobId)
    await reclaimVisionJobs(database, noBackoff)
    expect(await ledgerOf(database)).toMatchObject({ lost: { runs: 1, possiblyBilled: 1 }, 'sees lost': ofAnalysis })
    for (let time = 0; time < 2; time++) await recordSpending(database, run, { analysis, content })
    const after = await ledgerOf(database)
    expect(after).toMatchObject({ 'sees lost': ofAnalysis, 'writes lost': ofContent })
    expect(after.lost).toEqual({ runs: 1, ...timeless })
    await expectLedgerOfRuns(database)
  })

  test('it goes to the day on which the run ended', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await cancelVisionJob(database, owned(jobId))
    await database.sql('UPDATE vision_job_attempts SET ended_at = ended_at - INTERVAL 1 DAY WHERE job_id = ?', [jobId])
    await recordSpending(database, run, { analysis })
    const [row] = await database.sql("SELECT DATEDIFF(UTC_DATE(), day) AS age FROM vision_usage WHERE model = 'sees'")
    expect(row).toEqual({ age: 1 })
  })

  test('also of a job that was deleted, of which nothing else is left', async () => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, { analysis })
    await deleteVisionJob(database, owned(jobId))
    const before = { created: { jobs: 1 }, deleted: { jobs: 1 }, cancelled: { runs: 1, ...timeless } }
    expect(await ledgerOf(database)).toEqual({
      ...before,
      cancelled: { ...before.cancelled, possiblyBilled: 1 },
      'sees cancelled': ofAnalysis,
    })
    for (let time = 0; time < 3; time++) await recordSpending(database, run, { analysis, content })
    expect(await ledgerOf(database)).toEqual({ ...before, 'sees cancelled': ofAnalysis, 'writes cancelled': ofContent })
    expect(await attemptRows(database, jobId)).toEqual([])
  })

  test.each<[string, (jobId: number) => Promise<unknown>]>([
    ['cancelled', (jobId) => cancelVisionJob(database, owned(jobId))],
    ['lost', (jobId) => passed(database, 'lease_expires_at', jobId).then(() => reclaimVisionJobs(database, noBackoff))],
  ])('also of a job that was %s first and then deleted', async (how, takeAway) => {
    const jobId = await makeJob(database)
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, { analysis })
    await takeAway(jobId)
    await deleteVisionJob(database, owned(jobId))
    for (let time = 0; time < 2; time++) await recordSpending(database, run, { analysis, content })
    expect(await ledgerOf(database)).toMatchObject({ [`sees ${how}`]: ofAnalysis, [`writes ${how}`]: ofContent })
    expect(await attemptRows(database, jobId)).toEqual([])
  })

  test('but of a run that was cancelled long before the deletion nothing is left', async () => {
    const jobId = await makeJob(database)
    await claimOne(database)
    await cancelVisionJob(database, owned(jobId))
    await database.sql('UPDATE vision_job_attempts SET ended_at = ended_at - INTERVAL 6 MINUTE')
    await deleteVisionJob(database, owned(jobId))
    expect(await attemptRows(database, jobId)).toEqual([])
  })

  test('a run that still holds its job adds nothing before it ends', async () => {
    await makeJob(database)
    const run = await claimOne(database)
    await recordSpending(database, run, { analysis })
    expect(await ledgerOf(database)).toEqual({ created: { jobs: 1 } })
    await failVisionJob(database, run, badAnswer, { analysis })
    expect(await ledgerOf(database)).toMatchObject({ 'sees failed': ofAnalysis })
  })
})

test('a deleted job has been used all the same', async () => {
  const jobId = await makeJob(database)
  await completeVisionJob(database, await claimOne(database), contentOutput, { analysis, content })
  const before = await ledgerOf(database)
  await deleteVisionJob(database, owned(jobId))
  expect(await ledgerOf(database)).toEqual(before)
})

test('jobs that expire, and jobs whose workers died six times, are counted as failed, each to its owner', async () => {
  const [one = 0] = await makeJobs(database, 1)
  const [two = 0] = await makeJobs(database, 1, { userId: 'user-2' })
  await passed(database, 'expires_at', one, two)
  expect(await expireVisionJobs(database)).toBe(2)
  const [poison = 0] = await makeJobs(database, 1, { userId: 'user-2' })
  await database.sql('UPDATE vision_jobs SET crashes = 5 WHERE id = ?', [poison])
  await claim(database)
  await passed(database, 'lease_expires_at', poison)
  await reclaimVisionJobs(database, noBackoff)
  expect(await ledgerOf(database, 'user-1')).toEqual({ created: { jobs: 1 }, failed: { jobs: 1 } })
  expect(await ledgerOf(database, 'user-2')).toMatchObject({
    created: { jobs: 2 },
    failed: { jobs: 2 },
    lost: { runs: 1 },
  })
})

test('a job that is redriven ends once more', async () => {
  const jobId = await makeJob(database)
  await failVisionJob(database, await claimOne(database), badAnswer, nothingSpent)
  await redriveVisionJob(database, owned(jobId), { lifeMs: hour })
  await promoteDueVisionJobs(database, noCap)
  await completeVisionJob(database, await claimOne(database), contentOutput, nothingSpent)
  expect(await ledgerOf(database)).toMatchObject({ created: { jobs: 1 }, failed: { jobs: 1 }, completed: { jobs: 1 } })
})

test('how long a job was pending before each run stands in the run', async () => {
  const jobId = await makeJob(database)
  await database.sql('UPDATE vision_jobs SET updated_at = updated_at - INTERVAL 90 SECOND WHERE id = ?', [jobId])
  const run = await claimOne(database)
  expect(run.waitingMs).toBeGreaterThanOrEqual(90_000)
  expect(run.waitingMs).toBeLessThan(120_000)
  await failVisionJob(database, run, badAnswer, nothingSpent)
  expect(await attemptRows(database, jobId)).toMatchObject([{ waiting_ms: run.waitingMs }])
  expect((await ledgerOf(database)).failed).toMatchObject({ waitingMs: run.waitingMs })
})

test('a job that was pending for longer than its run can say is claimed all the same', async () => {
  const [jobId] = (await makeJobs(database, 2)) as [number, number]
  await database.sql('UPDATE vision_jobs SET updated_at = updated_at - INTERVAL 60 DAY WHERE id = ?', [jobId])
  expect(await claim(database)).toHaveLength(2)
})

test('a user sees the requested days, and no other user’s', async () => {
  await makeJob(database)
  await makeJob(database, { userId: 'user-2' })
  await database.sql(
    `INSERT INTO vision_usage (user_id, day, model, status, calls) VALUES
      ('user-1', '2026-01-31', 'm', 'completed', 1), ('user-1', '2026-02-01', 'm', 'completed', 2),
      ('user-1', '2026-02-28', 'm', 'completed', 3), ('user-1', '2026-03-01', 'm', 'completed', 4)`,
  )
  const rows = await getUserUsage(database, 'user-1', { from: '2026-02-01', to: '2026-02-28' })
  expect(rows).toMatchObject([
    { day: '2026-02-01', calls: 2 },
    { day: '2026-02-28', calls: 3 },
  ])
})

test('sixteen workers that settle one user’s jobs at once lose nothing and count nothing twice', async () => {
  const jobs = 160
  await makeJobs(database, jobs)
  const runs = await claim(database, { limit: jobs })
  const models = ['b-model', 'a-model', 'c-model']
  const settleOne = async (run: (typeof runs)[number], index: number) => {
    const spent = {
      analysis: { ...analysis, model: models[index % 3] ?? '' },
      content: { ...content, model: models[(index + 1) % 3] ?? '' },
    }
    if (index % 4 === 0)
      return cancelVisionJob(database, owned(run.jobId)).then(() => recordSpending(database, run, spent))
    if (index % 4 === 1) return failVisionJob(database, run, badAnswer, spent)
    if (index % 4 === 2) return retryVisionJob(database, run, badAnswer, spent, soon)
    return completeVisionJob(database, run, contentOutput, spent)
  }
  const waiting = [...runs.entries()]
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await settleOne(next[1], next[0])
    }),
  )
  await expectLedgerOfRuns(database)
  const ledger = await ledgerOf(database)
  expect(ledger).toMatchObject({
    cancelled: { jobs: 40, runs: 40 },
    failed: { jobs: 40, runs: 40 },
    retried: { runs: 40 },
    completed: { jobs: 40, runs: 40 },
  })
  const calls = Object.values(ledger).map((counts) => counts.calls ?? 0)
  expect(calls.reduce((sum, count) => sum + count, 0)).toBe(2 * jobs)
})
