// node bench/throughput.ts [mariadb|mysql] [--quick] [--webhooks] [--postgres=postgres://…]: jobs a second, created one by one and a
// hundred at a time, and run to their end by one worker with 100 in flight and by two with 100 and 400 each, whose steps do nothing; what a
// job takes in statements, commits and CPU of the client; and the peers of bench/peers in the same run (`npm ci` there first; those of PostgreSQL on a private
// one of Debian's package, or the one that is named). --webhooks also runs them while each user has a webhook for all events. Medians
// of three rounds, about two minutes a server. --quick asserts the counts of one small round, and nothing about time.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../core/database/client.ts'
import { createVisionJobs } from '../core/queue/create/create.ts'
import { webhookEvents } from '../drizzle/schema.ts'
import { median, table } from './support/measure.ts'
import { createMany, each, job, optionsOf, runAll, users } from './support/no-op-jobs.ts'
import { type Bar, barChart } from './support/plot.ts'
import { startPostgres } from './support/postgres.ts'
import { openReport, type Report, writePlot } from './support/results.ts'
import { runScript } from './support/run-script.ts'
import { type BenchDatabase, onEachServer, settingsInWords, truncateJobs } from './support/server.ts'

const server = process.argv.slice(2).find((one) => !one.startsWith('--'))
const quick = process.argv.includes('--quick')
const given = process.argv.find((one) => one.startsWith('--postgres='))?.slice('--postgres='.length)
const webhooks = process.argv.includes('--webhooks')
const rounds = quick ? 1 : 3
const size = quick
  ? { one: 100, batch: 1_000, run: 1_000, byTwo: 0, peers: 0 }
  : { one: 2_000, batch: 20_000, run: 10_000, byTwo: 20_000, peers: 2_000 }
const inFlight = 100
/** Of each of two workers. */
const inFlightOfTwo = quick ? [] : [100, 400]
const toTheEnd = `run to the end, ${inFlight} in flight`
const withWebhooks = `${toTheEnd}, with webhooks`

/** What work on a number of jobs took. */
interface Taken {
  readonly perSecond: number
  readonly statements: number
  readonly commits: number
  /** CPU of this process, in milliseconds a job. */
  readonly cpuMs: number
}

await using cleanup = new AsyncDisposableStack()
const postgres = quick ? undefined : (given ?? (await startPostgres(cleanup))?.url)

await onEachServer(server, async (on) => {
  const report = await openReport('throughput', on)
  const database = openDatabase(on.url, { connections: 8, random: Math.random })
  try {
    const measured: Record<string, Taken[]> = {}
    const byTwo = new Map(inFlightOfTwo.map((each) => [each, [] as number[]]))
    for (let round = 0; round < rounds; round++) {
      const add = async (name: string, jobs: number, work: () => Promise<unknown>) => {
        measured[name] = [...(measured[name] ?? []), await taken(on, jobs, work)]
      }
      await truncateJobs(on)
      await add('created one by one, 64 callers', size.one, () =>
        each(size.one, 64, (which) => createVisionJobs(database, [job], optionsOf(which))),
      )
      await truncateJobs(on)
      await add('created by 100, 4 callers', size.batch, () => createMany(database, size.batch))
      await truncateJobs(on)
      await createMany(database, size.run)
      await add(toTheEnd, size.run, () => runAll(database, inFlight))
      for (const [each, perSecond] of byTwo) {
        await truncateJobs(on)
        await createMany(database, size.byTwo)
        perSecond.push(await runByTwo(on, each))
      }
      if (webhooks) {
        await truncateJobs(on)
        await createMany(database, size.run)
        await addWebhooks(on)
        await add(withWebhooks, size.run, () => runAll(database, inFlight))
        const [told] = await on.sql('SELECT COUNT(*) AS deliveries FROM vision_webhook_deliveries')
        assert.equal(Number(told?.deliveries), 2 * size.run, 'each text and each end is told')
      }
      const [left] = await on.sql("SELECT COUNT(*) AS jobs FROM vision_jobs WHERE status <> 'completed'")
      assert.equal(Number(left?.jobs), 0, 'every job has completed')
    }
    report.add(`Private server, ${settingsInWords}; medians of ${rounds}.`)
    report.add(
      table(
        ['', 'jobs a second', 'statements a job', 'commits a job', 'client CPU, ms a job'],
        Object.entries(measured).map(([name, all]) => {
          const of = (key: keyof Taken) => median(all.map((one) => one[key]))
          return [
            name,
            Math.round(of('perSecond')),
            of('statements').toFixed(2),
            of('commits').toFixed(3),
            of('cpuMs').toFixed(2),
          ]
        }),
      ),
    )
    const ours: Bar[] = [
      { label: 'one worker, 100 in flight', value: median((measured[toTheEnd] ?? []).map((one) => one.perSecond)) },
      ...[...byTwo].map(([each, all]) => ({ label: `two workers, ${each} in flight each`, value: median(all) })),
    ]
    if (quick) {
      const [ended] = measured[toTheEnd] ?? []
      assert.ok(ended && ended.statements <= 6, `a job takes at most 6 statements, not ${ended?.statements}`)
      assert.ok(ended.commits <= 1, `a job takes at most one commit, not ${ended.commits}`)
      const [told] = measured[withWebhooks] ?? []
      // A group with webhooks sends a few statements more, however many jobs it has.
      assert.ok(!told || told.statements <= ended.statements + 1, `webhooks take ${told?.statements} statements a job`)
    } else await compare(on, ours, report)
  } finally {
    await database.close()
  }
  await report.write()
})

