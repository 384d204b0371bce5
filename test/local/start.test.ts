import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BrandAnalysis } from '../../core/pipeline/analysis.ts'
import { fixtureUrl } from '../support/storage.ts'

const start = fileURLToPath(new URL('../../local/start.mjs', import.meta.url))

let folder: string
let copies: Copy[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vision-start-'))
  copies = []
})
afterEach(async () => {
  for (const copy of copies) await copy.kill()
  for (const pid of await survivors()) process.kill(pid, 'SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

interface Copy {
  readonly child: ChildProcess
  /** All that it has printed so far. */
  readonly output: () => string
  /** Waits for a line, and gives back its first group. */
  says(line: RegExp): Promise<string>
  /** Asks it to stop and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Ends every process of it at once, as a power cut would. */
  kill(): Promise<void>
}

function launch(args: string[] = [], env: Record<string, string> = {}): Copy {
  const { DATABASE_URL: _, TEST_DATABASE_URL: __, ...own } = process.env
  const child = spawn(process.execPath, [start, '--port', '0', ...args], {
    env: { ...own, DATA_DIR: join(folder, 'data'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const exited = once(child, 'exit')
  const copy: Copy = {
    child,
    output: () => output,
    says: async (line) => {
      await vi.waitFor(
        () => {
          if (child.exitCode !== null && !line.test(output)) throw new Error(`it has ended: ${output}`)
          expect(output).toMatch(line)
        },
        { timeout: 30_000, interval: 50 },
      )
      return String(line.exec(output)?.[1])
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      const [code] = await exited
      return code
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      process.kill(-Number(child.pid), 'SIGKILL')
      await exited
    },
  }
  copies.push(copy)
  return copy
}

const listening = /listens at (http:\S+)/

/** The processes that name the test's folder: the database above all. */
async function survivors(): Promise<number[]> {
  const found: number[] = []
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

test('a first start takes the sample through, serves, and ends whole; a second finds the history', async () => {
  const first = launch()
  const url = await first.says(listening)
  await first.says(/100 % {2}completed/)
  await first.says(/Serving at/)
  for (const part of ['database', 'storage', 'gemini', 'deepseek', 'schedule']) {
    expect(first.output()).toMatch(new RegExp(`${part} +(real|emulated)`))
  }
  expect((await call(`${url}/healthz`)).status).toBe(200)
  const { body: sample } = await call(`${url}/v1/jobs/1`)
  const outputs = sample.outputs as unknown as Record<string, { model: string; result: unknown }>
  // The poster's own colours: see local/sample/poster.svg.
  expect(BrandAnalysis.parse(outputs.analysis?.result).palette[0]).toMatchObject({ hex: '#0f4c5c' })
  expect(outputs.content?.model).toMatch(/emulated/)

  // The two lines of the README.
  const created = await post(`${url}/api/trpc/visionPipeline.createJob`, {
    imageUrl: await fixtureUrl('red.png', 'image/png'),
    analysisPurpose: 'a test',
    outputFormat: 'detailed_analysis',
  })
  expect(created.body).toMatchObject({ result: { data: { jobId: 2 } } })
  await vi.waitFor(
    async () => {
      const { body } = await call(`${url}/api/trpc/visionPipeline.getJobStatus?jobId=2`)
      expect(body).toMatchObject({ result: { data: { jobId: 2, status: 'completed' } } })
    },
    { timeout: 20_000, interval: 100 },
  )

  // A job's own link streams it, and a stream that is open holds nothing up.
  const { body: third } = await post(`${url}/v1/jobs`, {
    imageUrl: await fixtureUrl('red.png', 'image/png'),
    analysisPurpose: 'a test',
    outputFormat: 'summary',
  })
  const eventsUrl = String(third.eventsUrl)
  expect(eventsUrl.startsWith(`${url}/v1/jobs/3/events?ticket=`)).toBe(true)
  const stream = await (await fetch(eventsUrl)).text()
  expect(stream.match(/^event: .*/gm)?.at(-1)).toBe('event: completed')
  expect((await fetch(`${url}/v1/jobs/3`, { method: 'DELETE' })).status).toBe(204)
  const { body: open } = await post(`${url}/v1/jobs`, {
    imageUrl: `${url}/never.png`,
    analysisPurpose: 'a test',
    outputFormat: 'summary',
  })
  const watching = await fetch(String(open.eventsUrl))
  expect(watching.status).toBe(200)
  void watching.text().catch(() => undefined)

  const asked = performance.now()
  expect(await first.stop()).toBe(0)
  expect(performance.now() - asked).toBeLessThan(5_000)
  expect(await survivors()).toEqual([])

  const second = launch()
  const again = await second.says(listening)
  await second.says(/history has 3 jobs/)
  expect(second.output()).not.toContain('sample image')
  const { body: page } = await call(`${again}/v1/jobs`)
  expect(page.jobs).toMatchObject([{ jobId: 4 }, { jobId: 2, status: 'completed' }, { jobId: 1, status: 'completed' }])
  expect(await second.stop('SIGINT')).toBe(0)
  expect(await survivors()).toEqual([])
})

test('two copies run side by side, and one on the same folder refuses and names the first', async () => {
  const first = launch(['--no-sample'])
  const other = launch(['--no-sample'], { DATA_DIR: join(folder, 'other') })
  expect(await first.says(listening)).not.toBe(await other.says(listening))
  const third = launch()
  expect((await once(third.child, 'exit'))[0]).toBe(1)
  expect(third.output()).toMatch(/in use by process \d+.*DATA_DIR/)
  expect(first.child.exitCode).toBeNull()
  await Promise.all([first.stop(), other.stop()])
  expect(await survivors()).toEqual([])
})

test('a port that is taken is told with a way out, and nothing stays behind', async () => {
  const first = launch(['--no-sample'])
  const port = new URL(await first.says(listening)).port
  const second = launch(['--port', port], { DATA_DIR: join(folder, 'other') })
  expect((await once(second.child, 'exit'))[0]).toBe(1)
  expect(second.output()).toContain(`Port ${port} is in use`)
  await first.stop()
  expect(await survivors()).toEqual([])
})

test('a power cut in the middle of ten jobs loses none: after the next start all are completed', async () => {
  const leases = { JOB_LEASE_SECONDS: '2', JOB_RENEW_SECONDS: '1', RETRY_BASE_SECONDS: '0.1' }
  const first = launch(['--no-sample', '--emulator-latency', '1500'], leases)
  const url = await first.says(listening)
  const image = await fixtureUrl('halves.png', 'image/png')
  const job = { imageUrl: image, analysisPurpose: 'a test', outputFormat: 'summary' }
  expect((await post(`${url}/v1/jobs/batch`, { jobs: Array(10).fill(job) })).status).toBe(201)
  // Some have their analysis saved and wait for their text.
  await vi.waitFor(
    async () => expect(JSON.stringify((await call(`${url}/v1/jobs`)).body)).toContain('"step":"content"'),
    { timeout: 20_000, interval: 50 },
  )
  await first.kill()
  for (const pid of await survivors()) process.kill(pid, 'SIGKILL')

  const second = launch([], leases)
  const again = await second.says(listening)
  await vi.waitFor(
    async () => {
      const { body } = await call(`${again}/v1/jobs?status=completed`)
      expect(body.jobs).toHaveLength(10)
    },
    { timeout: 25_000, interval: 200 },
  )
  await second.stop()
}, 60_000)

test('every log line of a job is JSON that names the job and the attempt, and none holds a secret', async () => {
  const copy = launch()
  await copy.says(/100 % {2}completed/)
  await copy.stop()
  const lines = (await readFile(join(folder, 'data', 'log.jsonl'), 'utf8')).trim().split('\n')
  const started = lines.map((line) => JSON.parse(line)).filter(({ message }) => message === 'step started')
  expect(started).toMatchObject([
    { jobId: 1, attempt: 1, step: 'analysis' },
    { jobId: 1, attempt: 1, step: 'content' },
  ])
  const secrets = join(folder, 'data', 'secrets')
  for (const name of await readdir(secrets)) {
    const secret = (await readFile(join(secrets, name), 'utf8')).trim()
    expect(`${lines.join()}${copy.output()}`).not.toContain(secret)
  }
})
