// node bench/same-work.ts [mariadb|mysql] [--quick] [--postgres=postgres://…]: the same work by this product and by other queues, at
// their best settings: each unit is two steps, whose results and rows of the ledger are in the database at the end; the providers
// answer at once. For the others each step is a job, and its handler stores what it makes. Beside that, the others' jobs a second with
// handlers that do nothing. One process, 100 in flight where the name does not say more, jobs created beforehand; in turns, medians of
// three. `npm ci --prefix bench/peers` first;
// PostgreSQL is a private one of Debian's package. About three minutes a server; --quick takes one small round, and writes nothing.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { median, table } from './support/measure.ts'
import { barChart } from './support/plot.ts'
import { startPostgres } from './support/postgres.ts'
import { openReport, writePlot } from './support/results.ts'
import { runScript } from './support/run-script.ts'
import { onEachServer, settingsInWords, truncateJobs } from './support/server.ts'

const server = process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb'
const quick = process.argv.includes('--quick')
const given = process.argv.find((one) => one.startsWith('--postgres='))?.slice('--postgres='.length)
const rounds = quick ? 1 : 3

/** The result of one process. */
interface Found {
  readonly perSecond: number
  /** CPU of the process, in milliseconds a unit. */
  readonly cpuMs: number
}

interface Contender {
  readonly name: string
  /** In `peers/same-work`; undefined for this product. */
  readonly script?: string
  readonly mode?: string
  /** 100 if left out. */
  readonly inFlight?: number
  /** Enough for a round of some seconds. */
  readonly units: number
}

const contenders: readonly Contender[] = [
  { name: 'this product', units: 10_000 },
  { name: 'this product, 400 in flight', units: 10_000, inFlight: 400 },
  { name: 'Sidequest', script: 'sidequest', units: 500 },
  { name: 'graphile-worker', script: 'graphile-worker', mode: 'plain', units: 3_000 },
  { name: 'graphile-worker, batched', script: 'graphile-worker', mode: 'batch', units: 5_000 },
  // Its four loops take a hundred each: 400 in flight.
  { name: 'pg-boss, 400 in flight, each result stored', script: 'pg-boss', mode: 'each', units: 5_000 },
  { name: 'pg-boss, 400 in flight, results stored by 100', script: 'pg-boss', mode: 'batch', units: 10_000 },
]

const peers = fileURLToPath(new URL('./peers/', import.meta.url))
if (!existsSync(`${peers}node_modules`)) throw new Error('Peers are not installed: npm ci --prefix bench/peers')
await using cleanup = new AsyncDisposableStack()
const postgres = given ? { url: given, name: 'PostgreSQL' } : await startPostgres(cleanup)
if (!postgres) throw new Error('PostgreSQL is not installed: apt-get install postgresql, or name one by --postgres=')

await onEachServer(server, async (on) => {
  const report = await openReport('same-work', on)
  const found = new Map(contenders.map((one) => [one, { work: [] as Found[], noOp: [] as Found[] }]))
  for (let round = 0; round < rounds; round++) {
    for (const [{ script, mode = '', units, inFlight = 100 }, results] of found) {
      const count = quick ? Math.min(units / 10, 200) : units
      if (script === undefined) {
        await truncateJobs(on)
        const ours = fileURLToPath(new URL('./same-work/ours.ts', import.meta.url))
        results.work.push(await runScript<Found>(ours, [on.url, String(count), String(inFlight)]))
        continue
      }
      const args = [script === 'sidequest' ? on.url : postgres.url, String(count), String(inFlight)]
      const file = `${peers}same-work/${script}.mjs`
      results.work.push(await runScript<Found>(file, [...args, 'work', mode]))
      results.noOp.push(await runScript<Found>(file, [...args, 'no-op', mode]))
    }
  }
  const medianOf = (all: readonly Found[], key: keyof Found) => median(all.map((one) => one[key]))
  const ours = Math.max(...[...found].map(([{ script }, { work }]) => (script ? 0 : medianOf(work, 'perSecond'))))
  report.add(`Beside ${postgres.name}. Private servers, ${settingsInWords}, PostgreSQL alike; medians of ${rounds}.`)
  report.add(
    table(
      [
        'queue',
        'units a second',
        'the faster of ours is so many times as fast',
        'CPU of the process, ms a unit',
        'no-op jobs a second',
      ],
      [...found].map(([{ name, script }, { work, noOp }]) => [
        name,
        Math.round(medianOf(work, 'perSecond')).toLocaleString('en'),
        script === undefined ? '' : (ours / medianOf(work, 'perSecond')).toFixed(2),
        medianOf(work, 'cpuMs').toFixed(2),
        noOp.length === 0 ? '' : Math.round(medianOf(noOp, 'perSecond')).toLocaleString('en'),
      ]),
    ),
  )
  const bars = [...found].map(([{ name, script }, { work }]) => ({
    label: name,
    value: medianOf(work, 'perSecond'),
    ours: script === undefined,
  }))
  const title = `The same work, ${on.name} and ${postgres.name}`
  report.add(await writePlot(`same-work-${on.kind}`, title, barChart(title, 'units a second', bars)))
  await report.write()
})
