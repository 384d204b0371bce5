import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { BrandAnalysis } from '../../core/pipeline/analysis.ts'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { startPrivateDatabase } from '../../dev/database/start-database.ts'
import { StartError } from '../../dev/errors/start-error.ts'
import { type Stack, startStack } from '../../dev/stack.ts'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { putServerData } from '../support/dev/server-data.ts'
import { fixtureUrl, startTestStorage } from '../support/images/storage.ts'
import { gone, start, type TestProcess, temporaryFolder } from './child-processes.ts'

// Each test starts the whole product, some of them three times. What is shown of a process runs in one of its own.
vi.setConfig({ testTimeout: 300_000 })

const project = join(import.meta.dirname, '../..')

/** A data folder with a database that is migrated: a server of its own needs seconds to make one. */
let template: string
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'vision-pipeline-test-'))
  await putServerData(template)
  const data = await openDataFolder(template)
  // A file for each table would be three times as much to copy.
  const settings = ['--innodb-file-per-table=0', '--innodb-flush-method=nosync']
  const database = await startPrivateDatabase({ folder: data, env: process.env, log: () => {}, settings })
  await migrateDatabase(database.url)
  await database.stop()
  await data.release()
})
afterAll(() => rm(template, { recursive: true, force: true, maxRetries: 20 }))

/** Gives the test's stack what a first start makes. */
const notTheFirst = (name = 'data') => cp(template, join(folder, name), { recursive: true })

let folder: string
beforeEach(async () => {
  folder = await temporaryFolder()
  onTestFinished(async () => {
    for (const pid of await survivors()) process.kill(pid, 'SIGKILL')
  })
})

function launch(args: string[] = [], env: NodeJS.ProcessEnv = {}, checkout = project): TestProcess {
  const { DATABASE_URL: _, TEST_DATABASE_URL: __, ...own } = process.env
  return start(process.execPath, [join(checkout, 'dev/boot/start.mjs'), ...args], {
    env: { ...own, PORT: '0', DATA_DIR: join(folder, 'data'), ...env },
    detached: true,
  })
}

/** The stack in this process, where what is shown is none of a process's own. */
async function stackHere({
  env = {},
  dataDir = join(folder, 'data'),
  say = () => undefined,
}: {
  env?: object
  dataDir?: string
  say?: (line: string) => void
}): Promise<Stack> {
  const stack = await startStack({ env: { PATH: process.env.PATH, ...env }, port: 0, dataDir, say })
  onTestFinished(() => stack.stop())
  return stack
}

/** Asks a copy to stop and waits for its end. */
async function stop({ child, end }: TestProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  child.kill(signal)
  return (await end).code
}

