// node bench/memory.ts [mariadb|mysql] [--quick]: how much memory the API takes after creations, reads and batches, the poller with 25 and
// 100 jobs in flight by the size of their pictures, and one process with 500 streams. The API and the poller are their bundles, each in a
// process of its own; storage and providers are emulated, whose calls take 4 s. About three minutes on a
// machine at rest; on a busy one the emulated bucket is late, jobs wait for it, and a part may take four times as long: what was found is
// printed part by part, and a part that takes longer than ten minutes ends with an error that says what its jobs wait for.
import { randomFillSync } from 'node:crypto'
import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { sql } from 'drizzle-orm'
import sharp from 'sharp'
import { openDatabase } from '../core/database/client.ts'
import { rowsOf } from '../core/database/sql.ts'
import { detectImage } from '../core/images/detect.ts'
import { keepImage } from '../core/images/snapshots.ts'
import { withTimeout } from '../core/platform/async.ts'
import { signToken } from '../core/platform/auth.ts'
import { createVisionJob } from '../core/queue/create/create.ts'
import { apiEvent, tick } from '../test/support/functions/events.ts'
import { startTestServices } from '../test/support/functions/services.ts'
import { secret } from './support/api-settings.ts'
import { makeBundles } from './support/bundles.ts'
import { startInstance } from './support/lambda.ts'
import { table } from './support/measure.ts'
import { each } from './support/no-op-jobs.ts'
import { openReport } from './support/results.ts'
import type { Memory } from './support/serve.ts'
import { onEachServer, truncateJobs } from './support/server.ts'
import { startServer } from './support/start-server.ts'

const quick = process.argv.includes('--quick')
const server = process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb'
const streams = quick ? 20 : 500
const calls = quick ? 20 : 500
/** Places, jobs, and the side of their square pictures in pixels: 400 are 0.5 MB, 840 are 2 MB, 2,560 are 20 MB. */
const pollers = quick
  ? [{ concurrency: 25, jobs: 30, side: 400 }]
  : [
      { concurrency: 25, jobs: 75, side: 400 },
      { concurrency: 100, jobs: 200, side: 400 },
      { concurrency: 100, jobs: 100, side: 840 },
      { concurrency: 100, jobs: 25, side: 2_560 },
    ]
const callMs = 4_000
const partMs = 600_000

await using cleanup = new AsyncDisposableStack()
const scriptOf = await makeBundles(cleanup, ['api', 'poller', 'bench/memory/streams'])
const services = await startTestServices()
cleanup.defer(() => services.stop())

await onEachServer(server, async (on) => {
  const report = await openReport('memory', on)
  const database = openDatabase(on.url, { connections: 8, random: Math.random })
  const rows: (readonly [string, Memory])[] = []
  const add = (name: string, memory: Memory) => {
    rows.push([name, memory])
    console.log(`${name}: ${mb(memory.peak)}`)
  }
  const settings = { ...services.settings(on.url), AUTH_SECRET: secret, AWS_REGION: 'us-east-1', LOG_LEVEL: 'error' }
  try {
    add(`API, after ${calls} each of creations, reads, histories and batches`, await api(settings))
    for (const one of pollers) {
      await truncateJobs(on)
      const { megabytes, most, memory } = await poller(one, database, settings)
      const what = `poller of ${one.concurrency} places, pictures of ${megabytes} MB`
      add(`${what}: ${most} calls to Gemini at once`, memory)
    }
    await truncateJobs(on)
    add(`${streams} streams in one process`, await open(database, settings))
  } finally {
    await database.close()
  }
  report.add(
    table(
      ['', 'most resident', 'at the end', 'JavaScript heap'],
      rows.map(([name, { peak, rss, heap }]) => [name, mb(peak), mb(rss), mb(heap)]),
    ),
  )
  await report.write()
})

function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

async function api(settings: Record<string, string>): Promise<Memory> {
  const instance = startInstance(scriptOf('api'), {
    ...settings,
    USER_JOBS_PER_DAY: '10000000',
    USER_JOBS_WAITING: '10000000',
  })
  try {
    const token = await signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 3_600, now: Date.now() })
    const call = async (method: string, path: string, body?: object) => {
      const event = apiEvent({ method, path, ...(body && { body }), headers: { authorization: `Bearer ${token}` } })
      const { statusCode = 0, body: reply = '' } = (await instance.invoke(event)) as APIGatewayProxyStructuredResultV2
      if (statusCode >= 300) throw new Error(`${statusCode}: ${reply}`)
      return JSON.parse(reply)
    }
    const imageUrl = 'https://images.example.com/poster.png'
    const job = { imageUrl, analysisPurpose: 'a measurement', outputFormat: 'alt_text' }
    const { batchId } = await call('POST', '/v1/batches', { name: 'a batch' })
    // One after the other, as Lambda calls an instance.
    for (let number = 0; number < calls; number++) {
      const { jobId } = await call('POST', '/v1/jobs', job)
      await call('GET', `/v1/jobs/${jobId}`)
      await call('GET', '/v1/jobs')
      if (number % 10 === 0) await call('POST', `/v1/batches/${batchId}/jobs`, { jobs: Array(100).fill(job) })
    }
    return await instance.memory()
  } finally {
    await instance.stop()
  }
}

