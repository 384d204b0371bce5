import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import type { Database } from '../../core/database/client.ts'
import type { StepContext } from '../../core/domain/step.ts'
import { cancelVisionJobs } from '../../core/queue/change/cancel.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { makeJobs, spending, tornJobs } from '../support/database/jobs.ts'
import { expectLedgerOfRuns } from '../support/database/ledger.ts'
import { closePools, openPools } from '../support/database/pools.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

const [workers, inFlight, users, jobsOfOne] = [4, 50, 8, 100]
/** How many running jobs of one user a cancel takes at once, and how often. */
const [together, cancels] = [5, 30]

let database: TestDatabase
let pools: Database[]
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
  pools = openPools(database.url, workers, { connections: 4 })
})
afterAll(() => closePools(pools))

test('four workers with fifty in flight lose exactly the runs that a rival cancels, and no error surfaces', async () => {
  for (let user = 0; user < users; user++) await makeJobs(database, jobsOfOne, { userId: `user-${user}` })
  const calls = new Map<string, number>()
  const answered = async (call: string, { meter }: StepContext) => {
    calls.set(call, (calls.get(call) ?? 0) + 1)
    await meter.sent()
    // Long enough to be cancelled meanwhile, and of different lengths, so that groups are of every size.
    await delay(20 + (calls.size % 40))
    meter.answered(spending())
    return { model: 'a model', body: {} }
  }
  const steps: Steps = {
    analysis: (run, context) => answered(`analysis ${run.jobId}`, context),
    content: (run, _, context) => answered(`content ${run.jobId}`, context),
  }
  const wrong: string[] = []
  let working = true
  let cancelled = 0
  const rival = async () => {
    for (let round = 0, done = 0; done < cancels && working; round++) {
      const userId = `user-${round % users}`
      const running = await database.sql(
        "SELECT id FROM vision_jobs WHERE user_id = ? AND status = 'processing' ORDER BY RAND() LIMIT ?",
        [userId, together],
      )
      if (running.length === 0) continue
      done++
      cancelled += await cancelVisionJobs(
        database,
        userId,
        running.map(({ id }) => Number(id)),
      )
    }
  }
  const work = async () => {
    const tallies = await Promise.all(
      pools.map((pool) =>
        drain(
          workerOptions(pool, steps, {
            concurrency: inFlight,
            log: (level, message, fields) => {
              if (level === 'error') wrong.push(`${message} ${JSON.stringify(fields)}`)
            },
          }),
          inAMinute(),
        ),
      ),
    )
    working = false
    return tallies
  }
  const [tallies] = await Promise.all([work(), rival()])

  const total = (key: 'completed' | 'lost' | 'claimed') => tallies.reduce((sum, tally) => sum + tally[key], 0)
  const ended = await database.sql('SELECT status, COUNT(*) AS jobs FROM vision_jobs GROUP BY status ORDER BY status')
  expect(cancelled).toBeGreaterThan(together)
  expect(ended).toEqual([
    { status: 'completed', jobs: users * jobsOfOne - cancelled },
    { status: 'cancelled', jobs: cancelled },
  ])
  expect(total('completed')).toBe(users * jobsOfOne - cancelled)
  expect(total('claimed')).toBe(users * jobsOfOne)
  expect(total('lost')).toBe(cancelled)
  expect(wrong, 'deadlocks and other errors').toEqual([])
  expect(
    [...calls].filter(([, count]) => count > 1),
    'called twice',
  ).toEqual([])
  expect(await tornJobs(database.sql), 'one ended row for each run').toEqual([])
  await expectLedgerOfRuns(database)
})
