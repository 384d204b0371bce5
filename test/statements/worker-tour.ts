import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createImageIntake } from '../../core/images/intake.ts'
import { trimSessions } from '../../core/live/slots/sessions.ts'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { claimPendingVisionJobs } from '../../core/queue/claim/claim.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { completeVisionJob, releaseVisionJob, retryVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createPoller } from '../../core/worker/create-poller.ts'
import { lookOut } from '../../core/worker/lookout.ts'
import {
  analysisOutput,
  badAnswer,
  claimOne,
  contentOutput,
  nothingSpent,
  passed,
  someJob,
} from '../support/database/jobs.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { makeEndpoint } from '../support/database/webhooks.ts'
import type { TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'

const limits = { maxRetries: 3, inFlightPerUser: 2, lifeMs: 3_600_000 }

/**
 * Drains a queue in which everything is that a worker looks for: new and blocked jobs of several users, runs of dead
 * workers, due, expired and refused ones, webhooks, and rows that are old enough to be swept.
 */
export async function drainAndSweep(database: TestDatabase, services: TestServices): Promise<void> {
  await database.sql(
    "UPDATE vision_jobs SET status = 'cancelled', finished_at = UTC_TIMESTAMP(3) WHERE status IN ('scheduled', 'blocked', 'pending', 'processing')",
  )
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  const make = async (userId: string, count: number) => {
    const taken = await intake.take(await fixtureUrl('halves.png', 'image/png'), userId)
    return createVisionJobs(
      database,
      Array.from({ length: count }, () => ({ ...someJob, ...taken })),
      { userId, ...limits },
    )
  }
  // One that answers, one that says it is gone for good, one that nobody listens at.
  const hooks = createServer((request, response) => response.writeHead(request.url === '/gone' ? 410 : 204).end())
  await new Promise<void>((listening) => hooks.listen(0, '127.0.0.1', listening))
  const { port } = hooks.address() as AddressInfo
  for (const url of [`http://127.0.0.1:${port}/`, `http://127.0.0.1:${port}/gone`, 'http://127.0.0.1:9/']) {
    await makeEndpoint(database, { userId: 'bea', url })
  }
  // It failed before, and answers again.
  await database.sql(
    "UPDATE vision_webhook_endpoints SET failures = 1, failing_since = UTC_TIMESTAMP(3) WHERE user_id = 'bea' AND url LIKE '%/'",
  )
  await make('ann', 1)
  const one = await claimOne(database)
  await make('ann', 1)
  await make('bea', 1)
  await renewLeases(database, 'worker-1', [one], 60_000)
  await releaseVisionJob(database, one, 'analysis', nothingSpent)
  // Two at once are one group: in the drain below it depends on when they come.
  const both = [await claimOne(database), await claimOne(database)]
  await Promise.all(both.map((run) => releaseVisionJob(database, run, 'analysis', nothingSpent)))
  await settleMany(database)
  const dead = await claimOne(database)
  const due = await claimOne(database)
  await retryVisionJob(database, due, badAnswer, nothingSpent, { delayMs: 60_000, costsRetry: true })
  await passed(database, 'lease_expires_at', dead.jobId)
  await passed(database, 'available_at', due.jobId)
  const [expired] = await make('cleo', 1)
  await passed(database, 'expires_at', expired?.jobId ?? 0)
  await make('dan', 5)
  await database.sql("UPDATE vision_users SET blocked_seen_at = '2020-01-01' WHERE blocked_seen_at IS NOT NULL")
  await intake.take(await fixtureUrl('red.png', 'image/png'), 'ann')
  await age(database)
  await database.sql(`INSERT INTO vision_job_sessions (job_id, user_id, transport, last_event, connected_at, last_seen_at, closed_at, close_reason)
    VALUES (1, 'many streams', 'sse', 0, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 'left')`)
  await trimSessions(database, 'many streams', 0)
  const log: string[] = []
  const poller = createPoller(
    loadPollerConfig({ ...services.settings(database.url), POLLER_IDLE_SECONDS: '0', JOB_IN_FLIGHT_PER_USER: '2' }),
    {
      log: (level, message, fields) => void (level === 'error' && log.push(`${message} ${JSON.stringify(fields)}`)),
      metrics: createMetrics({ service: 'test', write: () => undefined, now: Date.now }),
      allowLoopbackHttp: true,
      pollMs: 50,
    },
  )
  const lookout = lookOut(database, 0)
  await lookout.seen
  await lookout.stop()
  await poller.drain({ deadline: performance.now() + 300_000 })
  await poller.drain({ deadline: performance.now() + 300_000, wakeId: 'tour' })
  await poller.close()
  await new Promise((closed) => hooks.close(closed))
  if (log.length > 0) throw new Error(log.join('\n'))
}

/** More than ten runs that save and complete at once: their tables are written one by one. */
async function settleMany(database: TestDatabase): Promise<void> {
  const made = Array.from({ length: 12 }, () => someJob)
  const ids = (await createVisionJobs(database, made, { userId: 'eve', ...limits, inFlightPerUser: 100 })).map(
    ({ jobId }) => jobId,
  )
  const { runs } = await claimPendingVisionJobs(database, {
    workerId: 'many',
    lane: 'analysis',
    limit: 50,
    leaseMs: 60_000,
  })
  const mine = runs.filter(({ jobId }) => ids.includes(jobId))
  await Promise.all(
    runs.filter((run) => !mine.includes(run)).map((run) => releaseVisionJob(database, run, 'analysis', nothingSpent)),
  )
  await Promise.all(mine.map((run) => saveAnalysis(database, run, analysisOutput, nothingSpent)))
  await Promise.all(mine.map((run) => completeVisionJob(database, run, contentOutput, nothingSpent)))
}

/** Makes rows of a job that is gone, by the id of one to come, and what is there old enough for each sweeper. */
async function age(database: TestDatabase): Promise<void> {
  const long = "'2020-01-01'"
  await database.sql(`INSERT INTO vision_job_attempts (job_id, attempt, worker_id, outcome, step, started_at)
    SELECT MAX(id) + 100, 1, 'gone', 'lost', 'analysis', ${long} FROM vision_jobs`)
  await database.sql(`INSERT INTO vision_permits (id, provider, tokens, expires_at)
    VALUES ('old', 'gemini', 1, ${long})`)
  for (const [table, columns] of [
    ['vision_jobs', ['finished_at', 'created_at']],
    ['vision_job_sessions', ['last_seen_at', 'closed_at']],
    ['vision_job_deletions', ['deleted_at']],
    ['vision_batches', ['closes_at']],
    ['vision_images', ['sweep_at']],
    ['vision_permits', ['sent_at', 'expires_at']],
  ] as const) {
    for (const column of columns) {
      await database.sql(`UPDATE ${table} SET ${column} = ${long} WHERE ${column} IS NOT NULL LIMIT 5`)
    }
  }
}
