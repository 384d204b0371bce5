import * as z from 'zod'

/** Something is missing or wrong in the environment. The message names every key at once, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Environment = Readonly<Record<string, string | undefined>>

const seconds = z.coerce.number().positive()
const wholeNumber = z.coerce.number().int().positive()
const secret = z.string().refine((value) => Buffer.byteLength(value) >= 32, 'must be at least 32 bytes long')
/** What a million tokens cost, in US dollars. */
const Rates = z.strictObject({
  /** Of the input that was not cached. */
  input: z.number().min(0),
  cachedInput: z.number().min(0),
  /** Thinking included: it is billed as output. */
  output: z.number().min(0),
})

/** What a model costs from a day on, until a later entry for it. */
const Price = Rates.extend({
  /** Its name; what merely versions the name is the same model (core/providers/prices.ts). */
  model: z.string().min(1).max(120),
  /** The first day, UTC: `2026-11-24`. */
  from: z.iso.date(),
  /** Other rates at certain hours, UTC, from Monday to Friday: `[[1, 4]]` is from 01:00 until 04:00. */
  peak: Rates.extend({
    hours: z.array(z.tuple([z.int().min(0).max(23), z.int().min(1).max(24)])).min(1),
  }).optional(),
})
export type Price = z.infer<typeof Price>

const prices = z
  .string()
  .transform((text, context) => {
    try {
      return z.array(Price).parse(JSON.parse(text))
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s*\n\s*/g, ' ') : 'it is no JSON'
      context.issues.push({ code: 'custom', input: text, message: `must be a list of prices in JSON: ${why}` })
      return z.NEVER
    }
  })
  .default([])

/** As it stands in the registry, and in upper case in the keys of its settings. */
const providerName = z.string().regex(/^[a-z][a-z0-9_]{0,19}$/, 'must be the name of a provider, in lower case')

/** How much a model may think: tokens (-1: as it likes), or a level. */
const thinking = z
  .union([z.enum(['minimal', 'low', 'medium', 'high']), z.coerce.number().int().min(-1).max(32_768)])
  .refine((value) => !Number.isNaN(value))

const logging = {
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  POWERTOOLS_SERVICE_NAME: z.string().min(1).default('vision-pipeline'),
}

/** Whether a host as URLs have it is this machine, so that nobody can listen in between. */
function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

/** Where passwords, keys or tokens are sent, or fetched by which others are believed. */
const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be a URL like https://host/path' })
  .refine((text) => isWebUrl(text), 'must be https, or http on this machine alone (localhost, 127.0.0.1)')

/** Whether a URL is https, or http on this machine. */
export function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

const tls = '?ssl={"rejectUnauthorized":true,"verifyIdentity":true}'

/**
 * The URL of a database with TLS that looks at the server's name too: mysql2 leaves that out unless it is told, and then
 * whoever has any valid certificate gets the password.
 *
 * @param text `mysql://…`, whose `ssl` is JSON as mysql2 takes it; this machine and Unix sockets need none
 * @throws ConfigError what to add to it; the URL is not in the message
 */
export function secureDatabaseUrl(text: string): string {
  const url = new URL(text)
  const given = url.searchParams.get('ssl')
  if (given === null) {
    if (isLoopback(url.hostname) || url.searchParams.has('socketPath')) return text
    throw new ConfigError(`must say how its TLS is checked, since it is not on this machine: add ${tls}`)
  }
  const ssl = asObject(given)
  if (ssl === undefined) throw new ConfigError(`must have ssl as an object in JSON: ${tls}`)
  if (ssl.verifyIdentity !== undefined || ssl.rejectUnauthorized === false) return text
  url.searchParams.set('ssl', JSON.stringify({ ...ssl, verifyIdentity: true }))
  return url.href
}

function asObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const database = {
  DATABASE_URL: z
    .url({ protocol: /^mysql$/, error: 'must be a URL like mysql://user:password@host:3306/name' })
    .transform((url, context) => {
      try {
        return secureDatabaseUrl(url)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        context.issues.push({ code: 'custom', input: url, message: error.message })
        return z.NEVER
      }
    }),
}
const storage = {
  BUCKET_NAME: z.string().min(3),
  AWS_REGION: z.string().min(1).default('us-east-1'),
  S3_ENDPOINT: webUrl.optional(),
  S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
}

const lives = {
  JOB_EXPIRES_HOURS: z.coerce.number().positive().default(24),
  JOB_RETENTION_DAYS: wholeNumber.default(30),
}

/** What is wrong with the keys taken together: each key, and why. */
type Rule = (given: Record<string, string>) => readonly (readonly [key: string, why: string])[]

/** Whoever lets jobs in must agree on these. */
const jobs = { JOB_IN_FLIGHT_PER_USER: wholeNumber.default(10) }

/** Looked at when a job is created, and again when it is let in. */
const spend = { USER_DOLLARS_PER_DAY: z.coerce.number().positive().optional() }

const auth = {
  AUTH_JWKS_URL: webUrl.optional(),
  AUTH_ISSUER: z.string().min(1).optional(),
  AUTH_AUDIENCE: z.string().min(1).optional(),
  AUTH_SECRET: secret.optional(),
  AUTH_SECRET_PREVIOUS: secret.optional(),
  STREAM_SECRET: secret.optional(),
}

const apiKeys = z.object({
  ...logging,
  ...database,
  ...storage,
  ...auth,
  API_DATABASE_CONNECTIONS: wholeNumber.default(2),
  WAITS_PER_USER: z.coerce.number().int().min(0).default(5),
  STREAM_URL: webUrl.optional(),
  ...jobs,
  JOB_MAX_RETRIES: z.coerce.number().int().min(0).max(20).default(3),
  ...lives,
  USER_JOBS_PER_DAY: wholeNumber.default(10_000),
  USER_JOBS_WAITING: wholeNumber.default(10_000),
  USER_UPLOADS_PER_DAY: wholeNumber.default(10_000),
  USER_UPLOAD_MEGABYTES_PER_DAY: wholeNumber.min(20).default(20_000),
  ...spend,
})

const missingIn = (given: Record<string, string>) => (key: string, because: string) =>
  given[key] ? [] : [[key, `is missing: needed ${because}`] as const]

/** Never an open door: without a way to check tokens nothing starts. */
const authRule: Rule = (given) => {
  const missing = missingIn(given)
  return [
    ...(given.AUTH_JWKS_URL
      ? [...missing('AUTH_ISSUER', 'with AUTH_JWKS_URL'), ...missing('AUTH_AUDIENCE', 'with AUTH_JWKS_URL')]
      : missing('AUTH_SECRET', 'where AUTH_JWKS_URL is not set')),
    ...(given.AUTH_SECRET_PREVIOUS ? missing('AUTH_SECRET', 'with AUTH_SECRET_PREVIOUS') : []),
  ]
}

/** A ticket is signed with one of the two secrets. */
const ticketRule: Rule = (given) =>
  given.AUTH_SECRET ? [] : missingIn(given)('STREAM_SECRET', 'for streams where AUTH_SECRET is not set')

const apiRule: Rule = (given) => [...authRule(given), ...(given.STREAM_URL ? ticketRule(given) : [])]

const streamKeys = z.object({
  ...logging,
  ...database,
  ...auth,
  /** Pages of these origins may read streams, where nothing in front of the function says so to browsers. */
  STREAM_ORIGINS: z
    .string()
    .transform((text) => text.split(','))
    .optional(),
  STREAM_SECONDS: seconds.max(900).default(60),
  STREAM_SESSIONS_PER_USER: wholeNumber.default(10),
})

const streamRule: Rule = (given) => [...authRule(given), ...ticketRule(given)]

