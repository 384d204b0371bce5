// node bench/cold-start.ts [mariadb|mysql] [runs]: how long each function takes from the start of its process to a real first
// answer, as a deployment bundles it and under Lambda's own runtime client (`npm run test:lambda` compiles it), against a handler
// that does nothing, in turns: the API reads a job with its image's link, the stream one that has ended, the poller drains an
// empty queue. In milliseconds of the clock, and of the processor; medians.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../core/database/client.ts'
import { signToken } from '../core/platform/auth.ts'
import { createVisionJob } from '../core/queue/create/create.ts'
import { type Bundle, bundle } from '../test/support/functions/bundle.ts'
import { apiEvent, tick, urlEvent } from '../test/support/functions/events.ts'
import { type FunctionProcess, startFunction } from '../test/support/functions/process.ts'
import type { Streamed } from '../test/support/functions/runtime-api.ts'
import { secret } from './support/api-settings.ts'
import { quantile, table } from './support/measure.ts'
import { openReport } from './support/results.ts'
import { type BenchDatabase, onEachServer } from './support/server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const args = process.argv.slice(2)
const runs = Number(args.find((one) => /^\d+$/.test(one)) ?? 20)
const userId = 'ann'

/** From the start of the process to the answer, in milliseconds. */
interface Start {
  readonly wall: number
  readonly processor: number
}

/** Handlers that do nothing, one for each way of calling. */
const empty = {
  empty: 'export const handler = async () => ({ statusCode: 200, body: "{}" })',
  'empty-stream':
    'export const handler = awslambda.streamifyResponse(async (_, stream) => { const reply = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: {} }); reply.write("a"); reply.end() })',
}

await using cleanup = new AsyncDisposableStack()
const folder = await temporaryFolder(cleanup)
const bundles: Record<string, Bundle> = {}
for (const name of ['api', 'stream', 'poller']) bundles[name] = await bundle(name, await folderOf(name))
for (const [name, code] of Object.entries(empty)) await writeFile(join(await folderOf(name), `${name}.mjs`), code)

