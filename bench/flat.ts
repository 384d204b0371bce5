// node bench/flat.ts [mariadb|mysql] [--rounds 60] [--sizes 1000,100000,2000000]: whether any statement of the product takes
// longer, or reads more, with two million rows in each large table than with a thousand. The tours of test/statements send every form
// of docs/statements.sql; databases of each size are on one server, and take turns. In the first round the server counts what each
// statement reads, in the others the client takes its time. On a private MariaDB and then a private MySQL, or on the server of
// TEST_DATABASE_URL. That nothing reads more, test/statements/flat.test.ts asserts at smaller sizes. On a busy MariaDB it took nine
// minutes to fill two million rows, which take 10 GB of /tmp, and a quarter of a minute a round.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import mysql from 'mysql2/promise'
import { openDatabase } from '../core/database/client.ts'
import { fill } from '../test/statements/fill.ts'
import { normalize } from '../test/statements/normalize.ts'
import { makeEveryTour, tidy, type World } from '../test/statements/tours.ts'
import { createTestApi } from '../test/support/api/test-api.ts'
import { countReads, timeStatements } from '../test/support/database/count-reads.ts'
import { startProxy } from '../test/support/database/proxy.ts'
import { startTestServices } from '../test/support/functions/services.ts'
import { type Form, tablesOf } from './support/flat-tables.ts'
import { openReport } from './support/results.ts'
import { type BenchDatabase, onEachServer, openBeside, settingsInWords } from './support/server.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '60' },
    sizes: { type: 'string', default: '1000,100000,2000000' },
  },
})
const rounds = Number(values.rounds)
const sizes = values.sizes.split(',').map(Number)
if (sizes.length < 2 || ![...sizes, rounds].every((one) => Number.isInteger(one) && one > 0)) {
  console.error('--sizes takes two whole numbers or more, and --rounds one, each above 0.')
  process.exit(2)
}
const listed = (await readFile(new URL('../docs/statements.sql', import.meta.url), 'utf8'))
  .split('\n')
  .filter((line) => line.endsWith(';')).length
await onEachServer(positionals[0], async (on) => {
  const report = await openReport('flat', on)
  await using cleanup = new AsyncDisposableStack()
  const forms = new Map<string, Form>()
  const formOf = (statement: string) => {
    const text = normalize(statement)
    const form = forms.get(text) ?? { text, at: sizes.map(() => ({ reads: 0, times: [] })) }
    forms.set(text, form)
    return form
  }
  const worlds: World[] = []
  for (const size of sizes) {
    const began = performance.now()
    const database = await openBeside(cleanup, on, String(size))
    const beside = await mysql.createConnection({ uri: database.url, timezone: 'Z' })
    await fill([database.sql, async (query) => (await beside.query(query))[0]], size)
    await beside.end()
    worlds.push(await openWorld(cleanup, database))
    console.error(`${on.name}: ${size.toLocaleString('en')} rows a table, filled in ${seconds(began)} s`)
  }
  for (const [index, world] of worlds.entries()) {
    const began = performance.now()
    await countReads(
      (statement, reads) => {
        const at = formOf(statement).at[index]
        if (at) at.reads = Math.max(at.reads, reads)
      },
      () => makeEveryTour(world),
    )
    console.error(`  counted at ${sizes[index]?.toLocaleString('en')} in ${seconds(began)} s`)
  }
  let broken = 0
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    for (let turn = 0; turn < worlds.length; turn++) {
      // Each goes first as often as the others.
      const index = (round + turn) % worlds.length
      const world = worlds[index] as World
      await tidy(world)
      const taken: (readonly [() => string, number])[] = []
      try {
        await timeStatements(
          (...one) => taken.push(one),
          () => makeEveryTour(world),
        )
        for (const [statement, took] of taken) formOf(statement()).at[index]?.times.push(took)
      } catch (error) {
        // What was measured for half an hour is worth more than the rest of one tour.
        console.error(error)
        broken++
      }
    }
    console.error(`  round ${round + 1} of ${rounds} in ${seconds(began)} s`)
  }
  report.add(
    `Private server, ${settingsInWords}; ${rounds} rounds at each size, in turns, and one in which the server counted.`,
  )
  if (broken > 0) {
    report.add(`${broken} tours of ${rounds * sizes.length} broke off, and are left out.`)
    process.exitCode = 1
  }
  const { text, grown } = tablesOf([...forms.values()], sizes, listed)
  report.add(text)
  await report.write()
  if (grown.length > 0) {
    console.error(`\nTHESE READ MORE:\n${grown.join('\n')}`)
    process.exitCode = 1
  }
})

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 1_000)
}

/** What the tours go through, on one database: only what a lost answer needs goes through the proxy. */
async function openWorld(cleanup: AsyncDisposableStack, on: BenchDatabase): Promise<World> {
  const proxy = await startProxy(on.url)
  cleanup.defer(() => proxy.close())
  const services = await startTestServices()
  cleanup.defer(() => services.stop())
  const open = async (url: string) => {
    const database = openDatabase(url, { connections: 10, random: Math.random })
    cleanup.defer(() => database.close())
    const kept = async () => undefined
    const api = await createTestApi({ database: { ...database, url, sql: on.sql, empty: kept, drop: kept } })
    cleanup.defer(() => api.drop())
    return api
  }
  return { api: await open(on.url), proxied: await open(proxy.url(on.url)), proxy, services }
}
