// node bench/limit.ts [mariadb|mysql] [--quick]: how close a poller comes to the limit that its providers set. Jobs of two calls, made by
// the real SDKs to emulated providers in a process of their own, whose latency is a tenth of the second that a call takes in practice,
// against a bare loop of the same steps at the same concurrency that stores nothing. Wall time and CPU of this process, in turns. 400 in
// flight are four pollers of a hundred in one process. About three minutes.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../core/database/client.ts'
import { createImageIntake } from '../core/images/intake.ts'
import { openImageStore } from '../core/images/store.ts'
import { createSteps, type PipelineJob } from '../core/pipeline/steps.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createPrices } from '../core/providers/prices.ts'
import { servingBy } from '../core/providers/serving.ts'
import { createVisionJobs } from '../core/queue/create/create.ts'
import { createPoller } from '../core/worker/create-poller.ts'
import { quantile, table } from './support/measure.ts'
import { pixel } from './support/pixel.ts'
import { openReport } from './support/results.ts'
import { onEachServer } from './support/server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const quick = process.argv.includes('--quick')
const rounds = quick ? 1 : 3
const factor = 10
const latencyMs = 1_000 / factor
const inFlight = quick ? [25] : [25, 100, 400]
/** The most places of one poller. */
const mostPlaces = 100
const jobsFor = (concurrency: number) => (quick ? 2 * concurrency : Math.min(2_000, 10 * concurrency))

/** What some work took, in milliseconds. */
interface Taken {
  readonly wall: number
  readonly cpu: number
}

await using cleanup = new AsyncDisposableStack()
const services = await startServices()

await onEachServer(process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb', async (on) => {
  const report = await openReport('limit', on)
  const rows: (string | number)[][] = []
  for (const concurrency of inFlight) {
    const config = loadPollerConfig({
      ...services,
      DATABASE_URL: on.url,
      GEMINI_API_KEY: 'emulated',
      DEEPSEEK_API_KEY: 'emulated',
      POLLER_CONCURRENCY: String(Math.min(mostPlaces, concurrency)),
      JOB_IN_FLIGHT_PER_USER: '1000000',
    })
    const database = openDatabase(on.url, { connections: 4, random: Math.random })
    const store = openImageStore(config)
    const output = { service: 'bench', write: () => undefined, now: Date.now }
    const options = { log: () => undefined, metrics: createMetrics(output), allowLoopbackHttp: false }
    const pollers = Array.from({ length: Math.ceil(concurrency / mostPlaces) }, () => createPoller(config, options))
    const count = jobsFor(concurrency)
    try {
      const image = await createImageIntake(database, store, { allowLoopbackHttp: false }).take(pixel, 'ann')
      const job = { ...image, analysisPurpose: 'a measurement', outputFormat: 'alt_text', language: 'en' }
      const fill = async () => {
        const forOne = { userId: 'ann', maxRetries: 3, inFlightPerUser: 1_000_000, lifeMs: 3_600_000 }
        for (let left = count; left > 0; left -= 100) {
          await createVisionJobs(database, Array(Math.min(100, left)).fill(job), forOne)
        }
      }
      const ours = async () => {
        const deadline = performance.now() + 300_000
        const tallies = await Promise.all(pollers.map((poller) => poller.drain({ deadline })))
        const completed = tallies.reduce((sum, tally) => sum + tally.completed, 0)
        if (completed !== count) throw new Error(`${completed} of ${count} jobs completed`)
      }
      const bytes = Buffer.from(pixel.split(',')[1] ?? '', 'base64')
      const common = { prices: createPrices([], Date.now), timeoutMs: 60_000, now: Date.now }
      const loaded = { bytes, type: 'image/png', width: 1, height: 1, release: () => undefined }
      const load = { image: async () => loaded, brand: async () => undefined }
      const steps = createSteps(load, servingBy(config, common).models, randomBytes)
      const bare = async () => {
        let left = count
        await Promise.all(
          Array.from({ length: concurrency }, async () => {
            while (left-- > 0) {
              const one: PipelineJob = { ...job, traceId: null }
              const { body } = await steps.analysis(one, context())
              await steps.content(one, body, context())
            }
          }),
        )
      }
      const times: { readonly ours: Taken[]; readonly bare: Taken[] } = { ours: [], bare: [] }
      for (let round = quick ? 0 : -1; round < rounds; round++) {
        await fill()
        const [one, other] = [await taken(ours), await taken(bare)]
        if (round < 0) continue
        times.ours.push(one)
        times.bare.push(other)
      }
      const median = (of: readonly Taken[], what: keyof Taken) =>
        quantile(
          of.map((one) => one[what]),
          0.5,
        )
      rows.push([
        concurrency,
        count,
        ...(['wall', 'cpu'] as const).flatMap((what) => {
          const [mine, least] = [median(times.ours, what), median(times.bare, what)]
          return [`${mine.toFixed(0)} ms`, `${least.toFixed(0)} ms`, (mine / least).toFixed(2)]
        }),
        `${Math.round(process.memoryUsage().rss / 1e6)} MB`,
      ])
    } finally {
      for (const poller of pollers) await poller.close()
      store.close()
      await database.close()
    }
  }
  report.add(`Calls of ${latencyMs} ms (a second, scaled by ${factor}), medians of ${rounds}.`)
  report.add(table(['in flight', 'jobs', 'wall', 'bare', 'ratio', 'CPU', 'bare', 'ratio', 'memory'], rows))
  await report.write()
})

function context() {
  const meter = {
    sent: async () => undefined,
    answered: () => undefined,
    imageLoaded: () => undefined,
    again: async () => false,
    failed: () => undefined,
  }
  return { signal: new AbortController().signal, meter }
}

async function taken(work: () => Promise<void>): Promise<Taken> {
  const before = process.cpuUsage()
  const began = performance.now()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: performance.now() - began, cpu: (user + system) / 1_000 }
}

/** The emulated providers and bucket in a process of their own, and the settings by which they are found. */
async function startServices(): Promise<Record<string, string>> {
  const folder = await temporaryFolder(cleanup)
  const at = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
  const script = `
    const { startProviderEmulators } = await import(${at('../dev/emulators/providers/server.ts')})
    const { startS3Emulator } = await import(${at('../dev/emulators/s3/server.ts')})
    const keys = { accessKeyId: 'bench', secretAccessKey: 'the secret of an emulated bucket' }
    const providers = await startProviderEmulators({ baseLatencyMs: ${latencyMs} })
    const s3 = await startS3Emulator({ folder: ${JSON.stringify(folder)}, bucket: 'bench-images', ...keys })
    console.log(JSON.stringify({
      BUCKET_NAME: 'bench-images', S3_ENDPOINT: s3.endpoint,
      S3_ACCESS_KEY_ID: keys.accessKeyId, S3_SECRET_ACCESS_KEY: keys.secretAccessKey,
      GEMINI_BASE_URL: providers.geminiBaseUrl, DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
    }))`
  const args = [...process.execArgv, '--input-type=module', '-e', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanup.defer(async () => {
    child.kill()
    await once(child, 'close')
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return JSON.parse(line)
}
