// node bench/fair-queue.ts [mariadb|mysql] [--rounds 100] [--sizes 1000,100000,2000000] [--quick]: whether the queue is as fast over two
// million pending jobs as over a thousand: what each of its operations takes and reads, by which plans, and which user each of 400
// claims serves. On a private MariaDB and then a private MySQL, or on the server of TEST_DATABASE_URL. About fifteen minutes a server,
// ten of which fill it; five with `--sizes 1000,100000,500000 --rounds 30`. --quick: 1,000 and 5,000 jobs, 3 rounds, nothing written.
import { parseArgs } from 'node:util'
import { fillQueue, queueOperations } from './support/big-queue.ts'
import { type Measured, ms, openMeter, table } from './support/measure.ts'
import { lineChart } from './support/plot.ts'
import { openReport, type Report, writePlot } from './support/results.ts'
import { type BenchDatabase, onEachServer, settingsInWords } from './support/server.ts'
import { measureShares, type Share } from './support/shares.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '100' },
    sizes: { type: 'string', default: '1000,100000,2000000' },
  },
})
const rounds = values.quick ? 3 : Number(values.rounds)
const sizes = values.quick ? [1_000, 5_000] : values.sizes.split(',').map(Number)

await onEachServer(positionals[0], async (on) => {
  const report = await openReport('fair-queue', on)
  const found = new Map<string, Map<number, Measured>>()
  const shares = new Map<string, Map<number, Share>>()
  let filled = 0
  for (const size of sizes) {
    const began = performance.now()
    await fillQueue(on, filled, size)
    filled = size
    const said = `${on.name}: ${size.toLocaleString('en')} pending jobs`
    console.error(`${said}, filled in ${Math.round((performance.now() - began) / 1000)} s`)
    await using cleanup = new AsyncDisposableStack()
    const meter = await openMeter(on.url)
    cleanup.defer(() => meter.close())
    for (const operation of await queueOperations(on, size)) {
      const measured = await meter.measure(operation, rounds)
      console.error(`  ${operation.name}: ${ms(measured.p50)} ms, ${measured.reads} read`, ...measured.faults)
      found.set(operation.name, (found.get(operation.name) ?? new Map()).set(size, measured))
    }
    for (const [name, share] of Object.entries(await measureShares(on))) {
      console.error(`  ${name}: ${share.least} to ${share.most} claims, no gap over ${share.gap}`)
      shares.set(name, (shares.get(name) ?? new Map()).set(size, share))
    }
  }
  await add(report, on, found, shares)
  await report.write()
})

/** Adds what was found to the report. */
async function add(
  report: Report,
  on: BenchDatabase,
  found: ReadonlyMap<string, ReadonlyMap<number, Measured>>,
  shares: ReadonlyMap<string, ReadonlyMap<number, Share>>,
): Promise<void> {
  const names = sizes.map((size) => size.toLocaleString('en'))
  const each = <T>(bySize: ReadonlyMap<number, T>, cell: (of: T) => string) =>
    sizes.map((size) => {
      const of = bySize.get(size)
      return of === undefined ? '' : cell(of)
    })
  report.add(`Private server, ${settingsInWords}; ${rounds} rounds of each, on one connection.`)
  report.add('Milliseconds, p50 (p99):')
  report.add(
    table(
      ['operation', ...names],
      [...found].map(([name, by]) => [name, ...each(by, ({ p50, p99 }) => `${ms(p50)} (${ms(p99)})`)]),
    ),
  )
  const title = `Milliseconds by the number of pending jobs, ${on.name}`
  const lines = [...found].map(([label, by]) => ({
    label,
    points: [...by].map(([size, { p50 }]) => [size, p50] as const),
  }))
  report.add(await writePlot(`flat-${on.kind}`, title, lineChart(title, 'p50', lines)))
  report.add('Index entries and rows read, median (most), in so many statements:')
  report.add(
    table(
      ['operation', ...names, 'statements'],
      [...found].map(([name, by]) => [
        name,
        ...each(by, ({ reads, mostReads }) => `${reads} (${mostReads})`),
        [...new Set(each(by, ({ statements }) => String(statements)))].join(', '),
      ]),
    ),
  )
  report.add('Plans, as the server has them at the largest size; none at any size reads a whole table or sorts one:')
  const largest = sizes.at(-1) as number
  report.add(
    table(
      ['operation', 'plans'],
      [...found].map(([name, by]) => [name, by.get(largest)?.plans.join('<br>') ?? '']),
    ),
  )
  report.add('Shares of 31 users over 400 claims (equal: 12.9), least to most, and the longest gap in claims:')
  report.add(
    table(
      ['senders', ...names],
      [...shares].map(([name, by]) => [name, ...each(by, ({ least, most, gap }) => `${least} to ${most}, ${gap}`)]),
    ),
  )
  const faults = [...found].flatMap(([name, by]) =>
    [...by.values()].flatMap((one) => one.faults.map((of) => [name, of])),
  )
  if (faults.length > 0) {
    console.log(`\nPLANS THAT ARE NOT FLAT:\n${faults.map((fault) => fault.join(': ')).join('\n')}`)
    process.exitCode = 1
  }
}
