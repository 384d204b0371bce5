import { createWriteStream } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { composeApi } from '../core/api/compose.ts'
import { type Database, databaseAnswers, openDatabase } from '../core/database/client.ts'
import { configureBucket } from '../core/images/bucket.ts'
import { createS3Client, openImageStore } from '../core/images/store.ts'
import { createAuthenticator } from '../core/platform/auth.ts'
import type { BucketConfig } from '../core/platform/config/bucket.ts'
import type { PollerConfig } from '../core/platform/config/poller.ts'
import { keyOf } from '../core/platform/config/providers.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { loadStreamConfig } from '../core/platform/config/stream.ts'
import { createLog } from '../core/platform/log.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { registry } from '../core/providers/registry.ts'
import { createPoller } from '../core/worker/create-worker.ts'
import { migrateDatabase } from '../drizzle/migrate.ts'
import { withLocalUser } from './access/authenticate.ts'
import { withPageAccess } from './access/page-access.ts'
import { PortError } from './boot/port.mjs'
import { openDataFolder } from './data/data-folder.ts'
import { startDatabase } from './database/start-database.ts'
import { lookAt } from './emulators/providers/look.ts'
import { startProviderEmulators } from './emulators/providers/server.ts'
import { startS3Emulator } from './emulators/s3/server.ts'
import { checkBucket, placeOf } from './parts/check-bucket.ts'
import { startSchedule } from './parts/schedule.ts'
import { checkSettings, loadConfigs } from './settings/configs.ts'

export interface StackOptions {
  /** The environment, with what `.env` adds. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** On 127.0.0.1; 0 means any free one. */
  readonly port: number
  /** Absolute. */
  readonly dataDir: string
  /** What the emulated providers take to answer, in milliseconds. */
  readonly emulatorLatencyMs?: number | undefined
  /** Told what takes a while, and what has gone wrong. */
  readonly say: (line: string) => void
}

/** One part of the stack, for the person at the terminal. */
export interface Part {
  readonly name: string
  readonly kind: 'real' | 'emulated'
  readonly what: string
}

/** The whole product on this machine. */
export interface Stack {
  /** Where the API listens. */
  readonly url: string
  readonly parts: readonly Part[]
  readonly database: Database
  /** The file that the log lines go to. */
  readonly logFile: string
  /** Resolves when the stack cannot go on, since its database server has ended by itself; it still has to be stopped. */
  readonly broken: Promise<void>
  /** Ends everything that was started here, the database last. */
  stop(): Promise<void>
}

const bucket = 'vision-pipeline'
/** Slow enough to see a job's progress. */
const defaultLatencyMs = 400

/**
 * Starts the product with everything it needs around it: what the environment names is used, all else is started here.
 *
 * @throws StartError, ConfigError, PortError or MigrationError with a message for the person at the terminal; what had
 *   been started is stopped again
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  await using cleanup = new AsyncDisposableStack()
  const { env, dataDir, say } = options
  const checked = checkSettings(env)
  if (env.BUCKET_NAME) await checkBucket(checked.api, 'Leave BUCKET_NAME out to have S3 emulated.')
  const folder = await openDataFolder(dataDir)
  cleanup.defer(() => folder.release())

  const logFile = join(folder.path, 'log.jsonl')
  const logStream = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  cleanup.defer(() => new Promise<void>((resolve) => logStream.end(() => resolve())))
  const authSecret = env.AUTH_SECRET || (await folder.secret('auth-secret', 32))
  const service = checked.api.POWERTOOLS_SERVICE_NAME
  const log = createLog({
    level: checked.api.LOG_LEVEL,
    service,
    secrets: secretsOf({ ...env, AUTH_SECRET: authSecret }),
    write: (line) => logStream.write(`${line}\n`),
    now: Date.now,
  })
  // Nobody would read them here.
  const metrics = createMetrics({ service, write: () => undefined, now: Date.now })
  if (folder.abandoned) {
    log('warn', 'previous run did not end in order')
    say('The previous run did not end in order; what it had begun goes on once its leases have expired.')
  }
  let started = false
  cleanup.defer(() => {
    if (started) log('info', 'stack stopped')
  })

  const server = await startDatabase({ folder, env, log: say })
  cleanup.defer(() => server.stop())
  const broken = server.endedByItself.then(() => log('error', 'database server ended by itself'))
  await migrateDatabase(server.url)

  const storage = await useStorage(options, folder, checked.bucket)
  cleanup.defer(storage.stop)
  const providers = await useProviders(options, checked.poller)
  cleanup.defer(providers.stop)

  const settings = {
    ...env,
    DATABASE_URL: server.url,
    // One process serves every call here.
    API_DATABASE_CONNECTIONS: env.API_DATABASE_CONNECTIONS || '10',
    ...storage.settings,
    ...providers.settings,
    AUTH_SECRET: authSecret,
  }
  const config = loadConfigs(settings)
  const database = openDatabase(server.url, {
    connections: config.api.API_DATABASE_CONNECTIONS,
    random: Math.random,
  })
  cleanup.defer(() => database.close())
  const store = openImageStore(config.api)
  cleanup.defer(() => store.close())

  // http on loopback and calls without a token: here, and nowhere that is deployed.
  const allowLoopbackHttp = true
  const poller = createPoller(config.poller, {
    log,
    metrics,
    allowLoopbackHttp,
    measurePalette: async ({ bytes }) => (await lookAt(bytes)).colours,
  })
  cleanup.defer(() => poller.close())
  let ready = false
  let url = ''
  const { app, live } = composeApi(config.api, {
    database,
    store,
    log,
    metrics,
    authenticate: withLocalUser(createAuthenticator(config.api)),
    isReady: async () => ready && (await databaseAnswers(database)),
    allowLoopbackHttp,
    streamUrl: () => url,
    streams: loadStreamConfig(settings),
  })
  cleanup.defer(() => live?.close())
  const api = await listen(createAdaptorServer({ fetch: withPageAccess(app.fetch) }) as Server, options.port)
  cleanup.defer(api.stop)
  url = `http://localhost:${api.port}`

  const schedule = startSchedule(poller, log)
  cleanup.defer(() => {
    ready = false
    return schedule.stop()
  })
  ready = true

  started = true
  log('info', 'stack started', {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    database: server.description,
    ...Object.fromEntries([storage.part, ...providers.parts].map(({ name, kind }) => [name, kind])),
  })
  const running = cleanup.move()
  return {
    url,
    parts: [
      { name: 'database', kind: 'real', what: server.description },
      storage.part,
      ...providers.parts,
      { name: 'schedule', kind: 'emulated', what: 'fires the poller every minute, as EventBridge does' },
      { name: 'user', kind: 'emulated', what: 'a call without a token from this machine acts as user "local"' },
    ],
    database,
    logFile,
    broken,
    stop: () => running.disposeAsync(),
  }
}

interface Used {
  /** What the configuration gets. */
  readonly settings: Record<string, string>
  readonly stop: () => Promise<void>
}

