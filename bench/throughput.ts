// node bench/throughput.ts [mariadb|mysql] [--quick] [--webhooks] [--postgres=postgres://…]: jobs a second, created one by one and a hundred at
// a time, and run to their end by one worker with 100 in flight, whose steps do nothing; what a job takes in statements,
// commits and CPU of the client; and the peers of bench/peers in the same run (`npm ci` there first; those of PostgreSQL on the
// server that is named). --webhooks also runs them while each user has a webhook for all events. Medians of three rounds. --quick asserts the counts of one small round, and nothing about time.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Database, openDatabase } from '../core/database/client.ts'
import { createVisionJobs } from '../core/queue/create/create.ts'
import { drain } from '../core/worker/loop.ts'
import type { Steps } from '../core/worker/options.ts'
import { webhookEvents } from '../drizzle/schema.ts'
import { spending } from '../test/support/database/jobs.ts'
import { accessTo } from '../test/support/providers/access.ts'
import { type BenchDatabase, onEachServer, settingsInWords } from './support/server.ts'

const server = process.argv.slice(2).find((one) => !one.startsWith('--'))
const quick = process.argv.includes('--quick')
const postgres = process.argv.find((one) => one.startsWith('--postgres='))?.slice('--postgres='.length)
const webhooks = process.argv.includes('--webhooks')
const rounds = quick ? 1 : 3
const size = quick
  ? { one: 100, batch: 1_000, run: 1_000, peers: 0 }
  : { one: 2_000, batch: 20_000, run: 10_000, peers: 2_000 }
const inFlight = 100
const users = 500
const withWebhooks = `run to the end, ${inFlight} in flight, with webhooks`

const job = {
  imageUrl: 'https://images.example.com/poster.png',
  analysisPurpose: 'What does the poster say about the brand?',
  outputFormat: 'alt_text',
  language: 'en',
}
const limits = { jobsPerDay: 1_000_000, jobsWaiting: 100_000, costPerDay: 1_000_000_000_000 }
const optionsOf = (which: number) => ({
  userId: `user-${which % users}`,
  maxRetries: 3,
  inFlightPerUser: 1_000_000,
  lifeMs: 86_400_000,
  limits,
})

const call = async (meter: { sent(): Promise<void>; answered(used: ReturnType<typeof spending>): void }) => {
  await meter.sent()
  meter.answered(spending())
  return { model: 'a-model', body: { text: 'A poster of a brand of shoes that nobody wears any more.' } }
}
const steps: Steps = { analysis: (_, { meter }) => call(meter), content: (_, __, { meter }) => call(meter) }

/** What work on a number of jobs took. */
interface Taken {
  readonly perSecond: number
  readonly statements: number
  readonly commits: number
  /** Of this process, in milliseconds a job. */
  readonly cpuMs: number
}

await onEachServer(server, async (on) => {
  const database = openDatabase(on.url, { connections: 8, random: Math.random })
  try {
    const measured: Record<string, Taken[]> = {}
    for (let round = 0; round < rounds; round++) {
      const add = async (name: string, jobs: number, work: () => Promise<unknown>) => {
        measured[name] = [...(measured[name] ?? []), await taken(on, jobs, work)]
      }
      await empty(on)
      await add('created one by one, 64 callers', size.one, () =>
        each(size.one, 64, (which) => createVisionJobs(database, [job], optionsOf(which))),
      )
      await empty(on)
      await add('created by 100, 4 callers', size.batch, () => createMany(database, size.batch))
      await empty(on)
      await createMany(database, size.run)
      await add(`run to the end, ${inFlight} in flight`, size.run, () => run(database))
      if (webhooks) {
        await empty(on)
        await createMany(database, size.run)
        await addWebhooks(on)
        await add(withWebhooks, size.run, () => run(database))
        const [told] = await on.sql('SELECT COUNT(*) AS deliveries FROM vision_webhook_deliveries')
        assert.equal(Number(told?.deliveries), 2 * size.run, 'each text and each end is told')
      }
      const [left] = await on.sql("SELECT COUNT(*) AS jobs FROM vision_jobs WHERE status <> 'completed'")
      assert.equal(Number(left?.jobs), 0, 'every job has completed')
    }
    console.log(`\n### ${on.name}\n\nPrivate server, ${settingsInWords}; medians of ${rounds}.\n`)
    console.log(
      '| | jobs a second | statements a job | commits a job | client CPU, ms a job |\n| --- | --- | --- | --- | --- |',
    )
    for (const [name, all] of Object.entries(measured)) {
      const of = (key: keyof Taken) => median(all.map((one) => one[key]))
      console.log(
        `| ${name} | ${Math.round(of('perSecond'))} | ${of('statements').toFixed(2)} | ${of('commits').toFixed(3)} | ${of('cpuMs').toFixed(2)} |`,
      )
    }
    if (quick) {
      const [ended] = measured[`run to the end, ${inFlight} in flight`] ?? []
      assert.ok(ended && ended.statements <= 6, `a job takes at most 6 statements, not ${ended?.statements}`)
      assert.ok(ended.commits <= 1, `a job takes at most one commit, not ${ended.commits}`)
      const [told] = measured[withWebhooks] ?? []
      // Both kinds of group add statements, however many jobs they have.
      assert.ok(!told || told.statements <= ended.statements + 1, `webhooks take ${told?.statements} statements a job`)
    } else await peers(on)
  } finally {
    await database.close()
  }
})

