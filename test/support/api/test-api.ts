import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import { type AppRouter, createApp } from '../../../core/api/app.ts'
import type { Run } from '../../../core/domain/run.ts'
import { createImageIntake } from '../../../core/images/intake.ts'
import { createFeed } from '../../../core/live/feed.ts'
import type { Sleep } from '../../../core/live/ticker.ts'
import { createTickets } from '../../../core/live/tickets.ts'
import { createWaits } from '../../../core/live/waits.ts'
import { createLive, type LiveOptions } from '../../../core/live/watch.ts'
import { createAuthenticator, signToken } from '../../../core/platform/auth.ts'
import type { LogFields } from '../../../core/platform/log.ts'
import { claimPendingVisionJobs } from '../../../core/queue/claim.ts'
import type { UserLimits } from '../../../core/usage/quotas.ts'
import type { UploadLimits } from '../../../core/usage/upload-quota.ts'
import { noCap } from '../database/jobs.ts'
import { createTestDatabase } from '../database/test-database.ts'
import { startTestStorage } from '../images/storage.ts'

export const secret = 'a secret of the tests, 32 bytes or more'

export const job = {
  imageUrl: 'https://images.example/poster.jpg',
  analysisPurpose: 'Improve the hero image of our shop',
  outputFormat: 'summary',
} as const

export interface CallOptions {
  /** Whose token goes along; nobody's by default. */
  readonly as?: string
  /** What that token allows. */
  readonly scopes?: readonly string[]
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

interface ClientOptions {
  readonly batch?: boolean
  readonly headers?: object
  readonly scopes?: readonly string[]
}

interface TestApiOptions {
  /** What a user may have; a great deal by default. */
  readonly limits?: UserLimits
  readonly isReady?: () => Promise<boolean>
  /** How many of a user's jobs may be in flight; as good as any by default. */
  readonly inFlightPerUser?: number
  readonly uploadLimits?: UploadLimits
  /** How many calls of a user may wait at once. */
  readonly waitsPerUser?: number
  /** How streams differ from those of the stack, but that tests look 50 times a second. */
  readonly streams?: Partial<Omit<LiveOptions, 'database' | 'log'>>
}

/** The API over a database of its own, and a store that keeps its bytes in memory. */
export async function createTestApi({
  isReady = async () => true,
  inFlightPerUser = noCap,
  limits = { jobsPerDay: 100_000, jobsWaiting: 100_000, costPerDay: undefined },
  streams = {},
  waitsPerUser = 5,
  uploadLimits = { perDay: 100_000, bytesPerDay: 1e12 },
}: TestApiOptions = {}) {
  const database = await createTestDatabase()
  const storage = await startTestStorage()
  const logged: { level: string; message: string; fields: LogFields }[] = []
  const log = (level: string, message: string, fields: LogFields = {}) => void logged.push({ level, message, fields })
  const sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal })
  const onError = (error: unknown) => log('warn', 'watched jobs not read', { detail: String(error) })
  const feed = createFeed({ database, everyMs: 20, sleep, onError })
  const created: number[] = []
  const live = createLive({
    database,
    feed,
    lifeMs: 60_000,
    perUser: 10,
    touchMs: 15_000,
    lookMs: 20,
    random: Math.random,
    sleep,
    log,
    ...streams,
  })
  const services = {
    database,
    store: storage.store,
    images: createImageIntake(database, storage.store, { allowLoopbackHttp: false }),
    authenticate: createAuthenticator({ AUTH_SECRET: secret }),
    live,
    feed,
    waits: createWaits({ database, perUser: waitsPerUser, log, random: Math.random }),
    tickets: createTickets({ AUTH_SECRET: secret }, Date.now),
    streamUrl: () => 'http://api.example',
    maxRetries: 3,
    inFlightPerUser,
    limits,
    uploadLimits,
    lifeMs: 3_600_000,
    retentionDays: 30,
    log,
    metrics: { jobsCreated: (count: number) => void created.push(count) },
    isReady,
    now: Date.now,
    randomBytes,
  }
  const app = createApp(services)

  const headersFor = async (user?: string, scopes: readonly string[] = []) =>
    user === undefined ? {} : { authorization: `Bearer ${await token(user, 600, scopes)}` }
  const call = async (
    method: string,
    path: string,
    { as, scopes, body, headers }: CallOptions = {},
  ): Promise<Response> =>
    app.request(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(await headersFor(as, scopes)),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const client = (user: string, { batch = true, headers = {}, scopes = [] }: ClientOptions = {}) =>
    createTRPCClient<AppRouter>({
      links: [
        (batch ? httpBatchLink : httpLink)({
          url: 'http://api.example/api/trpc',
          ...(batch && { maxItems: 10 }),
          headers: async () => ({ ...(await headersFor(user, scopes)), ...headers }),
          fetch: async (url, init) => app.request(String(url), init as RequestInit),
        }),
      ],
    }).visionPipeline

  return {
    app,
    services,
    database,
    logged,
    /** How many jobs each call created, as the metrics have it. */
    created,
    call,
    client,
    /** Creates a job over REST and returns its id. */
    create: async (user: string, changes: object = {}): Promise<number> => {
      const response = await call('POST', '/v1/jobs', { as: user, body: { ...job, ...changes } })
      const body = await json(response)
      if (response.status !== 201) throw new Error(JSON.stringify(body))
      return body.jobId
    },
    /** Claims whatever is pending, and returns the run of this job. */
    claim: async (jobId: number, lane: 'analysis' | 'content' = 'analysis'): Promise<Run> => {
      const { runs } = await claimPendingVisionJobs(database, { workerId: 'test', limit: 1000, leaseMs: 60_000, lane })
      const run = runs.find((one) => one.jobId === jobId)
      if (run === undefined) throw new Error(`job ${jobId} was not there to be claimed`)
      return run
    },
    drop: async () => {
      await live.close()
      await storage.stop()
      await database.drop()
    },
  }
}

export type TestApi = Awaited<ReturnType<typeof createTestApi>>

export function token(user: string, lifeSeconds = 600, scopes: readonly string[] = []): Promise<string> {
  return signToken(secret, { userId: user, scopes, lifeSeconds, now: Date.now() })
}

/** The JSON that a call was answered with; tests look into it and say what they expect to find. */
// biome-ignore lint/suspicious/noExplicitAny: its type is what each test is there to check.
export async function json(response: Response | Promise<Response>): Promise<any> {
  return (await response).json()
}