async function useStorage(
  { env }: StackOptions,
  folder: Awaited<ReturnType<typeof openDataFolder>>,
  { AWS_REGION, UPLOAD_RETENTION_DAYS }: BucketConfig,
): Promise<Used & { readonly part: Part }> {
  if (env.BUCKET_NAME) {
    const place = env.S3_ENDPOINT ? ` at ${placeOf(env.S3_ENDPOINT)}` : ''
    const part: Part = { name: 'storage', kind: 'real', what: `S3, bucket ${env.BUCKET_NAME}${place}` }
    return { settings: {}, stop: async () => undefined, part }
  }
  const accessKeyId = 'local'
  const secretAccessKey = await folder.secret('s3-secret', 32)
  const s3 = await startS3Emulator({ folder: join(folder.path, 's3'), bucket, accessKeyId, secretAccessKey })
  const settings = {
    BUCKET_NAME: bucket,
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  }
  const client = createS3Client({ ...settings, AWS_REGION })
  try {
    await configureBucket(client, bucket, { uploadDays: UPLOAD_RETENTION_DAYS })
  } catch (problem) {
    await s3.stop()
    throw problem
  } finally {
    client.destroy()
  }
  return {
    settings,
    stop: () => s3.stop(),
    part: { name: 'storage', kind: 'emulated', what: `S3 at ${s3.endpoint}, kept in ${join(folder.path, 's3')}` },
  }
}

/** Those that serve a step. Without a key one is emulated by what speaks its wire. */
async function useProviders(
  { env, emulatorLatencyMs }: StackOptions,
  { ANALYSIS_PROVIDER, CONTENT_PROVIDER }: PollerConfig,
): Promise<Used & { readonly parts: readonly Part[] }> {
  const providers = registry
    .filter(({ name }) => name === ANALYSIS_PROVIDER || name === CONTENT_PROVIDER)
    .map(({ name, wire }) => ({ name, wire, key: keyOf(name, 'API_KEY'), url: keyOf(name, 'BASE_URL') }))
  const missing = providers.filter(({ key }) => !env[key])
  const emulators =
    missing.length > 0
      ? await startProviderEmulators({ baseLatencyMs: emulatorLatencyMs ?? defaultLatencyMs })
      : undefined
  const settings: Record<string, string> = {}
  if (emulators) {
    const urls = { gemini: emulators.geminiBaseUrl, openai: emulators.deepseekBaseUrl }
    for (const { wire, key, url } of missing) {
      settings[key] = 'emulated'
      settings[url] = urls[wire]
    }
  }
  return {
    settings,
    stop: async () => emulators?.stop(),
    parts: providers.map(
      ({ name, key, url }): Part =>
        settings[key]
          ? { name, kind: 'emulated', what: `at ${settings[url]}; for the real one set ${key} in .env` }
          : { name, kind: 'real', what: `${env[url] ? placeOf(env[url]) : 'the public API'}, which costs money` },
    ),
  }
}

async function listen(server: Server, port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    // It was free a while ago.
    server.once('error', (error: NodeJS.ErrnoException) => reject(new PortError(port, error)))
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
