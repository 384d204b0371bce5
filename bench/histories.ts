// node bench/histories.ts [--server mariadb|mysql] [--jobs 300000]: the history of a user with 300,000 jobs: what a page of each filter
// reads and by which plans; the latency of others while that user asks for a hundred filtered pages at once; and that the server ends a
// read that takes too long. On a private MariaDB and then a private MySQL, or on the server of TEST_DATABASE_URL.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../core/database/client.ts'
import { rowsOf } from '../core/database/sql.ts'
import { outputFormats } from '../core/pipeline/formats.ts'
import { getUserVisionJobs, type HistoryQuery } from '../core/queue/read/history.ts'
import { statuses } from '../drizzle/schema.ts'
import { type Answer, startApi } from './support/api.ts'
import { type Measured, ms, openMeter, quantile, table } from './support/measure.ts'
import { type BenchDatabase, numbers, onEachServer, settingsInWords } from './support/server.ts'

const { values } = parseArgs({
  options: { server: { type: 'string' }, jobs: { type: 'string', default: '300000' } },
})
const jobs = Number(values.jobs)
const portion = 100_000

type Filter = Pick<HistoryQuery, 'statuses' | 'outputFormats'>

/** Every filter of at most one status and at most one format, and the widest ones. */
const kinds: Readonly<Record<string, readonly Filter[]>> = {
  'no filter': [{}],
  'one status': statuses.map((status) => ({ statuses: [status] })),
  'all statuses but one': [{ statuses: statuses.slice(1) }],
  'one format': outputFormats.map((format) => ({ outputFormats: [format] })),
  'all formats': [{ outputFormats }],
  'one status and one format': statuses.flatMap((status) =>
    outputFormats.map((format) => ({ statuses: [status], outputFormats: [format] })),
  ),
  'several of both': [{ statuses: ['failed', 'cancelled'], outputFormats: ['alt_text', 'social_post'] }],
  'all statuses but one, all formats': [{ statuses: statuses.slice(1), outputFormats }],
}

await onEachServer(values.server, async (on) => {
  await fill(on)
  console.log(
    `\n### ${on.name}\n\n${jobs.toLocaleString('en')} jobs of one user; private server, ${settingsInWords}.\n`,
  )
  await measurePages(on)
  await measureBatches(on)
  await showLimit(on)
})

/** Rare jobs are the oldest, so that a read along the ids finds them last. Another user has a few jobs. */
async function fill({ sql: query }: BenchDatabase): Promise<void> {
  const wordsOf = (words: readonly string[]) => words.map((word) => `'${word}'`).join()
  for (let first = 0; first < jobs; first += portion) {
    await query(
      `INSERT INTO vision_jobs (user_id, status, version, max_retries, image_url, analysis_purpose, output_format,
         language, created_at, updated_at, expires_at)
       SELECT IF(n MOD 10000 = 9999, 'bob', 'ann'),
         IF(n < 28, ELT(1 + n MOD ${statuses.length}, ${wordsOf(statuses)}), 'completed'), 1, 3,
         'https://images.example.com/poster.png', 'What is on the poster?',
         IF(n < 24, ELT(1 + n MOD ${outputFormats.length}, ${wordsOf(outputFormats)}), 'summary'), 'en',
         UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
       FROM ${numbers(first, Math.min(portion, jobs - first))}`,
    )
  }
  await query('ANALYZE TABLE vision_jobs')
}

async function measurePages({ url }: BenchDatabase): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  const meter = await openMeter(url)
  cleanup.defer(() => meter.close())
  const rows: string[][] = []
  for (const [name, filters] of Object.entries(kinds)) {
    const all: Measured[] = []
    for (const filter of filters) {
      for (const before of [undefined, Math.ceil(jobs * 0.9), Math.ceil(jobs * 0.1)]) {
        const work: Parameters<typeof meter.measure>[0]['work'] = (database) =>
          getUserVisionJobs(database, { userId: 'ann', limit: 100, before, ...filter })
        all.push(await meter.measure({ name, work }, 5))
      }
    }
    const reads = Math.max(...all.map(({ mostReads }) => mostReads))
    const times = all.map(({ p50 }) => p50)
    const plans = [...new Set(all.flatMap((one) => one.plans))]
    rows.push([
      name,
      String(all.length),
      String(reads),
      `${ms(quantile(times, 0.5))} (${ms(Math.max(...times))})`,
      plans.join('<br>'),
    ])
    for (const fault of all.flatMap(({ faults }) => faults)) {
      console.log(`PLAN THAT IS NOT FLAT: ${fault}`)
      process.exitCode = 1
    }
  }
  console.log('Pages of 100, the newest, from a tenth down and from nine tenths down:\n')
  console.log(table(['filter', 'pages', 'most read', 'ms, median (most)', 'plans'], rows))
}

