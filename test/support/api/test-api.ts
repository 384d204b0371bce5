import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import { type ApiServices, type AppRouter, createApp } from '../../../core/api/app.ts'
import { composeApi } from '../../../core/api/compose.ts'
import type { Run } from '../../../core/domain/run.ts'
import { signToken } from '../../../core/platform/auth.ts'
import { loadApiConfig } from '../../../core/platform/config/api.ts'
import type { LogFields } from '../../../core/platform/log.ts'
import { claimPendingVisionJobs } from '../../../core/queue/claim/claim.ts'
import type { UserLimits } from '../../../core/usage/quotas.ts'
import type { UploadLimits } from '../../../core/usage/upload-quota.ts'
import { noCap } from '../database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../database/test-database.ts'
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
  /** One of its own if left out, which is dropped with it. */
  readonly database?: TestDatabase
  /** How many of a user's jobs may be in flight; as good as any by default. */
  readonly inFlightPerUser?: number
  readonly uploadLimits?: UploadLimits
  /** How many calls of a user may wait at once. */
  readonly waitsPerUser?: number
  /** Called when jobs may have become pending. */
  readonly wakeWorker?: () => void
}

/** The API over a database, and a store that keeps its bytes in memory. */
export async function createTestApi({
  isReady = async () => true,
  inFlightPerUser = noCap,
  limits = { jobsPerDay: 100_000, jobsWaiting: 100_000, costPerDay: undefined },
  waitsPerUser = 5,
  wakeWorker,
  database: given,
  uploadLimits = { uploadsPerDay: 100_000, uploadBytesPerDay: 1e12 },
}: TestApiOptions = {}) {
  const database = given ?? (await createTestDatabase())
  const storage = await startTestStorage()
  const logged: { level: string; message: string; fields: LogFields }[] = []
  const log = (level: string, message: string, fields: LogFields = {}) => void logged.push({ level, message, fields })
  const created: number[] = []
  const config = loadApiConfig({ ...storage.settings, DATABASE_URL: database.url, AUTH_SECRET: secret })
  const { services: composed, live } = composeApi(
    { ...config, JOB_EXPIRES_HOURS: 1, JOB_IN_FLIGHT_PER_USER: inFlightPerUser, WAITS_PER_USER: waitsPerUser },
    {
      database,
      store: storage.store,
      log,
      metrics: { jobsCreated: (count) => void created.push(count) },
      isReady,
      wakeWorker,
      lookMs: 20,
      allowLoopbackHttp: false,
      streamUrl: () => 'http://api.example',
      streams: { STREAM_SECONDS: 60, STREAM_SESSIONS_PER_USER: 10 },
    },
  )
  const services: ApiServices = { ...composed, limits, uploadLimits }
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
      await live?.close()
      await storage.stop()
      if (given === undefined) await database.drop()
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
