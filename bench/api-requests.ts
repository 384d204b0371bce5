// node bench/api-requests.ts [mariadb|mysql] [--quick] [--profile] [--only=status]: requests a second that the API serves, against a bare
// handler of node:http that sends the same statements to the same database by the same driver, the statements of a caller's transaction
// included, and answers the same bodies, which it has as texts. The bare handler checks no token and no input, and does nothing with the
// rows that it reads, each caller its own, as the driver's objects; neither of the two reads anything about the caller's token from the database. Both are bundled as the functions are.
// 32 callers, each server a process of its own, in turns; medians of three. About two minutes. --profile writes a flame graph of each
// operation to bench/plots/, and names the functions that took most.
import { Agent, request } from 'node:http'
import { signToken } from '../core/platform/auth.ts'
import { startProxy } from '../test/support/database/proxy.ts'
import type { Recorded } from './api-requests/bare.ts'
import { apiSettings, secret } from './support/api-settings.ts'
import { makeBundles } from './support/bundles.ts'
import { type CpuProfile, flameGraph, heaviest } from './support/flame-graph.ts'
import { median, table } from './support/measure.ts'
import { each } from './support/no-op-jobs.ts'
import { openReport, writePlot } from './support/results.ts'
import { onEachServer, settingsInWords } from './support/server.ts'
import { type Served, startServer } from './support/start-server.ts'

const quick = process.argv.includes('--quick')
const profile = process.argv.includes('--profile')
const server = process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb'
const only = process.argv.find((one) => one.startsWith('--only='))?.slice('--only='.length)
const rounds = quick || profile ? 1 : 3
const callers = 32
const connections = 10
const firstJob = 1_000_000_000
const firstBatch = 2_000_000_000
const job = {
  imageUrl: 'https://images.example.com/poster.png',
  analysisPurpose: 'What does the poster say about the brand?',
  outputFormat: 'alt_text',
  language: 'en',
}

interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly body?: object | undefined
  /** How many calls a round has. */
  readonly calls: number
}

interface Taken {
  readonly perSecond: number
  /** Of the server's process, in milliseconds a call. */
  readonly cpuMs: number
}

const agent = new Agent({ keepAlive: true, maxSockets: callers })