/** Runs all jobs by two workers, each a process of its own with so many in flight. @returns jobs a second, from the first beginning to the last end */
async function runByTwo({ url }: BenchDatabase, each: number): Promise<number> {
  const file = fileURLToPath(new URL('./support/run-worker.ts', import.meta.url))
  const worker = () => runScript<{ began: number; ended: number; completed: number }>(file, [url, String(each)])
  const both = await Promise.all([worker(), worker()])
  const jobs = both.reduce((sum, { completed }) => sum + completed, 0)
  assert.equal(jobs, size.byTwo, 'each job has completed once')
  const began = Math.min(...both.map((one) => one.began))
  return (jobs * 1_000) / (Math.max(...both.map((one) => one.ended)) - began)
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

/** Counters of the whole server: nobody else may use it meanwhile. */
async function counts({ sql }: BenchDatabase) {
  const rows = await sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_commit')")
  const of = (name: string) => Number(rows.find((row) => row.Variable_name === name)?.Value ?? 0)
  return { statements: of('Questions'), commits: of('Com_commit') }
}

/** The results of a peer, in jobs a second. */
type Peer = Record<'one' | 'batch' | 'run', number | null>

/** Reports how fast this product runs jobs to their end, beside the peers. @param ours in jobs a second */
async function compare(on: BenchDatabase, ours: readonly Bar[], report: Report): Promise<void> {
  const found = await measurePeers(on)
  const rate = (value: number | undefined) => (value === undefined ? 'none' : Math.round(value).toLocaleString('en'))
  const times = ({ run }: (typeof found)[number]) => ours.map(({ value }) => (run ? (value / run).toFixed(1) : ''))
  report.add(
    table(
      ['workers', 'jobs run to the end a second'],
      ours.map(({ label, value }) => [label, rate(value)]),
    ),
  )
  if (found.length === 0) return
  report.add(
    table(
      [
        'peer',
        'created one by one',
        'by 100',
        'run to the end',
        ...ours.map(({ label }) => `ours is so many times as fast: ${label}`),
      ],
      found.map((peer) => [peer.name, rate(peer.one), rate(peer.batch), rate(peer.run), ...times(peer)]),
    ),
  )
  const title = `Jobs run to the end, steps that do nothing, ${on.name}`
  const bars = [
    ...ours.map((bar) => ({ ...bar, ours: true })),
    ...found.flatMap(({ name, run }) => (run === undefined ? [] : [{ label: name, value: run }])),
  ]
  report.add(await writePlot(`throughput-${on.kind}`, title, barChart(title, 'jobs a second', bars)))
}

interface MeasuredPeer {
  readonly name: string
  readonly one?: number | undefined
  readonly batch?: number | undefined
  readonly run?: number | undefined
}

/** @returns the medians of each peer that is installed */
async function measurePeers({ url }: BenchDatabase): Promise<readonly MeasuredPeer[]> {
  const folder = fileURLToPath(new URL('./peers/', import.meta.url))
  if (!existsSync(`${folder}node_modules`)) {
    console.log('\nPeers are not installed: npm ci --prefix bench/peers')
    return []
  }
  const named = [
    ['sidequest', url] as const,
    ...['graphile-worker', 'pg-boss'].map((peer) => [peer, postgres] as const),
  ]
  const found: MeasuredPeer[] = []
  for (const [name, database] of named) {
    if (database === undefined) continue
    const all: Peer[] = []
    for (let round = 0; round < rounds; round++) {
      all.push(await runScript<Peer>(`${folder}${name}.mjs`, [database, String(size.peers), String(inFlight)]))
    }
    const of = (key: keyof Peer) => {
      const values = all.flatMap((one) => one[key] ?? [])
      return values.length === 0 ? undefined : median(values)
    }
    found.push({ name, one: of('one'), batch: of('batch'), run: of('run') })
  }
  return found
}
