// node bench/streams.ts [clients]: what it costs to watch 500 jobs in one process, and how long a change takes to arrive. Database, API
// and clients are three processes; each user watches one job, which changes ten times. About a minute and a half.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../core/database/client.ts'
import { createTickets } from '../core/live/slots/tickets.ts'
import { createVisionJob } from '../core/queue/create/create.ts'
import type { CreatedJob } from '../core/queue/create/idempotency.ts'
import { secret } from './support/api-settings.ts'
import { quantile } from './support/measure.ts'
import { openBenchDatabase } from './support/server.ts'

const clients = Number(process.argv[2] ?? 500)
const changes = 10

await using cleanup = new AsyncDisposableStack()
const { url, sql } = await openBenchDatabase(cleanup)
const database = openDatabase(url, { connections: 4, random: Math.random })
cleanup.defer(() => database.close())

const api = startProcess(`
  import { createAdaptorServer } from '@hono/node-server'
  import { composeStreams } from ${source('core/api/compose-streams.ts')}
  import { openDatabase } from ${source('core/database/client.ts')}
  const database = openDatabase(${JSON.stringify(url)}, { connections: 10, random: Math.random })
  const config = { AUTH_SECRET: ${JSON.stringify(secret)}, STREAM_SECONDS: 900, STREAM_SESSIONS_PER_USER: 10 }
  const { app } = composeStreams(config, { database, log: console.error, isReady: async () => true })
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
  process.on('SIGUSR2', () => console.log(JSON.stringify({ ...process.cpuUsage(), rss: process.memoryUsage.rss() })))`)
const port = Number(await api.line())

// A user may have ten streams, so each has a user of its own.
const userOf = (client: number) => `user-${client}`
const options = { maxRetries: 0, inFlightPerUser: 10, lifeMs: 3_600_000 }
const job = { imageUrl: 'https://a.example/b.png', analysisPurpose: 'x', outputFormat: 'alt_text', language: 'en' }
const created: CreatedJob[] = []
for (let client = 0; client < clients; client++) {
  created.push(await createVisionJob(database, job, { ...options, userId: userOf(client) }))
}
const tickets = createTickets({ AUTH_SECRET: secret }, Date.now)
const links = await Promise.all(
  created.map(async ({ jobId: id }, client) => {
    const expiresAt = new Date(Date.now() + options.lifeMs)
    const ticket = await tickets.sign({ scope: `job/${id}`, userId: userOf(client), expiresAt })
    return `http://127.0.0.1:${port}/v1/jobs/${id}/events?ticket=${ticket}`
  }),
)

// Prints `open` once all have had their first event, and from then on when each event came.
const watchers = startProcess(`
  import { createInterface } from 'node:readline'
  let open = 0
  const watch = async (link) => {
    const response = await fetch(link)
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      for (const [, jobId, version] of chunk.matchAll(/"jobId":(\\d+),"version":(\\d+)/g)) {
        if (version === '1') { if (++open === ${clients}) console.log('open') }
        else console.log(JSON.stringify([Number(jobId), Number(version), Date.now()]))
      }
    }
  }
  createInterface({ input: process.stdin }).on('line', (link) => void watch(link))`)
for (const link of links) watchers.child.stdin?.write(`${link}\n`)
if ((await watchers.line()) !== 'open') throw new Error('not all streams are open')

const selects = async () => {
  const [row] = await sql("SHOW GLOBAL STATUS LIKE 'Com_select'")
  return Number(row?.Value)
}
const usage = async () => {
  api.child.kill('SIGUSR2')
  const { user, system, rss } = JSON.parse(await api.line())
  return { cpuMs: (user + system) / 1000, rss }
}

await delay(2_000)
const [before, quiet] = [await usage(), await selects()]
await delay(20_000)
const [after, spent] = [await usage(), await selects()]
console.log(`${clients} streams at rest: ${((spent - quiet) / 20).toFixed(2)} reads a second,`)
console.log(`  ${((after.cpuMs - before.cpuMs) / 200).toFixed(1)} % of one core, ${Math.round(after.rss / 1e6)} MB`)

const committed = new Map<string, number>()
const delays: number[] = []
const expected = clients * changes
const arrived = (async () => {
  while (delays.length < expected) {
    const [jobId, version, at] = JSON.parse(await watchers.line())
    const from = committed.get(`${jobId} ${version}`)
    if (from !== undefined) delays.push(at - from)
  }
})()
const busy = await usage()
const began = performance.now()
const ids = created.map(({ jobId }) => jobId)
const pauses = Math.min(50, clients)
for (let version = 2; version < 2 + changes; version++) {
  // Spread over more than a second, so that no watcher can skip one.
  for (const [index, id] of ids.entries()) {
    await sql('UPDATE vision_jobs SET version = ? WHERE id = ?', [version, id])
    committed.set(`${id} ${version}`, Date.now())
    if (index % Math.ceil(clients / pauses) === 0) await delay(1_500 / pauses)
  }
}
await Promise.race([arrived, delay(10_000)])
const seconds = (performance.now() - began) / 1000
const cpuMs = (await usage()).cpuMs - busy.cpuMs
console.log(`${(expected / seconds).toFixed(0)} changes a second: ${delays.length} of ${expected} arrived,`)
console.log(
  `  p50 ${quantile(delays, 0.5)} ms, p99 ${quantile(delays, 0.99)} ms after the commit, ${(cpuMs / seconds / 10).toFixed(0)} % of one core`,
)

function source(file: string): string {
  return JSON.stringify(fileURLToPath(new URL(`../${file}`, import.meta.url)))
}

/** Starts a script as a process of its own, whose output is read line by line. */
function startProcess(script: string): { child: ChildProcess; line(): Promise<string> } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  })
  cleanup.defer(async () => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, line: async () => String((await lines.next()).value) }
}
