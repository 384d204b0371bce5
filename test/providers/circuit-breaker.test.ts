import { describe, expect } from 'vitest'
import { type ErrorCode, VisionError } from '../../core/domain/errors.ts'
import { failureThreshold, reportFailure, reportSuccess } from '../../core/providers/availability/circuit-breaker.ts'
import { pauseByOperator, resumeByOperator } from '../../core/providers/availability/operator-pause.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { releaseVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import type { Provider, ProviderScope } from '../../drizzle/schema.ts'
import {
  analysisOutput,
  claimOne,
  jobIn,
  makeJob,
  makeJobs,
  noCap,
  nothingSpent,
  passed,
  statusOf,
} from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const pauses = { baseMs: 30_000, capMs: 100_000 }
const trouble = async (code: ErrorCode, retryAfterMs?: number, provider: Provider = 'gemini') => {
  const error = new VisionError(code, retryAfterMs === undefined ? {} : { retryAfterMs })
  const reported = await reportFailure(database, provider, error, pauses)
  if (reported === undefined) throw new Error('the row was locked')
  return reported
}
const failOnce = () => trouble('analysis.unavailable')
const stateOf = async (name: ProviderScope = 'gemini') => (await database.run(readProviderStates)).of(name)
const stop = (name: ProviderScope) => database.transact((tx) => pauseByOperator(tx, name, 'olga'))
const start = (name: ProviderScope) => database.transact((tx) => resumeByOperator(tx, name))
const endPause = (name: ProviderScope = 'gemini') =>
  database.sql('UPDATE vision_provider_states SET backoff_until = UTC_TIMESTAMP(3) WHERE provider = ?', [name])
/** Lets everything that a provider’s state remembers have happened so many seconds earlier. */
const later = (seconds: number) =>
  database.sql(
    `UPDATE vision_provider_states SET paused_at = paused_at - INTERVAL ? SECOND, opened_at = opened_at - INTERVAL ? SECOND,
       grace_until = grace_until - INTERVAL ? SECOND, backoff_until = backoff_until - INTERVAL ? SECOND`,
    [seconds, seconds, seconds, seconds],
  )

test('a provider that nothing has happened to is closed, and its calls pass', async () => {
  expect(await stateOf()).toEqual({
    name: 'gemini',
    operatorPause: null,
    backoffMs: 0,
    backoffCode: null,
    backoffs: 0,
    consecutiveFailures: 0,
    downSince: null,
    graceMs: 0,
  })
})

describe('a provider over its limit', () => {
  test('is paused for everyone until the time that it asked for, without counting as down', async () => {
    expect(await trouble('analysis.rate_limited', 50_000)).toEqual({ down: false, backoffMs: 50_000 })
    const { backoffMs, backoffCode, downSince } = await stateOf()
    expect(backoffMs).toBeGreaterThan(49_000)
    expect(backoffMs).toBeLessThanOrEqual(50_000)
    expect({ backoffCode, downSince }).toEqual({ backoffCode: 'analysis.rate_limited', downSince: null })
    expect((await stateOf('deepseek')).backoffMs).toBe(0)
  })

  test('is paused for longer each time, up to the cap, until it answers', async () => {
    const lengths: unknown[] = []
    for (let time = 0; time < 4; time++) {
      lengths.push((await trouble('analysis.rate_limited')).backoffMs)
      await endPause()
    }
    expect(lengths).toEqual([30_000, 60_000, 100_000, 100_000])
    expect(await reportSuccess(database, 'gemini')).toEqual({ down: false, recovered: false })
    expect((await trouble('analysis.rate_limited')).backoffMs).toBe(30_000)
  })

  test('is not taken at its word for more than a day', async () => {
    expect((await trouble('analysis.rate_limited', 7 * 86_400_000)).backoffMs).toBe(86_400_000)
  })

  test('while it is paused, only a longer wait that it asks for changes anything', async () => {
    await trouble('analysis.rate_limited', 40_000)
    await trouble('analysis.rate_limited', 1_000)
    await failOnce()
    await trouble('analysis.misconfigured')
    expect(await stateOf()).toMatchObject({ backoffs: 1, consecutiveFailures: 0, downSince: null })
    expect((await stateOf()).backoffMs).toBeGreaterThan(35_000)
    await trouble('analysis.rate_limited', 500_000)
    expect((await stateOf()).backoffMs).toBeGreaterThan(490_000)
  })

  test('what is answered during the pause was asked before it, and does not end it', async () => {
    await trouble('analysis.rate_limited', 40_000)
    await reportSuccess(database, 'gemini')
    expect((await stateOf()).backoffMs).toBeGreaterThan(35_000)
  })
})

