// node bench/operator-status.ts [mariadb|mysql] [--jobs 2000000]: what getWorkerStatus, findJobs, getFailures and getMinutes take over two
// million jobs, at rest and while a worker claims and settles. On a private MariaDB and then a private MySQL, or on the server of
// TEST_DATABASE_URL. Filling takes some minutes.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { getStatus } from '../core/admin/status.ts'
import { type Database, openDatabase } from '../core/database/client.ts'
import { claimPendingVisionJobs } from '../core/queue/claim/claim.ts'
import { findJobs } from '../core/queue/read/find-jobs.ts'
import { completeVisionJob, saveAnalysis } from '../core/queue/settle/settle.ts'
import { getFailures } from '../core/usage/failures.ts'
import { getMinutes } from '../core/worker/report/minutes.ts'
import { ms, quantile, table } from './support/measure.ts'
import { openReport } from './support/results.ts'
import { type BenchDatabase, numbers, onEachServer, settingsInWords } from './support/server.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: '2000000' } },
})
const jobs = Number(values.jobs)
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error(`--jobs must be a whole number above 0, not '${values.jobs}'.`)
  process.exit(2)
}
const calls = 100
const batch = 100_000

await onEachServer(positionals[0], async (on) => {
  const report = await openReport('operator-status', on)
  const begun = performance.now()
  await fill(on)
  console.error(`${on.name}: filled in ${Math.round((performance.now() - begun) / 1_000)} s`)
  const database = openDatabase(on.url, { connections: 3, random: Math.random })
  try {
    report.add(`Private server, ${settingsInWords}; ${jobs.toLocaleString('en')} jobs, ${calls} calls of each.`)
    const atRest = await measure(database)
    let busy = true
    const working = work(database, () => busy)
    await delay(500)
    const meanwhile = await measure(database)
    busy = false
    const runs = await working
    report.add(
      table(
        ['', 'ms, p50 (p99), at rest', `while ${runs.toLocaleString('en')} jobs were claimed and settled`],
        [...atRest].map(([name, cell]) => [name, cell, meanwhile.get(name) ?? '']),
      ),
    )
  } finally {
    await database.close()
  }
  await report.write()
})

/** @returns of each operation its p50 and p99, in words */
async function measure(database: Database): Promise<ReadonlyMap<string, string>> {
  const operations: Readonly<Record<string, () => Promise<unknown>>> = {
    getWorkerStatus: () => getStatus(database),
    findJobs: () => findJobs(database, {}, { limit: 20 }),
    'findJobs of a code': () => findJobs(database, { statuses: ['failed'], code: 'analysis.' }, { limit: 20 }),
    'findJobs of a code that nothing has': () => findJobs(database, { code: 'image.not_found' }, { limit: 20 }),
    'getFailures of two days': () => database.run((on) => getFailures(on, 2)),
    'getMinutes of an hour': () => database.run((on) => getMinutes(on, 60)),
  }
  const found = new Map<string, string>()
  for (const [name, call] of Object.entries(operations)) {
    const took: number[] = []
    for (let count = 0; count < calls; count++) {
      const begun = performance.now()
      await call()
      took.push(performance.now() - begun)
    }
    found.set(name, `${ms(quantile(took, 0.5))} (${ms(quantile(took, 0.99))})`)
  }
  return found
}

/** Works as one worker with ten places. @returns how many jobs it completed */
async function work(database: Database, isWanted: () => boolean): Promise<number> {
  let runs = 0
  while (isWanted()) {
    const claim = { workerId: 'bench', limit: 10, leaseMs: 60_000, lane: 'analysis' } as const
    const { runs: claimed } = await claimPendingVisionJobs(database, claim)
    for (const run of claimed) {
      await saveAnalysis(database, run, { model: 'bench', body: {} }, {})
      await completeVisionJob(database, run, { model: 'bench', body: {} }, {})
      runs++
    }
  }
  return runs
}

/** Jobs of a thousand users, an hour of a hundred workers, a thousand streams, and the failures of five thousand users today. */
async function fill({ sql }: BenchDatabase): Promise<void> {
  for (let made = 0; made < jobs; made += batch) await fillJobs(sql, Math.min(batch, jobs - made))
  // The texts of the jobs that are claimed during the measurement.
  await sql(`INSERT INTO vision_job_texts (job_id, text, output_format, language, status, created_at, updated_at)
    SELECT id, 1, output_format, language, 'waiting', created_at, updated_at FROM vision_jobs
    WHERE status = 'pending' AND next_step = 'analysis' AND start_tag < 30000`)
  await sql(`INSERT INTO vision_worker_minutes (minute, worker_id, completed)
    SELECT CAST(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%d %H:%i:00') AS DATETIME(3)) - INTERVAL n DIV 100 MINUTE, n % 100, 25
    FROM ${numbers(0, 6_000)}`)
  await sql(`INSERT INTO vision_workers (id, host, started_at, last_heartbeat_at, stopped_at)
    SELECT n, 'bench', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL n SECOND, IF(n < 100, NULL, UTC_TIMESTAMP(3))
    FROM ${numbers(0, 10_000)}`)
  await sql(`INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at)
    SELECT 'ann', n, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY FROM ${numbers(0, 1_000)}`)
  await sql(`INSERT INTO vision_failures (user_id, day, code, step, jobs, first_at, last_at, job_id)
    SELECT CONCAT('user-', n DIV 20), UTC_DATE(), ELT(1 + n % 20 DIV 2, 'analysis.timed_out', 'analysis.invalid_answer', 'image.not_found',
      'image.too_large', 'image.unreachable', 'content.timed_out', 'content.invalid_answer', 'job.expired', 'analysis.refused',
      'content.refused'), IF(n % 2 = 0, 'analysis', 'content'), 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), n FROM ${numbers(0, 100_000)}`)
}

/** Jobs in every status. */
async function fillJobs(sql: BenchDatabase['sql'], count: number): Promise<void> {
  const within = (status: string) => `CASE status WHEN '${status}' THEN`
  await sql(`INSERT INTO vision_jobs (user_id, status, next_step, start_tag, version, attempt, max_retries, image_url,
      analysis_purpose, output_format, language, available_at, lease_expires_at, error_code, created_at, updated_at,
      finished_at, expires_at)
    SELECT CONCAT('user-', n % 1000), status, IF(n % 3 = 0, 'content', 'analysis'), n, 1, 0, 3,
      'https://images.example.com/poster.png', 'What is on the poster?', 'summary', 'en',
      ${within('scheduled')} UTC_TIMESTAMP(3) + INTERVAL (n - 1000) SECOND END,
      ${within('processing')} UTC_TIMESTAMP(3) + INTERVAL 1 DAY END, ${within('failed')} 'analysis.timed_out' END,
      UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL n SECOND,
      IF(status IN ('completed', 'failed', 'cancelled'), UTC_TIMESTAMP(3) - INTERVAL n SECOND, NULL),
      UTC_TIMESTAMP(3) + INTERVAL 1 DAY
    FROM (SELECT n, ELT(1 + n % 10, 'pending', 'pending', 'pending', 'scheduled', 'processing', 'completed', 'completed',
      'completed', 'failed', 'cancelled') AS status FROM ${numbers(0, count)}) AS jobs`)
}