/** Ann asks for histories that find nothing new and look the furthest; meanwhile bob lists, and a health check runs. */
async function measureBatches({ url }: BenchDatabase): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  // Like ten functions with two connections each, and one function that serves the others.
  const busy = await startApi(url, 20)
  cleanup.defer(() => busy.stop())
  const other = await startApi(url, 2)
  cleanup.defer(() => other.stop())
  await Promise.all([busy.call('/v1/jobs', 'ann'), other.call('/healthz'), other.call('/v1/jobs', 'bob')])
  const look = async (until: Promise<unknown>): Promise<{ healthz: Answer[]; bob: Answer[] }> => {
    const [healthz, bob]: [Answer[], Answer[]] = [[], []]
    let over = false
    const ending = until.finally(() => {
      over = true
    })
    while (!over) {
      healthz.push(await other.call('/healthz'))
      bob.push(await other.call('/v1/jobs?limit=20', 'bob'))
      await delay(20)
    }
    await ending
    return { healthz, bob }
  }
  const quiet = await look(delay(2_000))
  const rows = [rowOf('nothing else', undefined, quiet)]
  for (const [name, calls, batches] of [
    ['one batch of 100', 100, 1],
    ['one batch of 10', 10, 1],
    ['ten batches of 10 at once', 10, 10],
  ] as const) {
    let answers: readonly Answer[] = []
    const asking = Promise.all(Array.from({ length: batches }, () => busy.call(histories(calls), 'ann')))
    const meanwhile = await look(
      asking.then((all) => {
        answers = all
      }),
    )
    rows.push(rowOf(name, answers, meanwhile))
  }
  console.log('\nWhat that user asks for, and what others get of another function meanwhile:\n')
  console.log(
    table(['histories', 'answered', 'ms, all', '/healthz, ms, most', 'of bob, ms, most', 'others refused'], rows),
  )
}

function rowOf(
  name: string,
  answers: readonly Answer[] | undefined,
  { healthz, bob }: Awaited<Record<'healthz' | 'bob', Answer[]>>,
) {
  const most = (all: readonly Answer[]) => ms(Math.max(0, ...all.map((answer) => answer.ms)))
  const statusesOf = (all: readonly Answer[]) => [...new Set(all.map(({ status }) => status))].join(', ')
  const refused = [...healthz, ...bob].filter(({ status }) => status !== 200).length
  return [
    name,
    answers ? statusesOf(answers) : '',
    answers ? most(answers) : '',
    most(healthz),
    most(bob),
    String(refused),
  ]
}

function histories(calls: number): string {
  const input = Array.from({ length: calls }, (_, n) => ({
    limit: 100,
    status: statuses.slice(1 + (n % 3)),
    outputFormat: outputFormats.filter((format) => format !== 'summary'),
  }))
  const path = Array(calls).fill('visionPipeline.getJobHistory').join(',')
  return `/api/trpc/${path}?batch=1&input=${encodeURIComponent(JSON.stringify({ ...input }))}`
}

/** A read of all pairs of jobs, which no server finishes, as the product sends it. */
async function showLimit(on: BenchDatabase): Promise<void> {
  const database = openDatabase(on.url, { connections: 1, random: Math.random })
  const endless = sql`SELECT COUNT(*) AS endless_read FROM vision_jobs a, vision_jobs b WHERE a.language <> b.language`
  const began = performance.now()
  let tries = 0
  const error = await database
    .run((one) => {
      tries++
      return rowsOf(one, endless)
    })
    .catch((thrown) => thrown)
  const took = performance.now() - began
  await delay(2_000)
  const running = await on.sql(
    `SELECT id FROM information_schema.processlist WHERE info LIKE '%endless_read%' AND id <> CONNECTION_ID()`,
  )
  await database.close()
  console.log(
    `\nA read of all pairs of these jobs ended in \`${error?.code}\` after ${ms(took)} ms and ${tries} try; two seconds ` +
      `later ${running.length} statements of it were still running.`,
  )
}