await onEachServer(server, async (on) => {
  const report = await openReport('api-requests', on)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => agent.destroy())
  const userOf = (which: number) => `bench-user-${String(which).padStart(2, '0')}`
  const tokens = await Promise.all(
    Array.from({ length: callers }, (_, which) =>
      signToken(secret, { userId: userOf(which), scopes: [], lifeSeconds: 3_600, now: Date.now() }),
    ),
  )
  const settings = (url: string) => ({
    ...apiSettings(url, connections),
    JOB_IN_FLIGHT_PER_USER: '1000000',
    USER_JOBS_PER_DAY: '10000000',
    USER_JOBS_WAITING: '10000000',
  })
  await on.sql(`ALTER TABLE vision_jobs AUTO_INCREMENT = ${firstJob}`)
  await on.sql(`ALTER TABLE vision_batches AUTO_INCREMENT = ${firstBatch}`)
  // Bundled as the functions are: in the sources, packages are loaded by their CommonJS files.
  const scriptOf = await makeBundles(cleanup, ['bench/api-requests/ours', 'bench/api-requests/bare'], !profile)
  const ours = await startServer(cleanup, scriptOf('ours'), [], settings(on.url))

  // Each caller has sixty jobs and a batch, so that a page of fifty is full.
  const batches: number[] = []
  const jobs: number[] = []
  // One more of the first caller's is for the statements that the bare handler repeats, which fill it beyond what the API allows.
  const recordedPlace = callers
  for (let place = 0; place <= recordedPlace; place++) {
    const which = place % callers
    const post = async (path: string, body: object) =>
      JSON.parse(
        (await send(ours.port, { method: 'POST', path, body }, { authorization: `Bearer ${tokens[which]}` })).body,
      )
    batches.push((await post('/v1/batches', { name: 'a batch' })).batchId)
    const { jobs: created } = await post(`/v1/batches/${batches[place]}/jobs`, { jobs: Array(60).fill(job) })
    jobs.push(created[0].jobId)
  }
  const scale = quick ? 0.05 : 1
  const all: readonly Operation[] = [
    { name: 'create', method: 'POST', path: '/v1/jobs', body: job, calls: 2_000 * scale },
    { name: 'status', method: 'GET', path: '/v1/jobs/:job', calls: 4_000 * scale },
    { name: 'history', method: 'GET', path: '/v1/jobs?limit=50', calls: 2_000 * scale },
    {
      name: 'batch',
      method: 'POST',
      path: '/v1/batches/:batch/jobs',
      body: { jobs: Array(100).fill(job) },
      calls: 100 * scale,
    },
  ]
  const operations = all.filter(({ name }) => only === undefined || name === only)
  const pathOf = ({ path }: Operation, which: number) =>
    path.replace(':job', String(jobs[which])).replace(':batch', String(batches[which]))

  // What the API sends in one call, after another that opened what it needs.
  const proxy = await startProxy(on.url)
  cleanup.defer(() => proxy.close())
  const watched = await startServer(cleanup, scriptOf('ours'), [], {
    ...settings(proxy.url(on.url)),
    API_DATABASE_CONNECTIONS: '1',
  })
  const recorded: Record<string, Recorded> = {}
  // What is read before what creates: a history of the recorded caller's first sixty jobs is that of every other caller's.
  for (const operation of operations.toSorted((one) => (one.method === 'GET' ? -1 : 1))) {
    const call = () =>
      send(
        watched.port,
        { ...operation, path: pathOf(operation, recordedPlace) },
        { authorization: `Bearer ${tokens[0]}` },
      )
    await call()
    proxy.statements.length = 0
    const { status, body } = await call()
    const created = operation.method === 'POST' ? JSON.parse(body) : {}
    recorded[operation.name] = {
      statements: [...proxy.statements],
      body,
      status,
      user: userOf(0),
      firstId: created.jobId ?? created.jobs?.[0].jobId ?? jobs[recordedPlace],
    }
  }
  const bare = await startServer(cleanup, scriptOf('bare'), [on.url, String(connections), JSON.stringify(recorded)], {})

  const headersOf = ({ name, method }: Operation, which: number, isBare: boolean): Record<string, string> => {
    if (!isBare) return { authorization: `Bearer ${tokens[which]}` }
    const job = method === 'GET' && { job: String(jobs[which]) }
    return { authorization: userOf(which), operation: name, batch: String(batches[which]), ...job }
  }
  // A statement that names another caller's ids would read nothing.
  for (const operation of operations.filter(({ method }) => method === 'GET')) {
    const read = await Promise.all(
      tokens.map((_, which) => send(bare.port, operation, headersOf(operation, which, true))),
    )
    const rows = new Set(read.map((one) => one.rows))
    if (rows.size !== 1 || rows.has('0'))
      throw new Error(`${operation.name}: bare reads ${[...rows].join(' or ')} rows`)
  }

  const round = async (operation: Operation, on: Served, isBare: boolean, calls: number): Promise<Taken> => {
    const { status: wanted } = recorded[operation.name] ?? {}
    const [before, began] = [await on.ask<NodeJS.CpuUsage>('cpu'), performance.now()]
    await each(calls, callers, async (number) => {
      const which = number % callers
      const headers = headersOf(operation, which, isBare)
      // The body of one caller will do for the bare handler.
      const { status, body } = await send(on.port, { ...operation, path: pathOf(operation, which) }, headers)
      if (status !== wanted) throw new Error(`${operation.name}: ${status} ${body.slice(0, 500)}`)
    })
    const seconds = (performance.now() - began) / 1_000
    const after = await on.ask<NodeJS.CpuUsage>('cpu')
    const cpuMs = (after.user + after.system - before.user - before.system) / 1_000 / calls
    return { perSecond: calls / seconds, cpuMs }
  }

  const found = new Map(operations.map((operation) => [operation, { ours: [] as Taken[], bare: [] as Taken[] }]))
  for (const [operation, { ours: mine, bare: least }] of found) {
    const calls = Math.max(callers, operation.calls)
    await round(operation, ours, false, Math.max(callers, calls / 2))
    await round(operation, bare, true, Math.max(callers, calls / 2))
    for (let number = 0; number < rounds; number++) {
      if (profile) await ours.ask('start profile')
      mine.push(await round(operation, ours, false, calls))
      if (profile) await showProfile(operation.name, await ours.ask<CpuProfile>('end profile'))
      least.push(await round(operation, bare, true, calls))
    }
  }
  if (profile) return
  const medianOf = (all: readonly Taken[], key: keyof Taken) => median(all.map((one) => one[key]))
  report.add(
    `Private server, ${settingsInWords}; ${callers} callers, ${connections} connections; medians of ${rounds}.`,
  )
  report.add(
    table(
      ['', 'statements', 'requests a second', 'bare', 'ratio', 'CPU of the process, ms a request', 'bare'],
      [...found].map(([{ name }, { ours, bare }]) => {
        const [mine, least] = [medianOf(ours, 'perSecond'), medianOf(bare, 'perSecond')]
        return [
          name,
          recorded[name]?.statements.length ?? 0,
          Math.round(mine),
          Math.round(least),
          (mine / least).toFixed(2),
          medianOf(ours, 'cpuMs').toFixed(2),
          medianOf(bare, 'cpuMs').toFixed(2),
        ]
      }),
    ),
  )
  if (!profile && !only) await report.write()
})

async function showProfile(name: string, profile: CpuProfile): Promise<void> {
  await writePlot(`flame-${name}`, name, flameGraph(`The API's process during '${name}'`, profile))
  console.log(`\n${name}:`)
  for (const [frame, part] of heaviest(profile, 25)) console.log(`  ${(part * 100).toFixed(1)} %  ${frame}`)
}

interface Answer {
  readonly status: number
  readonly body: string
  /** How many rows the bare handler has read. */
  readonly rows: string | undefined
}

function send(
  port: number,
  { method, path, body }: Pick<Operation, 'method' | 'path' | 'body'>,
  headers: Record<string, string>,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const text = body && JSON.stringify(body)
  const all = {
    ...headers,
    ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const sent = request({ port, host: '127.0.0.1', method, path, agent, headers: all }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk) => chunks.push(chunk))
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        body: Buffer.concat(chunks).toString(),
        rows: response.headers.rows as string | undefined,
      }),
    )
    response.on('error', reject)
  })
  sent.on('error', reject)
  sent.end(text)
  return promise
}