describe('a provider that fails', () => {
  test('is down at its fifth failure in a row, and only then is it paused', async () => {
    for (let time = 1; time < failureThreshold; time++) expect(await failOnce()).toEqual({ down: false })
    expect((await stateOf()).backoffMs).toBe(0)
    expect(await failOnce()).toEqual({ down: true, backoffMs: 30_000 })
    expect(await stateOf()).toMatchObject({ backoffs: 1, consecutiveFailures: 5, downSince: expect.any(Date) })
  })

  test('an answer between its failures begins the count anew', async () => {
    for (let time = 1; time < failureThreshold; time++) await failOnce()
    await reportSuccess(database, 'gemini')
    expect(await failOnce()).toEqual({ down: false })
    expect((await stateOf()).consecutiveFailures).toBe(1)
  })

  test('sixteen workers that meet its failure at once count it exactly', async () => {
    const reports = await Promise.all(Array.from({ length: 16 }, failOnce))
    expect(reports.filter(({ backoffMs }) => backoffMs !== undefined)).toHaveLength(1)
    expect(reports.filter(({ down }) => down)).toHaveLength(16 - (failureThreshold - 1))
    expect(await stateOf()).toMatchObject({ backoffs: 1, consecutiveFailures: failureThreshold })
  })

  test('a failed probe keeps it down for longer, and an answer brings it back', async () => {
    for (let time = 0; time < failureThreshold; time++) await failOnce()
    await endPause()
    await later(100)
    const { downSince } = await stateOf()
    expect(await failOnce()).toEqual({ down: true, backoffMs: 60_000 })
    expect((await stateOf()).downSince).toEqual(downSince)
    await endPause()
    expect(await reportSuccess(database, 'gemini')).toEqual({ down: false, recovered: true })
    expect(await stateOf()).toMatchObject({ backoffMs: 0, backoffs: 0, consecutiveFailures: 0, downSince: null })
  })
})

test.each<[ErrorCode, Provider]>([
  ['analysis.misconfigured', 'gemini'],
  ['content.misconfigured', 'deepseek'],
  ['content.insufficient_balance', 'deepseek'],
])('%s takes the provider for down at once', async (code, provider) => {
  expect(await trouble(code, undefined, provider)).toEqual({ down: true, backoffMs: 30_000 })
  expect(await stateOf(provider)).toMatchObject({ downSince: expect.any(Date), backoffCode: code })
})

describe('a lane whose provider may not be called', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['paused', () => trouble('analysis.rate_limited')],
    ['stopped', () => stop('gemini')],
  ])('is not offered to workers while it is %s; the other one is', async (_, close) => {
    const [first] = await makeJobs(database, 2)
    await database.sql("UPDATE vision_jobs SET next_step = 'content' WHERE id = ?", [first])
    await close()
    expect((await pollQueue(database)).lanes).toEqual(['content'])
    await start('gemini')
    expect((await pollQueue(database)).lanes).toEqual(['content', 'analysis'])
  })

  test('pausing all claims pauses no provider, also when it is paused twice', async () => {
    await makeJobs(database, 2)
    await stop('all')
    await database.transact((tx) => pauseByOperator(tx, 'all', 'somebody else'))
    expect(await stateOf('all')).toMatchObject({ operatorPause: { by: 'olga', at: expect.any(Date), reason: null } })
    expect((await pollQueue(database)).lanes).toEqual([])
    expect(await start('all')).toBe(true)
    expect(await start('all')).toBe(false)
    expect((await pollQueue(database)).lanes).toEqual(['analysis'])
  })
})