const pollerKeys = z.object({
  ...logging,
  ...database,
  ...storage,
  ...jobs,
  JOB_RETENTION_DAYS: lives.JOB_RETENTION_DAYS,
  ...spend,
  POLLER_DATABASE_CONNECTIONS: wholeNumber.default(4),
  POLLER_CONCURRENCY: wholeNumber.max(100).default(25),
  TEXTS_AT_ONCE: wholeNumber.max(24).default(4),
  // Less would not hold the largest image of two users.
  POLLER_IMAGE_MEGABYTES: wholeNumber.min(40, 'must be at least 40, the largest images of two users').default(60),
  IMAGE_USER_AGENT: z
    .string()
    .regex(/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/, 'must be up to 256 characters of ASCII')
    .default('vision-pipeline/0.1'),
  POLLER_IDLE_SECONDS: z.coerce.number().min(0).default(75),
  JOB_LEASE_SECONDS: seconds.default(60),
  JOB_RENEW_SECONDS: seconds.default(20),
  STEP_TIMEOUT_SECONDS: seconds.default(60),
  RETRY_BASE_SECONDS: seconds.default(30),
  RETRY_CAP_SECONDS: seconds.default(900),
  PROVIDER_PAUSE_SECONDS: seconds.default(30),
  PROVIDER_PAUSE_CAP_SECONDS: seconds.default(900),
  ANALYSIS_PROVIDER: providerName.default('gemini'),
  CONTENT_PROVIDER: providerName.default('deepseek'),
  GEMINI_API_KEY: z.string().min(1).optional(),
  GEMINI_BASE_URL: webUrl.default('https://generativelanguage.googleapis.com'),
  GEMINI_MODEL: z.string().min(1).default('gemini-3.5-flash-lite'),
  GEMINI_TEMPERATURE: z.coerce.number().min(0).max(2).optional(),
  GEMINI_THINKING: thinking.optional(),
  GEMINI_SAFETY: z.enum(['off', 'none', 'few', 'some', 'most']).default('none'),
  GEMINI_INLINE_MEGABYTES: z.coerce.number().min(1).max(100).default(20),
  GEMINI_REQUESTS_PER_MINUTE: wholeNumber.optional(),
  GEMINI_REQUESTS_IN_FLIGHT: wholeNumber.optional(),
  GEMINI_TOKENS_PER_MINUTE: wholeNumber.optional(),
  DEEPSEEK_API_KEY: z.string().min(1).optional(),
  DEEPSEEK_BASE_URL: webUrl.default('https://api.deepseek.com'),
  DEEPSEEK_MODEL: z.string().min(1).default('deepseek-flash'),
  DEEPSEEK_REQUESTS_PER_MINUTE: wholeNumber.optional(),
  DEEPSEEK_REQUESTS_IN_FLIGHT: wholeNumber.optional(),
  DEEPSEEK_TOKENS_PER_MINUTE: wholeNumber.optional(),
  PRICES: prices,
})

const pollerRule: Rule = (given) => {
  const {
    JOB_RENEW_SECONDS = 20,
    JOB_LEASE_SECONDS = 60,
    ANALYSIS_PROVIDER = 'gemini',
    CONTENT_PROVIDER = 'deepseek',
  } = given
  const serving = [...new Set([ANALYSIS_PROVIDER, CONTENT_PROVIDER])]
  return [
    ...serving.flatMap((name) => missingIn(given)(`${name.toUpperCase()}_API_KEY`, 'by the provider of a step')),
    // Two renewals must fit into a lease, or one slow statement loses it.
    ...(Number(JOB_RENEW_SECONDS) * 2 > Number(JOB_LEASE_SECONDS)
      ? [['JOB_RENEW_SECONDS', 'must be at most half of JOB_LEASE_SECONDS'] as const]
      : []),
  ]
}

const migrationKeys = z.object({ ...database })

const operatorKeys = z.object({ ...database, ...lives })

const bucketKeys = z.object({
  ...storage,
  // Not less: a job may wait, fail and be retried by its owner days after its image was uploaded.
  UPLOAD_RETENTION_DAYS: wholeNumber
    .min(7, 'must be at least 7, since a job may be retried days after its image was uploaded')
    .default(7),
})

