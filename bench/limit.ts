// node bench/limit.ts [mariadb|mysql] [--quick] [--factor=1|2|10] [--in-flight=25,100,400] [--profile]: how close a poller comes to the
// limit that its providers set. Jobs of two calls, made by the real SDKs to emulated providers in a process of their own, against a bare
// loop at the same concurrency that makes the same calls, the read of the image from the bucket among them, with the same prompts and the
// same checks of the answers, and stores nothing. A call takes a second divided by the factor; without one, both 1 and 10 are measured.
// In turns, the first alternating; wall time until the last job has ended, and CPU of this process. 400 in flight are four pollers of a
// hundred in one process. About eight minutes. --profile writes a flame graph of each, and which functions took most, and no results.
import { randomBytes } from 'node:crypto'
import { openDatabase } from '../core/database/client.ts'
import { createImageIntake } from '../core/images/intake.ts'
import { maxImageBytes } from '../core/images/limits.ts'
import { openImageStore, sha256Of, snapshotKey } from '../core/images/store.ts'
import { createSteps, type PipelineJob } from '../core/pipeline/steps.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createPrices } from '../core/providers/prices.ts'
import { servingBy } from '../core/providers/serving.ts'
import { createVisionJobs } from '../core/queue/create/create.ts'
import { createPoller } from '../core/worker/create-poller.ts'
import { type Places, type Stretch, stretches, watchPlaces } from './limit/places.ts'
import { startServices } from './limit/services.ts'
import { flameGraph, heaviest, startProfile } from './support/flame-graph.ts'
import { quantile, table } from './support/measure.ts'
import { pixel } from './support/pixel.ts'
import { openReport, type Report, writePlot } from './support/results.ts'
import { type BenchDatabase, onEachServer } from './support/server.ts'

const option = (name: string) => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3)
const quick = process.argv.includes('--quick')
const profile = process.argv.includes('--profile')
const rounds = quick || profile ? 1 : 3
const factors = numbersOf(option('factor') ?? (quick || profile ? '10' : '1,10'))
// The largest first: the code is warm for the others, as it is in a poller that has worked for a while.
const inFlight = numbersOf(option('in-flight') ?? (quick ? '25' : profile ? '100' : '25,100,400')).toSorted(
  (one, other) => other - one,
)
/** The most places of one poller. */
const mostPlaces = 100

/** What some work took. */
interface Taken {
  /** Milliseconds. */
  readonly wall: number
  /** Milliseconds. */
  readonly cpu: number
  /** The mean time of a job's calls, in milliseconds. */
  readonly calls: number
  readonly stretches: Readonly<Record<Stretch, number>>
}

await onEachServer(process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb', async (on) => {
  const report = await openReport('limit', on)
  for (const factor of factors) await measure(on, factor, report)
  if (!profile) await report.write()
})

