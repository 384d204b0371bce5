import { databaseUrl } from './database-url.ts'
import type { Rule } from './load.ts'
import { accessKey, decimal, oneOf, setting, signingSecret, text, type Values, webUrl, wholeNumber } from './setting.ts'

/** Settings that several entry points read. */
export const logging = {
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').or('info'),
  POWERTOOLS_SERVICE_NAME: text().or('vision-pipeline'),
}

export const database = { DATABASE_URL: databaseUrl() }

export const storage = {
  BUCKET_NAME: text({ min: 3 }),
  AWS_REGION: text().or('us-east-1'),
  S3_ENDPOINT: webUrl().optional(),
  S3_ACCESS_KEY_ID: accessKey().optional(),
  // It signs and is not sent: any text will do.
  S3_SECRET_ACCESS_KEY: text().optional(),
}

/** What signs calls of AWS: Lambda gives them to each function, with the permissions of its role. */
export const aws = {
  AWS_ACCESS_KEY_ID: text().optional(),
  AWS_SECRET_ACCESS_KEY: text().optional(),
  AWS_SESSION_TOKEN: text().optional(),
}

export type AwsConfig = Values<typeof aws>

/** As AWS names them. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** @returns undefined without a key */
export function credentialsIn(config: AwsConfig): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = config
  return accessKeyId && secretAccessKey
    ? { accessKeyId, secretAccessKey, ...(token && { sessionToken: token }) }
    : undefined
}

/** How pollers that are functions are woken: by whoever makes jobs pending, and by a full one that sees more of them. */
export const waking = {
  ...aws,
  AWS_ENDPOINT_URL_LAMBDA: webUrl().optional(),
  POLLER_MAX: wholeNumber().optional(),
  POLLER_CONCURRENCY: wholeNumber({ max: 100 }).or(50),
}

/** The lifetimes of jobs. */
export const lives = {
  JOB_EXPIRES_HOURS: decimal().or(24),
  JOB_RETENTION_DAYS: wholeNumber().or(30),
}

/** Processes that admit jobs must agree on these. */
export const jobs = { JOB_IN_FLIGHT_PER_USER: wholeNumber().or(10) }

/** Checked when a job is created, and again when it is admitted. */
export const spend = { USER_DOLLARS_PER_DAY: decimal().optional() }

/** What a user may have in a day or at once, where no operator has set another limit for that one. */
export const userLimits = {
  USER_JOBS_PER_DAY: wholeNumber().or(10_000),
  USER_JOBS_WAITING: wholeNumber().or(10_000),
  USER_UPLOADS_PER_DAY: wholeNumber().or(10_000),
  USER_UPLOAD_MEGABYTES_PER_DAY: wholeNumber({ min: 20, because: 'the size of one upload' }).or(20_000),
  ...spend,
}

export const pageOrigins = {
  /** Origins whose pages may read streams, where nothing before the function answers CORS requests. */
  STREAM_ORIGINS: setting((text) => text.split(',')).optional(),
}

/** How many streams and waiting calls a user may have at once, where no operator has set another limit for that one. */
export const streamLimit = { STREAM_SESSIONS_PER_USER: wholeNumber().or(10) }
export const waitLimit = { WAITS_PER_USER: wholeNumber({ min: 0 }).or(5) }

export const auth = {
  AUTH_JWKS_URL: webUrl().optional(),
  AUTH_ISSUER: text().optional(),
  AUTH_AUDIENCE: text().optional(),
  AUTH_SECRET: signingSecret().optional(),
  AUTH_SECRET_PREVIOUS: signingSecret().optional(),
  STREAM_SECRET: signingSecret().optional(),
  STREAM_SECRET_PREVIOUS: signingSecret().optional(),
}

/** The storage of images. */
export type StorageConfig = Values<typeof storage>
type AuthConfig = Values<typeof auth>
/** The signing keys of tickets. */
export type TicketConfig = Pick<
  AuthConfig,
  'STREAM_SECRET' | 'STREAM_SECRET_PREVIOUS' | 'AUTH_SECRET' | 'AUTH_SECRET_PREVIOUS'
>

/** The keys of missing settings, and why they are needed. */
export function missingIn<Config extends object>(config: Config) {
  return (key: keyof Config & string, because: string) =>
    config[key] === undefined ? [[key, `is missing: needed ${because}`] as const] : []
}

/** Never unauthenticated: without a way to check tokens nothing starts. */
export const authRule: Rule<AuthConfig> = (config) => {
  const missing = missingIn<AuthConfig>(config)
  return [
    ...(config.AUTH_JWKS_URL
      ? [...missing('AUTH_ISSUER', 'with AUTH_JWKS_URL'), ...missing('AUTH_AUDIENCE', 'with AUTH_JWKS_URL')]
      : missing('AUTH_SECRET', 'where AUTH_JWKS_URL is not set')),
    ...(config.AUTH_SECRET_PREVIOUS ? missing('AUTH_SECRET', 'with AUTH_SECRET_PREVIOUS') : []),
    ...(config.STREAM_SECRET_PREVIOUS ? missing('STREAM_SECRET', 'with STREAM_SECRET_PREVIOUS') : []),
  ]
}

/** A ticket is signed with one of the two secrets. */
export const ticketRule: Rule<TicketConfig> = (config) =>
  config.AUTH_SECRET ? [] : missingIn<TicketConfig>(config)('STREAM_SECRET', 'for streams where AUTH_SECRET is not set')
