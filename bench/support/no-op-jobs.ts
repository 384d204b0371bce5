import type { Database } from '../../core/database/client.ts'
import type { Tally } from '../../core/domain/tally.ts'
import type { Log } from '../../core/platform/log.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { spending } from '../../test/support/database/jobs.ts'
import { accessTo } from '../../test/support/providers/access.ts'

/** The users that a measurement's jobs are spread over. */
export const users = 500

export const job = {
  imageUrl: 'https://images.example.com/poster.png',
  analysisPurpose: 'What does the poster say about the brand?',
  outputFormat: 'alt_text',
  language: 'en',
}

const limits = { jobsPerDay: 1_000_000, jobsWaiting: 100_000, costPerDay: 1_000_000_000_000 }

export function optionsOf(which: number) {
  return { userId: `user-${which % users}`, maxRetries: 3, inFlightPerUser: 1_000_000, lifeMs: 86_400_000, limits }
}

const call = async (meter: { sent(): Promise<void>; answered(used: ReturnType<typeof spending>): void }) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: { text: 'A poster of a brand of shoes that nobody wears any more.' } }
}

/** Steps whose providers answer at once. */
const noOpSteps: Steps = {
  analysis: (_, { meter }) => call(meter),
  content: (_, __, { meter }) => call(meter),
}

/** Creates jobs a hundred at a time, by four callers. */
export async function createMany(database: Database, jobs: number): Promise<void> {
  await each(jobs / 100, 4, (which) => createVisionJobs(database, Array(100).fill(job), optionsOf(which)))
}

/**
 * Runs all jobs to their end by one worker, beside which others may do the same.
 *
 * @param log receives what the worker logs
 * @returns what it did
 */
export function runAll(
  database: Database,
  inFlight: number,
  workerId = 'bench',
  log: Log = () => undefined,
): Promise<Tally> {
  return drain(
    {
      database,
      steps: noOpSteps,
      providers: accessTo(database, { workerId }),
      workerId,
      concurrency: inFlight,
      inFlightPerUser: 1_000_000,
      leaseMs: 60_000,
      renewMs: 20_000,
      idleMs: 0,
      stepMs: { analysis: 1_000, content: 1_000 },
      callMs: 1_000,
      retry: { baseMs: 0, capMs: 0, random: () => 0 },
      providerWaitMs: 1_000,
      log,
      now: () => performance.now(),
    },
    { deadline: performance.now() + 600_000 },
  )
}

/** Does a number of pieces of work, a few of them at a time. */
export async function each(count: number, atOnce: number, work: (which: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