describe('the clock by which jobs expire', () => {
  const claim = () => claimPendingVisionJobs(database, { workerId: 'w', lane: 'analysis', limit: 10, leaseMs: 60_000 })
  const states = async (...ids: number[]) => Promise.all(ids.map((id) => statusOf(database, id)))

  test.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'its provider is down',
      () => trouble('analysis.misconfigured'),
      () => endPause().then(() => reportSuccess(database, 'gemini')),
    ],
    ['its provider is stopped', () => stop('gemini'), () => start('gemini')],
    ['claiming is stopped', () => stop('all'), () => start('all')],
  ])('stands still for a lane while %s, and the time is added afterwards', async (_, close, open) => {
    const { jobId: retried } = await jobIn(database, 'scheduled')
    const waiting = await makeJob(database)
    await close()
    await later(86_400)
    // Both have been past their time for ten hours, and lost a day to the outage.
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 10 HOUR')
    await passed(database, 'available_at', retried)
    expect(await pollQueue(database)).toMatchObject({ expired: false })
    expect(await expireVisionJobs(database)).toBe(0)
    await open()
    expect(await pollQueue(database)).toMatchObject({ expired: false })
    expect(await expireVisionJobs(database)).toBe(0)
    await promoteDueVisionJobs(database, noCap)
    expect(await states(retried, waiting)).toEqual(['pending', 'pending'])
    // What the outage did not take from them they have had.
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 25 HOUR WHERE id = ?', [
      retried,
    ])
    expect(await pollQueue(database)).toMatchObject({ expired: true })
    const { runs, expired } = await claim()
    expect(expired).toBe(1)
    expect(runs.map(({ jobId }) => jobId)).toEqual([waiting])
  })

  test('obeys the providers that are handed in: two configurations in one process do not mix', async () => {
    const jobId = await makeJob(database)
    await database.sql("UPDATE vision_jobs SET next_step = 'content' WHERE id = ?", [jobId])
    await trouble('analysis.misconfigured')
    await passed(database, 'expires_at', jobId)
    const onlyGemini = { analysis: 'gemini', content: 'gemini' }
    expect(await pollQueue(database, 1, onlyGemini)).toMatchObject({ lanes: [], expired: false })
    expect(await expireVisionJobs(database, undefined, onlyGemini)).toBe(0)
    expect(await pollQueue(database)).toMatchObject({ lanes: ['content'], expired: true })
  })

  test('goes on for what has the step of that provider behind it', async () => {
    const jobId = await makeJob(database)
    await database.sql("UPDATE vision_jobs SET next_step = 'content' WHERE id = ?", [jobId])
    await trouble('analysis.misconfigured')
    await passed(database, 'expires_at', jobId)
    expect(await expireVisionJobs(database)).toBe(1)
  })

  test('stands still for a blocked job whose user’s places are full of jobs that wait for the second provider', async () => {
    const [begun, blocked] = (await makeJobs(database, 2, { inFlightPerUser: 1 })) as [number, number]
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, nothingSpent)
    await releaseVisionJob(database, run, 'content', nothingSpent)
    await trouble('content.insufficient_balance', undefined, 'deepseek')
    await later(86_400)
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 10 HOUR')
    expect(await pollQueue(database)).toMatchObject({ expired: false })
    expect(await expireVisionJobs(database)).toBe(0)
    expect(await states(begun, blocked)).toEqual(['pending', 'blocked'])
    await endPause('deepseek')
    await reportSuccess(database, 'deepseek')
    expect(await expireVisionJobs(database)).toBe(0)
    expect((await claim()).expired).toBe(0)
  })

  test('gives what lived through an outage its time in the next lane as well', async () => {
    const jobId = await makeJob(database)
    await stop('gemini')
    await later(86_400)
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 10 HOUR')
    await start('gemini')
    const run = await claimOne(database)
    await saveAnalysis(database, run, analysisOutput, nothingSpent)
    await releaseVisionJob(database, run, 'content', nothingSpent)
    expect(await expireVisionJobs(database)).toBe(0)
    expect(await states(jobId)).toEqual(['pending'])
  })

  test('two outages within a week add up, and after a week they are forgotten', async () => {
    for (const hours of [3, 5]) {
      await stop('gemini')
      await later(hours * 3_600)
      await start('gemini')
    }
    expect((await stateOf()).graceMs / 3_600_000).toBeCloseTo(8, 2)
    await later(8 * 86_400)
    expect((await stateOf()).graceMs).toBe(0)
    await stop('gemini')
    await later(3_600)
    await start('gemini')
    expect((await stateOf()).graceMs / 3_600_000).toBeCloseTo(1, 2)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a quota that is used up', () => trouble('analysis.quota_exhausted', 3_600_000)],
    ['a limit that asks for longer than we ever pause by ourselves', () => trouble('analysis.rate_limited', 3_600_000)],
    [
      'a short pause that becomes such a one',
      () => trouble('analysis.rate_limited', 40_000).then(() => trouble('analysis.quota_exhausted', 3_600_000)),
    ],
  ])('stands still during %s, until it is over and the provider has answered', async (_, happen) => {
    const jobId = await makeJob(database)
    await happen()
    expect((await stateOf()).backoffMs).toBeGreaterThan(3_590_000)
    await later(3_700)
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE')
    expect(await expireVisionJobs(database)).toBe(0)
    expect(await reportSuccess(database, 'gemini')).toEqual({ down: false, recovered: true })
    expect(await expireVisionJobs(database)).toBe(0)
    await database.sql('UPDATE vision_jobs SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 70 MINUTE')
    expect(await expireVisionJobs(database)).toBe(1)
    expect(await states(jobId)).toEqual(['failed'])
  })

  test('a pause for a limit is no outage', async () => {
    const jobId = await makeJob(database)
    await trouble('analysis.rate_limited')
    await passed(database, 'expires_at', jobId)
    expect(await expireVisionJobs(database)).toBe(1)
  })
})