/** What functions/api.ts needs. */
export type ApiConfig = z.output<typeof apiKeys>
/** What functions/stream.ts needs. */
export type StreamConfig = z.output<typeof streamKeys>
/** What tickets are signed with. */
export type TicketConfig = Pick<ApiConfig, 'STREAM_SECRET' | 'AUTH_SECRET' | 'AUTH_SECRET_PREVIOUS'>
/** What functions/poller.ts needs. */
export type PollerConfig = z.output<typeof pollerKeys>
/** What an operator's commands need. */
export type OperatorConfig = z.output<typeof operatorKeys>
/** What the setup of the bucket needs. */
export type BucketConfig = z.output<typeof bucketKeys>
/** Where the images are. */
export type StorageConfig = Pick<ApiConfig, keyof typeof storage>

/** @throws ConfigError */
export function loadApiConfig(env: Environment = process.env): ApiConfig {
  return load(apiKeys, env, apiRule)
}

/** @throws ConfigError */
export function loadStreamConfig(env: Environment = process.env): StreamConfig {
  return load(streamKeys, env, streamRule)
}

/** @throws ConfigError */
export function loadPollerConfig(env: Environment = process.env): PollerConfig {
  return load(pollerKeys, env, pollerRule)
}

/** @throws ConfigError */
export function loadMigrationConfig(env: Environment = process.env): z.output<typeof migrationKeys> {
  return load(migrationKeys, env)
}

/** @throws ConfigError */
export function loadOperatorConfig(env: Environment = process.env): OperatorConfig {
  return load(operatorKeys, env)
}

/** @throws ConfigError */
export function loadBucketConfig(env: Environment = process.env): BucketConfig {
  return load(bucketKeys, env)
}

/** The environment as it is, for the local stack, which fills in what is missing. */
export function environment(): Environment {
  return { ...process.env }
}

/** What each function of a deployment reads. */
export const functionKeys = {
  api: Object.keys(apiKeys.shape),
  stream: Object.keys(streamKeys.shape),
  poller: Object.keys(pollerKeys.shape),
} as const satisfies Record<string, readonly string[]>

/** Every key that any entry point reads: what .env.example lists. */
export const configKeys: readonly string[] = [
  ...new Set(
    [apiKeys, streamKeys, pollerKeys, migrationKeys, operatorKeys, bucketKeys].flatMap((keys) =>
      Object.keys(keys.shape),
    ),
  ),
]

/** Shorter ones would be found in ordinary words. */
const shortestSecret = 8

/** The secrets among settings, and the passwords in their URLs: what no line of a log may contain. */
export function secretsOf(settings: Readonly<Record<string, unknown>>): readonly string[] {
  const keysOfProviders = Object.keys(settings).filter((key) => key.endsWith('_API_KEY'))
  const secrets = [...keysOfProviders, 'S3_SECRET_ACCESS_KEY', 'STREAM_SECRET']
  const given = [...secrets, 'AUTH_SECRET', 'AUTH_SECRET_PREVIOUS'].map((key) => settings[key])
  const { DATABASE_URL: url } = settings
  const password = typeof url === 'string' && URL.canParse(url) ? new URL(url).password : ''
  return [...given, password, decodeURIComponent(password)].filter(
    (secret) => typeof secret === 'string' && secret.length >= shortestSecret,
  ) as string[]
}

function load<Keys extends z.ZodType>(keys: Keys, env: Environment, rule: Rule = () => []): z.output<Keys> {
  // An empty line in .env means the same as none.
  const given: Record<string, string> = {}
  for (const [key, value] of Object.entries(env)) if (value) given[key] = value
  const result = keys.safeParse(given)
  const wrong = new Map<string, string>(rule(given))
  for (const issue of result.error?.issues ?? []) {
    const key = issue.path.join('.')
    wrong.set(key, given[key] === undefined ? 'is missing' : issue.message)
  }
  if (result.success && wrong.size === 0) return result.data
  throw new ConfigError(
    ['The configuration is not complete:', ...[...wrong].map(([key, why]) => `  ${key} ${why}`)].join('\n'),
  )
}
