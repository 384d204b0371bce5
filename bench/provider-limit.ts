// node bench/provider-limit.ts [requests a minute]: eight workers and a provider's limit (60 a minute): how many calls reach the
// emulated provider in the fullest 60 seconds, over two minutes and more. On a private MariaDB, or on the server of TEST_DATABASE_URL.
import { openDatabase } from '../core/database/client.ts'
import { createImageIntake } from '../core/images/intake.ts'
import { openImageStore } from '../core/images/store.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createVisionJobs } from '../core/queue/create/create.ts'
import { createPoller } from '../core/worker/create-poller.ts'
import { startProviderEmulators } from '../dev/emulators/providers/server.ts'
import { startS3Emulator } from '../dev/emulators/s3/server.ts'
import { pixel } from './support/pixel.ts'
import { openBenchDatabase } from './support/server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const limit = Number(process.argv[2] ?? 60)
const jobs = Math.ceil(limit * 2.5)
const workers = 8
const minuteMs = 60_000

await using cleanup = new AsyncDisposableStack()
const { url } = await openBenchDatabase(cleanup)
const database = openDatabase(url, { connections: 3, random: Math.random })
cleanup.defer(() => database.close())

const keys = { accessKeyId: 'bench', secretAccessKey: 'secret-of-the-emulated-storage' }
const s3 = await startS3Emulator({ folder: await temporaryFolder(cleanup), bucket: 'bench-images', ...keys })
cleanup.defer(() => s3.stop())
const providers = await startProviderEmulators({ baseLatencyMs: 500 })
cleanup.defer(() => providers.stop())
const config = loadPollerConfig({
  DATABASE_URL: url,
  BUCKET_NAME: 'bench-images',
  S3_ENDPOINT: s3.endpoint,
  S3_ACCESS_KEY_ID: keys.accessKeyId,
  S3_SECRET_ACCESS_KEY: keys.secretAccessKey,
  GEMINI_API_KEY: 'emulated',
  GEMINI_BASE_URL: providers.geminiBaseUrl,
  GEMINI_REQUESTS_PER_MINUTE: String(limit),
  DEEPSEEK_API_KEY: 'emulated',
  DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
  POLLER_IDLE_SECONDS: '170',
})
const store = openImageStore(config)
cleanup.defer(() => store.close())
const image = await createImageIntake(database, store, { allowLoopbackHttp: false }).take(pixel, 'ann')
const job = { ...image, analysisPurpose: 'a measurement', outputFormat: 'alt_text', language: 'en' }
const options = { userId: 'ann', maxRetries: 3, inFlightPerUser: jobs, lifeMs: 3_600_000 }
await createVisionJobs(database, Array(jobs).fill(job), options)

const output = { service: 'bench', write: () => undefined, now: Date.now }
const pollers = Array.from({ length: workers }, () =>
  createPoller(config, { log: () => undefined, metrics: createMetrics(output), allowLoopbackHttp: false }),
)
cleanup.defer(async () => void (await Promise.all(pollers.map((poller) => poller.close()))))
const summaries = await Promise.all(pollers.map((poller) => poller.drain({ deadline: performance.now() + 300_000 })))
const completed = summaries.reduce((sum, one) => sum + one.completed, 0)
const sent = providers.calls.log.filter((call) => call.provider === 'gemini').map((call) => call.at.getTime())
const most = Math.max(...sent.map((from) => sent.filter((at) => at >= from && at < from + minuteMs).length))
const seconds = Math.round(((sent.at(-1) ?? 0) - (sent[0] ?? 0)) / 1000)
console.log(`${workers} workers, a limit of ${limit} a minute, ${jobs} jobs: ${completed} completed`)
console.log(`${sent.length} calls within ${seconds} s, ${most} in the fullest 60 s`)