const logLines = async (data = join(folder, 'data')) =>
  (await readFile(join(data, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const listening = /listens at (http:\S+)/

/** The processes that name the test's folder: the database above all. Found on Linux alone. */
async function survivors(): Promise<number[]> {
  const found: number[] = []
  if (process.platform !== 'linux') return found
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (command.includes(folder)) found.push(Number(name))
  }
  return found
}

async function call(url: string, init?: RequestInit) {
  const response = await fetch(url, init)
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}

const post = (url: string, body: unknown) =>
  call(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

test('Ctrl-C while the database is made ends the start, without a word of SQL; the next one makes it, takes the sample through, serves, and ends whole; a third finds the history, lets another folder run beside it and nobody into its own; when its database server ends by itself, it says so, stops whole and fails', async () => {
  const interrupted = launch()
  const data = join(folder, 'data')
  await expect
    .poll(async () => (await readdir(data).catch(() => [])).some((name) => /^database\.new\./.test(name)), {
      interval: 10,
      timeout: 60_000,
    })
    .toBe(true)
  // As a terminal does it: to the whole group.
  process.kill(-interrupted.pid, 'SIGINT')
  const { code, signal } = await interrupted.end
  expect(signal ?? code).not.toBe(0)
  expect(interrupted.output()).not.toMatch(/\b(CREATE|INSERT|SELECT|UPDATE)\b|could not be made| {4}at /)
  expect(interrupted.output()).toContain('Stopped while the database was made')
  expect((await readdir(data)).filter((name) => /^(lock|database)/.test(name))).toEqual(['database-temporary'])

  const first = launch()
  const url = await first.says(listening)
  // Three images with a text in two languages each, readable, and what they took.
  await first.says(/3 images, 6 texts in [\d.]+ s: 9 calls, \$0\.\d{4} if they were not emulated/)
  for (const file of ['poster.png', 'bottle.png', 'orchard.png']) {
    expect(first.output()).toMatch(new RegExp(`${file} +100 % {2}completed`))
  }
  for (const text of ['social_post, en', 'product_description, de', 'alt_text, de', 'name: Pellmere cloudy lemonade']) {
    expect(first.output()).toContain(text)
  }
  expect(first.output()).toMatch(/Emulated text\.[\s\S]*Emulierter Text\./)
  await first.says(/Serving at/)
  for (const part of ['database', 'storage', 'gemini', 'deepseek', 'schedule']) {
    expect(first.output()).toMatch(new RegExp(`${part} +(real|emulated)`))
  }
  expect((await call(`${url}/healthz`)).status).toBe(200)
  const [key = ''] = /vpk_\w{49}/.exec(first.output()) ?? []
  const withKey = { headers: { authorization: `Bearer ${key}` } }
  expect(await (await fetch(`${url}/v1/keys`, withKey)).json()).toMatchObject({ keys: [{ scopes: ['read', 'write'] }] })
  const { body: sample } = await call(`${url}/v1/jobs/1`)
  const outputs = sample.outputs as unknown as Record<string, { model: string; result: unknown }>
  // The poster's own colours: see dev/sample/poster.svg.
  expect(BrandAnalysis.parse(outputs.analysis?.result).palette[0]).toMatchObject({ hex: '#0f4c5c' })
  expect(outputs.content?.model).toMatch(/emulated/)

  // The two lines of docs/api.md.
  const created = await post(`${url}/api/trpc/visionPipeline.createJob`, {
    imageUrl: await fixtureUrl('red.png', 'image/png'),
    analysisPurpose: 'a test',
    outputFormat: 'detailed_analysis',
  })
  expect(created.body).toMatchObject({ result: { data: { jobId: 4 } } })
  await vi.waitFor(
    async () => {
      const { body } = await call(`${url}/api/trpc/visionPipeline.getJobStatus?jobId=4`)
      expect(body).toMatchObject({ result: { data: { jobId: 4, status: 'completed' } } })
    },
    { timeout: 60_000, interval: 100 },
  )

  // A job's own link streams it, and a stream that is open holds nothing up.
  const { body: third } = await post(`${url}/v1/jobs`, {
    imageUrl: await fixtureUrl('red.png', 'image/png'),
    analysisPurpose: 'a test',
    outputFormat: 'summary',
  })
  const eventsUrl = String(third.eventsUrl)
  expect(eventsUrl.startsWith(`${url}/v1/jobs/5/events?ticket=`)).toBe(true)
  const stream = await (await fetch(eventsUrl)).text()
  expect(stream.match(/^event: .*/gm)?.at(-1)).toBe('event: completed')
  expect((await fetch(`${url}/v1/jobs/5`, { method: 'DELETE' })).status).toBe(204)
  const { body: open } = await post(`${url}/v1/jobs`, {
    imageUrl: `${url}/never.png`,
    analysisPurpose: 'a test',
    outputFormat: 'summary',
  })
  const watching = await fetch(String(open.eventsUrl))
  expect(watching.status).toBe(200)
  void watching.text().catch(() => undefined)

  // What takes longer than five seconds is killed, and ends with no 0.
  expect(await stop(first)).toBe(0)
  expect(await survivors()).toEqual([])
  expect(first.output()).toMatch(/Stopped\.\n$/)
  expect(await logLines()).toMatchObject([
    {
      message: 'stack started',
      node: process.versions.node,
      database: expect.stringMatching(/^(MariaDB|MySQL) \d/),
      storage: 'emulated',
    },
    ...Array((await logLines()).length - 2).fill({}),
    { message: 'stack stopped' },
  ])
  await expectWellLogged(first)

  const second = launch()
  const again = await second.says(listening)
  await second.says(/history has 5 jobs/)
  expect(second.output()).toContain(key)
  expect(second.output()).not.toContain('sample images')
  expect(second.output()).not.toContain('did not shut down cleanly')
  const { body: page } = await call(`${again}/v1/jobs`)
  expect(page.jobs).toMatchObject([{ jobId: 6 }, ...[4, 3, 2, 1].map((jobId) => ({ jobId, status: 'completed' }))])

  await notTheFirst('other')
  const other = await stackHere({ dataDir: join(folder, 'other') })
  expect(other.url).not.toBe(again)
  const refused = launch()
  expect((await refused.end).code).toBe(1)
  expect(refused.output()).toMatch(/in use by process \d+.*DATA_DIR/)
  expect(second.child.exitCode).toBeNull()
  await other.stop()

  const { pid } = JSON.parse(await readFile(join(data, 'database-process.json'), 'utf8'))
  process.kill(pid, 'SIGKILL')
  expect(await second.end).toEqual({ code: 1, signal: null })
  expect(second.output()).toMatch(/database server exited unexpectedly \(SIGKILL\)[\s\S]*Stopping[\s\S]*Stopped\.\n$/)
  expect(second.output()).not.toContain('    at ')
  expect((await logLines()).slice(-2).map(({ message }) => message)).toContain('stack stopped')
  await gone(second.pid)
  expect(await survivors()).toEqual([])
  const next = await openDataFolder(data)
  expect(next.abandoned, 'it did shut down cleanly').toBe(false)
  await next.release()
})

/** Every log line of the sample job names the job and the attempt, and none holds a secret. */
async function expectWellLogged(copy: TestProcess): Promise<void> {
  const lines = await logLines()
  expect(lines.filter(({ message, jobId }) => message === 'step started' && jobId === 1)).toMatchObject([
    { attempt: 1, step: 'analysis' },
    { attempt: 1, step: 'content' },
    // One for each language.
    { attempt: 1, step: 'content' },
  ])
  expect(JSON.stringify(lines)).not.toMatch(/vpk_\w{49}/)
  const secrets = join(folder, 'data', 'secrets')
  for (const name of await readdir(secrets)) {
    const secret = (await readFile(join(secrets, name), 'utf8')).trim()
    expect(`${JSON.stringify(lines)}${copy.output()}`).not.toContain(secret)
  }
}

test('a port that is taken is told with a way out, and nothing stays behind', { tags: 'long' }, async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const copy = launch(['--port', String(port)])
  expect((await copy.end).code).toBe(1)
  expect(copy.output()).toMatch(new RegExp(`Port ${port} is in use.* Choose another with PORT or --port`))
  expect(await readdir(folder), 'nothing was made for it').toEqual([])
  expect(await survivors()).toEqual([])
})

test('a power cut in the middle of ten jobs loses none: after the next start all are completed', {
  tags: 'long',
}, async () => {
  await notTheFirst()
  // A lease that ends soon after the cut, and not before a busy machine renews it.
  const leases = { JOB_LEASE_SECONDS: '8', JOB_RENEW_SECONDS: '2', RETRY_BASE_SECONDS: '0.1' }
  const first = launch(['--no-sample', '--emulator-latency', '1500'], leases)
  const url = await first.says(listening)
  const image = await fixtureUrl('halves.png', 'image/png')
  const job = { imageUrl: image, analysisPurpose: 'a test', outputFormat: 'summary' }
  expect((await post(`${url}/v1/jobs/batch`, { jobs: Array(10).fill(job) })).status).toBe(201)
  // Some have their analysis saved and wait for their text.
  await vi.waitFor(
    async () => expect(JSON.stringify((await call(`${url}/v1/jobs`)).body)).toContain('"step":"content"'),
    { timeout: 60_000, interval: 200 },
  )
  await first.kill()
  for (const pid of await survivors()) process.kill(pid, 'SIGKILL')

  const said: string[] = []
  const { url: again } = await stackHere({ env: leases, say: (line) => said.push(line) })
  expect(said.join('\n')).toContain('The previous run did not shut down cleanly')
  expect(await logLines()).toContainEqual(
    expect.objectContaining({ message: 'previous run did not shut down cleanly' }),
  )
  await vi.waitFor(
    async () => {
      const { body } = await call(`${again}/v1/jobs?status=completed`)
      expect(body.jobs).toHaveLength(10)
    },
    { timeout: 60_000, interval: 200 },
  )
})

test('healthz tells when the database of DATABASE_URL is gone, and the stack still stops cleanly', {
  tags: 'long',
}, async () => {
  await notTheFirst('server')
  const server = await openDataFolder(join(folder, 'server'))
  onTestFinished(() => server.release())
  const database = await startPrivateDatabase({ folder: server, env: process.env, log: () => {} })
  onTestFinished(() => database.stop())
  const { url, stop } = await stackHere({ env: { DATABASE_URL: database.url } })
  expect((await call(`${url}/healthz`)).status).toBe(200)
  await database.stop()
  // An answer holds for a second.
  await vi.waitFor(
    async () => expect(await call(`${url}/healthz`)).toEqual({ status: 503, body: { status: 'unavailable' } }),
    { timeout: 60_000, interval: 200 },
  )
  await stop()
})

test('everything that is wrong in the environment is told at once, before anything is made', async () => {
  const copy = launch([], { JOB_MAX_RETRIES: 'hunter2', POLLER_CONCURRENCY: 'hunter2' })
  expect((await copy.end).code).toBe(1)
  expect(copy.output()).toMatch(/POLLER_CONCURRENCY .*\n.*JOB_MAX_RETRIES /)
  expect(copy.output()).not.toMatch(/_KEY| {4}at /)
  expect(await readdir(folder)).toEqual([])
})

test('.env is read, and unused settings in it are warned about', { tags: 'long' }, async () => {
  await notTheFirst()
  const checkout = join(folder, 'checkout')
  await mkdir(checkout)
  // The copy of what reads .env, and what was compiled of the rest.
  for (const name of ['dev', 'package.json', 'package-lock.json']) {
    await cp(join(project, name), join(checkout, name), { recursive: true })
  }
  for (const name of ['core', 'drizzle', 'node_modules']) await symlink(join(project, name), join(checkout, name))
  await writeFile(
    join(checkout, '.env'),
    'GEMINI_APIKEY=hunter2\nhunter2\nLOG_LEVEL=warn\nS3_ENDPOINT=http://127.0.0.1:1\n',
  )
  const copy = launch(['--no-sample'], {}, checkout)
  await copy.says(/Serving at/)
  for (const warning of [/Warning: .*line 1: .*GEMINI_APIKEY/, /Warning: .*line 2/, /Warning: S3_ENDPOINT has no/]) {
    expect(copy.output()).toMatch(warning)
  }
  expect(copy.output()).not.toContain('hunter2')
  expect(await stop(copy, 'SIGINT')).toBe(0)
  expect(await survivors()).toEqual([])
  expect(await readFile(join(folder, 'data', 'log.jsonl'), 'utf8'), 'at LOG_LEVEL=warn').toBe('')

  await writeFile(join(checkout, '.env'), 'PORT=many\n')
  const refused = launch([], { PORT: undefined }, checkout)
  expect((await refused.end).code).toBe(2)
  expect(refused.output()).toContain('PORT must be a whole number')
})

test('a bucket of one’s own is used where it stands, and one that cannot be used stops the start', {
  tags: 'long',
}, async () => {
  await notTheFirst()
  const storage = await startTestStorage()
  onTestFinished(() => storage.stop())
  const stack = await stackHere({ env: storage.settings })
  expect(stack.parts).toContainEqual({
    name: 'storage',
    kind: 'real',
    what: `S3, bucket ${storage.settings.BUCKET_NAME} at ${storage.settings.S3_ENDPOINT}`,
  })
  await stack.stop()

  const other = { ...storage.settings, BUCKET_NAME: 'no-such-bucket' }
  const refused = stackHere({ env: other, dataDir: join(folder, 'other') })
  await expect(refused).rejects.toThrow(/The bucket no-such-bucket .* cannot be used/)
  await expect(refused).rejects.toBeInstanceOf(StartError)
  expect(await readdir(folder)).toEqual(['data'])
})
