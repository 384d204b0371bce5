// node bench/workers.ts [mariadb|mysql] [--quick]: jobs a second that 1, 2, 4, 8, 16 and 32 workers run to their end from one queue, in up to
// four processes, whose steps do nothing; and that none of them meets an error, and no job runs twice. Medians of three rounds, about two
// minutes a server. --quick: 1, 4 and 16 workers, one small round, and nothing written.
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../core/database/client.ts'
import { tornJobs } from '../test/support/database/jobs.ts'
import { median, table } from './support/measure.ts'
import { createMany } from './support/no-op-jobs.ts'
import { openReport } from './support/results.ts'
import { runScript } from './support/run-script.ts'
import type { WorkersRan } from './support/run-worker.ts'
import { type BenchDatabase, onEachServer, settingsInWords, truncateJobs } from './support/server.ts'

const server = process.argv.slice(2).find((one) => !one.startsWith('--'))
const quick = process.argv.includes('--quick')
const rounds = quick ? 1 : 3
const jobs = quick ? 1_000 : 10_000
const counts = quick ? [1, 4, 16] : [1, 2, 4, 8, 16, 32]
const inFlight = 25
const processes = 4

/** What a number of workers did together; of `faults` there should be none. */
interface Round {
  readonly perSecond: number
  readonly retries: number
  readonly faults: {
    /** Errors and warnings that a worker logged, and those of them that were deadlocks. */
    readonly errors: number
    readonly deadlocks: number
    /** Jobs of which there is not exactly one run, which completed, and one of each output. */
    readonly notOnce: number
    /** Calls to providers in the ledger beyond two a job, or short of them. */
    readonly calls: number
  }
}

await onEachServer(server, async (on) => {
  const report = await openReport('workers', on)
  const database = openDatabase(on.url, { connections: 8, random: Math.random })
  try {
    const found = new Map(counts.map((workers) => [workers, [] as Round[]]))
    for (let round = 0; round < rounds; round++) {
      for (const [workers, all] of found) {
        await truncateJobs(on)
        await createMany(database, jobs)
        all.push(await run(on, workers))
      }
    }
    report.add(
      `Private server, ${settingsInWords}; ${jobs.toLocaleString('en')} jobs, workers of ${inFlight} in flight in up to ${processes} processes; medians of ${rounds}.`,
    )
    const most = (all: readonly Round[], key: keyof Round['faults']) =>
      Math.max(...all.map(({ faults }) => faults[key]))
    report.add(
      table(
        [
          'workers',
          'jobs a second',
          'errors',
          'deadlocks that surface',
          'jobs not run once',
          'calls too many',
          'transactions tried again, most',
        ],
        [...found].map(([workers, all]) => [
          workers,
          Math.round(median(all.map(({ perSecond }) => perSecond))).toLocaleString('en'),
          most(all, 'errors'),
          most(all, 'deadlocks'),
          most(all, 'notOnce'),
          most(all, 'calls'),
          Math.max(...all.map(({ retries }) => retries)),
        ]),
      ),
    )
    for (const [workers, all] of found) {
      for (const { faults } of all) {
        const none = { errors: 0, deadlocks: 0, notOnce: 0, calls: 0 }
        assert.deepEqual(faults, none, `${workers} workers met no error, and ran each job once`)
      }
    }
  } finally {
    await database.close()
  }
  await report.write()
})

/** Runs all jobs by so many workers. */
async function run({ url, sql }: BenchDatabase, workers: number): Promise<Round> {
  const file = fileURLToPath(new URL('./support/run-worker.ts', import.meta.url))
  const among = Math.min(processes, workers)
  const args = [url, String(inFlight), String(workers / among)]
  const ran = await Promise.all(Array.from({ length: among }, () => runScript<WorkersRan>(file, args)))
  const wrong = ran.flatMap((one) => one.wrong)
  for (const line of wrong) console.error(`  ${workers} workers: ${line}`)
  const [stored] = await sql(
    `SELECT (SELECT COUNT(*) FROM vision_jobs j WHERE status <> 'completed' OR attempt <> 1
        OR (SELECT COUNT(*) FROM vision_job_attempts a WHERE a.job_id = j.id AND a.outcome = 'completed') <> 1
        OR (SELECT COUNT(*) FROM vision_job_outputs o WHERE o.job_id = j.id) <> 2) AS notOnce,
      (SELECT SUM(calls) FROM vision_usage WHERE model <> '') AS calls`,
  )
  const began = Math.min(...ran.map((one) => one.began))
  return {
    perSecond: (jobs * 1_000) / (Math.max(...ran.map((one) => one.ended)) - began),
    retries: ran.reduce((sum, { retries }) => sum + retries, 0),
    faults: {
      errors: wrong.length,
      deadlocks: wrong.filter((line) => /deadlock/i.test(line)).length,
      notOnce: Math.max(Number(stored?.notOnce), (await tornJobs(sql)).length),
      calls: Math.abs(Number(stored?.calls) - 2 * jobs),
    },
  }
}
