import { createWriteStream } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { composeApi } from '../core/api/compose.ts'
import { type Database, databaseAnswers, openDatabase } from '../core/database/client.ts'
import { VisionError } from '../core/domain/errors.ts'
import { openImageStore } from '../core/images/store.ts'
import { ensureKey } from '../core/keys/keys.ts'
import { formatKey } from '../core/platform/api-key.ts'
import { ownScopes } from '../core/platform/auth.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { loadStreamConfig } from '../core/platform/config/stream.ts'
import { createLog } from '../core/platform/log.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createPoller } from '../core/worker/create-poller.ts'
import { createBell } from '../core/worker/wake/bell.ts'
import { migrateDatabase } from '../drizzle/migrate.ts'
import { isOfThisMachine, withLocalUser } from './access/authenticate.ts'
import { withPageAccess } from './access/page-access.ts'
import { buildConsole } from './console/build.ts'
import { withConsole } from './console/serve.ts'
import { type DataFolder, openDataFolder } from './data/data-folder.ts'
import { startDatabase } from './database/start-database.ts'
import { lookAt } from './emulators/providers/look.ts'
import { checkBucket } from './parts/check-bucket.ts'
import { listen } from './parts/listen.ts'
import type { Part } from './parts/part.ts'
import { startProviders } from './parts/providers.ts'
import { startSchedule } from './parts/schedule.ts'
import { startStorage } from './parts/storage.ts'
import { checkSettings, loadConfigs } from './settings/configs.ts'
import { stackSettings } from './settings/stack-settings.ts'

export interface StackOptions {
  /** The environment, with what `.env` adds. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** On 127.0.0.1; 0 means any free one. */
  readonly port: number
  /** Absolute. */
  readonly dataDir: string
  /** What the emulated providers take to answer, in milliseconds. */
  readonly emulatorLatencyMs?: number | undefined
  /** Whether the emulated Gemini reads the lettering of images, half a second each; as a rule it does. */
  readonly readsLettering?: boolean | undefined
  /** Aborted when the start is no longer wanted. */
  readonly signal?: AbortSignal | undefined
  /** Prints a line for the person at the terminal: slow steps, and errors. */
  readonly say: (line: string) => void
}

/** The whole product on this machine. */
export interface Stack {
  /** Where the API listens. */
  readonly url: string
  readonly parts: readonly Part[]
  readonly database: Database
  /** An API key of the user `local`, the same for the life of the data folder; undefined where that user has too many. */
  readonly key: string | undefined
  /** The file that the log lines go to. */
  readonly logFile: string
  /** Resolves when the stack cannot go on, since its database server has ended by itself; it still has to be stopped. */
  readonly broken: Promise<void>
  /** Ends everything that was started here, the database last. */
  stop(): Promise<void>
}

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
  // No one reads metrics locally.
  const metrics = createMetrics({ service, write: () => undefined, now: Date.now })
  if (folder.abandoned) {
    log('warn', 'previous run did not shut down cleanly')
    say('The previous run did not shut down cleanly; jobs that were running are retried when their leases expire.')
  }
  let started = false
  cleanup.defer(() => {
    if (started) log('info', 'stack stopped')
  })

  const server = await startDatabase({ folder, env, log: say, signal: options.signal })
  cleanup.defer(() => server.stop())
  const broken = server.endedByItself.then(() => log('error', 'database server exited unexpectedly'))
  await migrateDatabase(server.url)

  const storage = await startStorage(env, folder, checked.bucket)
  cleanup.defer(storage.stop)
  const providers = await startProviders(env, checked.poller, {
    latencyMs: options.emulatorLatencyMs,
    reads: options.readsLettering,
  })
  cleanup.defer(providers.stop)

  const settings = stackSettings(env, {
    databaseUrl: server.url,
    authSecret,
    storage: storage.settings,
    providers: providers.settings,
  })
  const config = loadConfigs(settings)
  const database = openDatabase(server.url, {
    connections: config.api.API_DATABASE_CONNECTIONS,
    random: Math.random,
  })
  cleanup.defer(() => database.close())
  const key = await localKey(database, folder)
  const store = openImageStore(config.api, { log })
  cleanup.defer(() => store.close())

  // http on loopback and calls without a token: here, and nowhere that is deployed.
  const allowLoopbackHttp = true
  const bell = createBell()
  const poller = createPoller(config.poller, {
    bell,
    log,
    metrics,
    allowLoopbackHttp,
    measurePalette: async ({ bytes }) => (await lookAt(bytes)).colours,
  })
  cleanup.defer(() => poller.close())
  const schedule = startSchedule(poller, { bell, log })
  cleanup.defer(() => {
    ready = false
    return schedule.stop()
  })
  let ready = false
  let url = ''
  const { app, live } = composeApi(config.api, {
    database,
    store,
    log,
    metrics,
    admit: withLocalUser,
    wakeWorker: schedule.wake,
    isReady: async () => ready && (await databaseAnswers(database)),
    allowLoopbackHttp,
    streamUrl: () => url,
    streams: loadStreamConfig(settings),
    keyForReference: (request, bindings) => (isOfThisMachine(request, bindings) ? key : undefined),
  })
  cleanup.defer(() => live?.close())
  const origins = () => [new URL(url).origin, originOfBucket(config.api)].filter((origin) => origin !== undefined)
  const pages = withConsole(withPageAccess(app.fetch), { folder: buildConsole, origins, config: config.console })
  const api = await listen(createAdaptorServer({ fetch: pages }) as Server, options.port)
  cleanup.defer(api.stop)
  url = `http://localhost:${api.port}`

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
    key,
    logFile,
    broken,
    stop: () => running.disposeAsync(),
  }
}

/** Where uploads go, and images are shown from. */
function originOfBucket({
  BUCKET_NAME,
  S3_ENDPOINT,
  AWS_REGION,
}: ReturnType<typeof loadConfigs>['api']): string | undefined {
  if (S3_ENDPOINT) return new URL(S3_ENDPOINT).origin
  return BUCKET_NAME && `https://${BUCKET_NAME}.s3.${AWS_REGION}.amazonaws.com`
}

/** The key of this folder, which the database is told of when it does not know it, as after a revocation. */
async function localKey(database: Database, folder: Pick<DataFolder, 'secret'>): Promise<string | undefined> {
  const key = formatKey(Buffer.from(await folder.secret('local-key', 32), 'base64url'))
  try {
    await ensureKey(database, { userId: 'local', name: 'npm start', scopes: ownScopes }, key)
    return key
  } catch (error) {
    if (error instanceof VisionError && error.code === 'key.too_many') return undefined
    throw error
  }
}