await onEachServer(args.find((one) => /^[a-z]+$/.test(one)) ?? 'mariadb', async (on) => {
  const report = await openReport('cold-start', on)
  const jobId = await createJob(on)
  const authorization = `Bearer ${await signToken(secret, { userId, scopes: [], lifeSeconds: 3_600, now: Date.now() })}`
  const settings = {
    DATABASE_URL: on.url,
    AUTH_SECRET: secret,
    BUCKET_NAME: 'images',
    S3_ACCESS_KEY_ID: 'bench',
    S3_SECRET_ACCESS_KEY: 'secret-of-a-storage-that-nobody-asks',
    GEMINI_API_KEY: 'bench',
    DEEPSEEK_API_KEY: 'bench',
    STREAM_URL: 'https://streams.example.com',
    POLLER_IDLE_SECONDS: '0',
  }
  const calls: Record<string, { readonly against: string; readonly first: (on: FunctionProcess) => Promise<void> }> = {
    api: {
      against: 'empty',
      first: async ({ invoke }) => {
        const answer = await invoke(apiEvent({ path: `/v1/jobs/${jobId}`, headers: { authorization } }), 29_000)
        if (!/"url":"https:/.test(JSON.stringify(answer).replaceAll('\\', ''))) throw new Error(JSON.stringify(answer))
      },
    },
    stream: {
      against: 'empty-stream',
      first: async ({ invoke }) => {
        const event = urlEvent({ path: `/v1/jobs/${jobId}/events`, headers: { authorization } })
        await readUntil((await invoke(event, 29_000)) as Streamed, /event: /)
      },
    },
    poller: {
      against: 'empty',
      first: async ({ invoke }) => {
        const tally = await invoke(tick, 300_000)
        if ((tally as { claimed?: number }).claimed !== 0) throw new Error(JSON.stringify(tally))
      },
    },
    empty: { against: 'empty', first: async ({ invoke }) => void (await invoke(apiEvent({ path: '/' }), 29_000)) },
    'empty-stream': {
      against: 'empty-stream',
      first: async ({ invoke }) => {
        await readUntil((await invoke(urlEvent({ path: '/' }), 29_000)) as Streamed, /./)
      },
    },
  }
  const times = Object.fromEntries(Object.keys(calls).map((name) => [name, [] as Start[]]))
  for (let run = -1; run < runs; run++) {
    // In turns, so that whatever else the machine does falls on all of them.
    for (const [name, { first }] of run % 2 ? Object.entries(calls) : Object.entries(calls).toReversed()) {
      const start = await startOf(name, settings, first)
      if (run >= 0) times[name]?.push(start)
    }
  }
  const median = (name: string, of: keyof Start) => quantile(times[name]?.map((start) => start[of]) ?? [], 0.5)
  const kilobytes = (bytes: number | undefined) => `${Math.round((bytes ?? 0) / 1_000).toLocaleString('en')} kB`
  report.add(`Node.js ${process.versions.node}, medians of ${runs}.`)
  report.add(
    table(
      ['function', 'at start', 'in all', 'first answer', 'ratio', 'processor', 'ratio'],
      Object.entries(calls).map(([name, { against }]) => [
        name,
        kilobytes(bundles[name]?.bytes.atStart),
        kilobytes(bundles[name]?.bytes.inAll),
        ...(['wall', 'processor'] as const).flatMap((of) => [
          `${median(name, of).toFixed(0)} ms`,
          (median(name, of) / median(against, of)).toFixed(2),
        ]),
      ]),
    ),
  )
  await report.write()
})

async function folderOf(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

async function startOf(
  name: string,
  settings: Record<string, string>,
  first: (on: FunctionProcess) => Promise<void>,
): Promise<Start> {
  const began = performance.now()
  const running = await startFunction(join(folder, name), name, settings)
  try {
    await first(running)
    return { wall: performance.now() - began, processor: await processorOf(running.pid) }
  } finally {
    await running.kill()
  }
}

/** What all threads of a process have used so far. */
async function processorOf(pid: number | undefined): Promise<number> {
  const threads = `/proc/${pid}/task`
  const used = (await readdir(threads)).map(async (thread) => {
    const [nanoseconds] = (await readFile(`${threads}/${thread}/schedstat`, 'utf8')).split(' ')
    return Number(nanoseconds)
  })
  return (await Promise.all(used)).reduce((sum, one) => sum + one, 0) / 1e6
}

/** Reads until the text matches. */
async function readUntil({ chunks }: Streamed, pattern: RegExp): Promise<void> {
  let read = ''
  while (!pattern.test(read)) {
    const { done, value } = await chunks.next()
    if (done) throw new Error(`The stream ended after: ${read}`)
    read += value
  }
}

/** A job that has ended, with an image to link to. */
async function createJob({ url, sql }: BenchDatabase): Promise<number> {
  const database = openDatabase(url, { connections: 1, random: Math.random })
  try {
    const limits = { jobsPerDay: 1_000_000, jobsWaiting: 100_000, costPerDay: 1_000_000_000_000 }
    const { jobId } = await createVisionJob(
      database,
      {
        imageUrl: 'https://images.example.com/poster.png',
        analysisPurpose: 'What does the poster say about the brand?',
        outputFormat: 'alt_text',
        language: 'en',
      },
      { userId, maxRetries: 3, inFlightPerUser: 10, lifeMs: 86_400_000, limits },
    )
    await sql(
      `INSERT INTO vision_images (user_id, sha256, state, type, bytes, width, height, created_at)
       VALUES (?, REPEAT('a', 64), 'stored', 'image/png', 1000, 100, 100, UTC_TIMESTAMP(3))`,
      [userId],
    )
    await sql(
      `UPDATE vision_jobs SET status = 'cancelled', finished_at = UTC_TIMESTAMP(3),
       image_id = (SELECT MAX(id) FROM vision_images) WHERE id = ?`,
      [jobId],
    )
    return jobId
  } finally {
    await database.close()
  }
}