/** A drain, and the most calls that were under way at once. */
async function poller(
  { concurrency, jobs, side }: { readonly concurrency: number; readonly jobs: number; readonly side: number },
  database: ReturnType<typeof openDatabase>,
  settings: Record<string, string>,
) {
  let size = 0
  await each(jobs, 4, async (number) => {
    // Noise does not compress, and no two are the same.
    const raw = randomFillSync(Buffer.alloc(side * side * 3))
    const bytes = await sharp(raw, { raw: { width: side, height: side, channels: 3 } })
      .png({ compressionLevel: 0 })
      .toBuffer()
    size = bytes.length
    // Five users, since one alone has half of the budget.
    const userId = `user-${number % 5}`
    const { id } = await keepImage(database, services.store, userId, bytes, detectImage(bytes))
    const job = { imageUrl: 'data:', imageId: id, analysisPurpose: 'a bench', outputFormat: 'alt_text', language: 'en' }
    await createVisionJob(database, job, { userId, maxRetries: 9, inFlightPerUser: 1_000_000, lifeMs: 3_600_000 })
  })
  const { faults, calls: made } = services.providers
  for (const provider of ['gemini', 'deepseek'] as const) {
    faults.add({ provider, kind: 'latency', latencyMs: callMs, times: 'unlimited' })
  }
  const instance = startInstance(scriptOf('poller'), {
    ...settings,
    POLLER_CONCURRENCY: String(concurrency),
    PROVIDER_PAUSE_SECONDS: '1',
  })
  try {
    let most = 0
    const timer = setInterval(() => {
      most = Math.max(most, made.counts().gemini.outcomes.waiting ?? 0)
    }, 50)
    // On a busy machine the emulated bucket and providers do not answer all in time.
    const end = performance.now() + partMs
    let done = 0
    try {
      while (done < jobs && performance.now() < end) {
        const tally = instance.invoke(tick) as Promise<{ completed: number }>
        done += await withTimeout(Math.max(1, end - performance.now()), tally, () => ({ completed: 0 })).then(
          ({ completed }) => completed,
        )
        if (done < jobs) await delay(1_000)
      }
    } finally {
      clearInterval(timer)
    }
    if (done !== jobs) {
      const left = await database.run((on) =>
        rowsOf(on, sql`SELECT status, error_code, COUNT(*) FROM vision_jobs WHERE status <> 'completed' GROUP BY 1, 2`),
      )
      throw new Error(`${done} of ${jobs} jobs completed in ${partMs / 1_000} s: ${JSON.stringify(left)}`)
    }
    return { megabytes: (size / 1e6).toFixed(1), most, memory: await instance.memory() }
  } finally {
    faults.clear()
    await instance.stop()
  }
}

/** Streams of one job and user each. */
async function open(database: ReturnType<typeof openDatabase>, settings: Record<string, string>): Promise<Memory> {
  await using cleanup = new AsyncDisposableStack()
  const served = await startServer(cleanup, scriptOf('streams'), [], settings)
  const agent = new Agent({ maxSockets: streams })
  cleanup.defer(() => agent.destroy())
  const job = { imageUrl: 'https://a.example/b.png', analysisPurpose: 'x', outputFormat: 'alt_text', language: 'en' }
  let open = 0
  await each(streams, 16, async (number) => {
    const userId = `user-${number}`
    const options = { userId, maxRetries: 0, inFlightPerUser: 10, lifeMs: 3_600_000 }
    const { jobId } = await createVisionJob(database, job, options)
    const token = await signToken(secret, { userId, scopes: [], lifeSeconds: 3_600, now: Date.now() })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const path = `/v1/jobs/${jobId}/events`
    const headers = { authorization: `Bearer ${token}` }
    const request = get({ host: '127.0.0.1', port: served.port, path, agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`a stream was answered by ${response.statusCode}`))
      response.once('data', () => {
        open++
        resolve()
      })
      // Cut off at the end.
      response.on('error', () => undefined)
    })
    request.on('error', reject)
    const late = setTimeout(() => reject(new Error(`stream ${number} had no event within 30 s`)), 30_000)
    await promise.finally(() => clearTimeout(late))
  })
  // A few rounds of reads.
  await delay(5_000)
  if (open !== streams) throw new Error(`${open} of ${streams} streams are open`)
  return served.ask<Memory>('memory')
}
