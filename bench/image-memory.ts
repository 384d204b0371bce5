// node bench/image-memory.ts [megabytes …]: how much memory a poller function takes with 25 jobs of 20 MB images, of five users, in
// flight, by the budget for images. The function runs in a process of its own, as on Lambda; providers and storage are emulated.
import { spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { openDatabase } from '../core/database/client.ts'
import { detectImage } from '../core/images/detect.ts'
import { keepImage } from '../core/images/snapshots.ts'
import { openImageStore } from '../core/images/store.ts'
import { createVisionJob } from '../core/queue/create/create.ts'
import { startProviderEmulators } from '../dev/emulators/providers/server.ts'
import { startS3Emulator } from '../dev/emulators/s3/server.ts'
import { openBenchDatabase } from './support/server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const jobs = 25
const budgets = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['40', '60', '100']
const poller = fileURLToPath(new URL('../functions/poller.ts', import.meta.url))

await using cleanup = new AsyncDisposableStack()
const { url } = await openBenchDatabase(cleanup)
const key = { accessKeyId: 'bench', secretAccessKey: 'secret-of-the-emulated-storage' }
const s3 = await startS3Emulator({ folder: await temporaryFolder(cleanup), bucket: 'images', ...key })
cleanup.defer(() => s3.stop())
const providers = await startProviderEmulators()
cleanup.defer(() => providers.stop())
const storage = {
  BUCKET_NAME: 'images',
  AWS_REGION: 'us-east-1',
  S3_ENDPOINT: s3.endpoint,
  S3_ACCESS_KEY_ID: key.accessKeyId,
  S3_SECRET_ACCESS_KEY: key.secretAccessKey,
}
const store = openImageStore(storage)
cleanup.defer(() => store.close())
const database = openDatabase(url, { connections: 4, random: Math.random })
cleanup.defer(() => database.close())

/** Noise does not compress: 2,560 pixels square are just under 20 MB of PNG. */
async function largeImage(): Promise<Buffer> {
  const side = 2_560
  const raw = randomFillSync(Buffer.alloc(side * side * 3))
  return sharp(raw, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer()
}

async function submit(): Promise<void> {
  for (let n = 0; n < jobs; n++) {
    const bytes = await largeImage()
    // One user alone may have half of the budget at most.
    const userId = `bench-${n % 5}`
    const { id } = await keepImage(database, store, userId, bytes, detectImage(bytes))
    await createVisionJob(
      database,
      { imageUrl: 'data:', imageId: id, analysisPurpose: 'a bench', outputFormat: 'alt_text', language: 'en' },
      { userId, maxRetries: 0, inFlightPerUser: 1_000_000, lifeMs: 3_600_000 },
    )
  }
}

/** Runs the function once and returns its summary and the most memory it held, in megabytes. */
async function run(megabytes: string): Promise<Record<string, number>> {
  const script = `
    const { handler } = await import(${JSON.stringify(poller)})
    const started = performance.now()
    const { completed, failed, retried } = await handler({}, { getRemainingTimeInMillis: () => 900000 })
    const seconds = (performance.now() - started) / 1000
    console.log(JSON.stringify({ completed, failed, retried, seconds, peak: process.resourceUsage().maxRSS / 1024 }))
    process.exit()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: {
      ...storage,
      DATABASE_URL: url,
      GEMINI_API_KEY: 'emulated',
      GEMINI_BASE_URL: providers.geminiBaseUrl,
      DEEPSEEK_API_KEY: 'emulated',
      DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
      POLLER_IDLE_SECONDS: '0',
      POLLER_IMAGE_MEGABYTES: megabytes,
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  return JSON.parse(output.trim().split('\n').at(-1) ?? '{}')
}

console.log('budget MB   completed   failed   seconds   peak RSS MB')
for (const megabytes of budgets) {
  await submit()
  const { completed, failed, seconds = 0, peak = 0 } = await run(megabytes)
  console.log([megabytes.padStart(9), completed, failed, seconds.toFixed(1), Math.round(peak)].map(String).join('   '))
}