async function empty({ sql }: BenchDatabase): Promise<void> {
  for (const table of [
    'jobs',
    'job_texts',
    'job_outputs',
    'job_attempts',
    'usage',
    'users',
    'workers',
    'worker_minutes',
    'webhook_endpoints',
    'webhook_deliveries',
  ]) {
    await sql(`TRUNCATE TABLE vision_${table}`)
  }
}

/** Gives each user a webhook for all events. */
async function addWebhooks({ sql }: BenchDatabase): Promise<void> {
  const rows = Array.from(
    { length: users },
    (_, user) =>
      `('user-${user}', 'https://shop.example/hook', '${webhookEvents.join(' ')}', '[]', NOW(3), NOW(3), NOW(3), NOW(3))`,
  )
  await sql(
    `INSERT INTO vision_webhook_endpoints (user_id, url, events, secrets, served_at, swept_at, created_at, updated_at)
      VALUES ${rows.join(', ')}`,
  )
}

async function createMany(database: Database, jobs: number): Promise<void> {
  await each(jobs / 100, 4, (which) => createVisionJobs(database, Array(100).fill(job), optionsOf(which)))
}

async function run(database: Database): Promise<void> {
  const workerId = 'bench'
  await drain(
    {
      database,
      steps,
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
      log: () => undefined,
      now: () => performance.now(),
    },
    { deadline: performance.now() + 600_000 },
  )
}

/** So many pieces of work, a few of them at a time. */
async function each(count: number, atOnce: number, work: (which: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

async function taken(on: BenchDatabase, jobs: number, work: () => Promise<unknown>): Promise<Taken> {
  const before = await counts(on)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const after = await counts(on)
  return {
    perSecond: jobs / seconds,
    statements: (after.statements - before.statements) / jobs,
    commits: (after.commits - before.commits) / jobs,
    cpuMs: (user + system) / 1000 / jobs,
  }
}

/** Of the whole server, which nobody else may use. */
async function counts({ sql }: BenchDatabase) {
  const rows = await sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_commit')")
  const of = (name: string) => Number(rows.find((row) => row.Variable_name === name)?.Value ?? 0)
  return { statements: of('Questions'), commits: of('Com_commit') }
}

async function peers({ url }: BenchDatabase): Promise<void> {
  const folder = fileURLToPath(new URL('./peers/', import.meta.url))
  if (!existsSync(`${folder}node_modules`)) {
    console.log('\nPeers are not installed: npm ci --prefix bench/peers')
    return
  }
  console.log('\n| peer | created one by one | by 100 | run to the end |\n| --- | --- | --- | --- |')
  const named = [
    ['sidequest', url] as const,
    ...['graphile-worker', 'pg-boss'].map((peer) => [peer, postgres] as const),
  ]
  for (const [peer, on] of named) {
    if (on === undefined) continue
    const all: Record<'one' | 'batch' | 'run', number | null>[] = []
    for (let round = 0; round < rounds; round++) all.push(await runPeer(`${folder}${peer}.mjs`, on))
    const of = (key: 'one' | 'batch' | 'run') => {
      const values = all.flatMap((one) => one[key] ?? [])
      return values.length === 0 ? 'none' : Math.round(median(values))
    }
    console.log(`| ${peer} | ${of('one')} | ${of('batch')} | ${of('run')} |`)
  }
}

/** In a process of its own; its last line is what it found, in jobs a second. */
async function runPeer(file: string, url: string): Promise<Record<'one' | 'batch' | 'run', number | null>> {
  const child = spawn(process.execPath, [file, url, String(size.peers), String(inFlight)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const [line] = said
    .split('\n')
    .filter((one) => one.startsWith('{'))
    .slice(-1)
  if (code !== 0 || line === undefined) throw new Error(`${file} ended with ${code}: ${said.slice(-500)}`)
  return JSON.parse(line)
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