async function measure(on: BenchDatabase, factor: number, report: Report): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  const latencyMs = 1_000 / factor
  const services = await startServices(cleanup, latencyMs)
  // Each factor has a bucket of its own, and the database would know of the image of another's.
  const userId = `user-${factor}`
  const places = watchPlaces()
  cleanup.defer(() => places.stop())
  const rows: (string | number)[][] = []
  const idle: (string | number)[][] = []
  for (const concurrency of inFlight) {
    const count = quick ? 2 * concurrency : Math.min(2_000, (factor > 2 ? 10 : 5) * concurrency)
    await using level = new AsyncDisposableStack()
    const config = loadPollerConfig({
      ...services,
      DATABASE_URL: on.url,
      GEMINI_API_KEY: 'emulated',
      DEEPSEEK_API_KEY: 'emulated',
      POLLER_CONCURRENCY: String(Math.min(mostPlaces, concurrency)),
      JOB_IN_FLIGHT_PER_USER: '1000000',
    })
    const database = openDatabase(on.url, { connections: 4, random: Math.random })
    level.defer(() => database.close())
    const store = openImageStore(config)
    level.defer(() => store.close())
    const output = { service: 'bench', write: () => undefined, now: Date.now }
    const options = { log: places.log, metrics: createMetrics(output), allowLoopbackHttp: false }
    const pollers = Array.from({ length: Math.ceil(concurrency / mostPlaces) }, () => createPoller(config, options))
    for (const poller of pollers) level.defer(() => poller.close())

    const image = await createImageIntake(database, store, { allowLoopbackHttp: false }).take(pixel, userId)
    const job = { ...image, analysisPurpose: 'a measurement', outputFormat: 'alt_text', language: 'en' }
    const fill = async () => {
      const forOne = { userId, maxRetries: 3, inFlightPerUser: 1_000_000, lifeMs: 3_600_000 }
      for (let left = count; left > 0; left -= 100) {
        await createVisionJobs(database, Array(Math.min(100, left)).fill(job), forOne)
      }
    }
    const ours = async () => {
      const deadline = performance.now() + 300_000
      const tallies = await Promise.all(pollers.map((poller) => poller.drain({ deadline })))
      const completed = tallies.reduce((sum, tally) => sum + tally.completed, 0)
      if (completed !== count) throw new Error(`${completed} of ${count} jobs completed`)
      return places.endedAt()
    }

    const key = snapshotKey(userId, sha256Of(Buffer.from(pixel.split(',')[1] ?? '', 'base64')))
    const about = { type: 'image/png', width: 1, height: 1, release: () => undefined }
    const load = {
      image: async (_: PipelineJob, signal: AbortSignal) => ({
        ...about,
        bytes: await store.get(key, maxImageBytes, signal),
      }),
      brand: async () => undefined,
    }
    const common = { prices: createPrices([], Date.now), timeoutMs: 60_000, now: Date.now }
    const steps = createSteps(load, servingBy(config, common).models, randomBytes)
    const bare = async () => {
      let left = count
      const place = async () => {
        while (left-- > 0) {
          const one: PipelineJob = { ...job, traceId: null }
          const { body } = await steps.analysis(one, context())
          await steps.content(one, body, context())
        }
      }
      await Promise.all(Array.from({ length: concurrency }, place))
      return performance.now()
    }

    const times: Record<'ours' | 'bare', Taken[]> = { ours: [], bare: [] }
    for (let round = quick ? 0 : -1; round < rounds; round++) {
      await fill()
      const turns = [['ours', ours] as const, ['bare', bare] as const]
      for (const [name, work] of round % 2 === 0 ? turns : turns.toReversed()) {
        places.reset()
        const title = `${name === 'ours' ? 'a poller' : 'a bare loop'}, ${concurrency} in flight`
        const one = await taken(
          places,
          { concurrency, count },
          profile && round >= 0 ? profiled(title, work, report) : work,
        )
        if (round >= 0) times[name].push(one)
      }
    }

    /** @returns a number for each, and their ratio */
    const compared = (of: (one: Taken) => number) => {
      const [mine, least] = [median(times.ours.map(of)), median(times.bare.map(of))]
      return [mine, least, mine / least] as const
    }
    const [wall, bareWall, wallRatio] = compared((one) => one.wall)
    const [cpu, bareCpu, cpuRatio] = compared((one) => one.cpu / count)
    rows.unshift([
      concurrency,
      count,
      `${wall.toFixed(0)} ms`,
      `${bareWall.toFixed(0)} ms`,
      wallRatio.toFixed(2),
      `${cpu.toFixed(2)} ms`,
      `${bareCpu.toFixed(2)} ms`,
      cpuRatio.toFixed(2),
      `${Math.round(process.memoryUsage().rss / 1e6)} MB`,
    ])
    const inCalls = median(times.bare.map((one) => one.calls))
    idle.unshift([
      concurrency,
      ...stretches.map((one) => median(times.ours.map((taken) => taken.stretches[one])).toFixed(1)),
      inCalls.toFixed(1),
      ((bareWall * concurrency) / count - inCalls).toFixed(1),
    ])
  }
  const scaled = factor === 1 ? 'as in practice' : `a second, scaled by ${factor}`
  report.add(`Calls of ${latencyMs} ms (${scaled}), medians of ${rounds}; CPU is that of a job`)
  report.add(table(['in flight', 'jobs', 'wall', 'bare', 'ratio', 'CPU', 'bare', 'ratio', 'memory'], rows))
  report.add(
    'What a place is taken up with from a claim to the next, in milliseconds a job, and the same of the bare loop:',
  )
  report.add(table(['in flight', ...stretches, 'bare: calls', 'bare: between'], idle))
}

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

/** @param work resolves to when its last job has ended */
async function taken(
  places: Places,
  { concurrency, count }: { readonly concurrency: number; readonly count: number },
  work: () => Promise<number>,
): Promise<Taken> {
  const before = process.cpuUsage()
  const began = performance.now()
  const wall = (await work()) - began
  const { user, system } = process.cpuUsage(before)
  return {
    wall,
    cpu: (user + system) / 1_000,
    calls: places.calls(count),
    stretches: places.read(concurrency, count, wall),
  }
}

function profiled(title: string, work: () => Promise<number>, report: Report): () => Promise<number> {
  return async () => {
    const end = await startProfile()
    const ended = await work()
    const found = await end()
    report.add(await writePlot(`limit-${title.replaceAll(/\W+/g, '-')}`, title, flameGraph(title, found)))
    report.add(
      table(
        ['function', 'of the time'],
        heaviest(found, 20).map(([name, part]) => [name, `${(part * 100).toFixed(1)} %`]),
      ),
    )
    return ended
  }
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function numbersOf(list: string): number[] {
  return list.split(',').map(Number)
}
