import { loadApiConfig } from '../core/platform/config/api.ts'
import { bucketKeys as bucketSettings } from '../core/platform/config/bucket.ts'
import { type ConsoleConfig, consoleKeys, loadConsoleConfig } from '../core/platform/config/console.ts'
import { functionKeys } from '../core/platform/config/keys.ts'
import { ConfigError, load } from '../core/platform/config/load.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { keyOf } from '../core/platform/config/providers.ts'
import {
  got,
  isWebUrl,
  oneOf,
  setting,
  text,
  type Values,
  WrongSetting,
  wholeNumber,
} from '../core/platform/config/setting.ts'
import { loadStreamConfig } from '../core/platform/config/stream.ts'
import { providerNames } from '../core/providers/registry.ts'
import { defaultPollerSeconds } from '../core/worker/schedule.ts'
import { type ConcurrencyPlan, planConcurrency } from './concurrency.ts'
import { validateConstraints } from './constraints.ts'

/** Settings that cannot be deployed; the message names all of them. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

type Environment = Readonly<Record<string, string | undefined>>

/** The Node.js version of the deployed functions. */
const functionsNode = 24

const origins = setting((given) => {
  const list = given.split(',').map((origin) => origin.trim())
  if (list.every(isOrigin)) return list
  throw new WrongSetting('must be origins like https://app.example,https://admin.example, http on localhost alone')
})
const hostname = setting((given) => {
  if (/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i.test(given)) return given
  throw new WrongSetting(`must be a domain name like api.example.com${got(given)}`)
})
const emailAddress = setting((given) => {
  if (/^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/.test(given)) return given
  throw new WrongSetting('must be one email address like ops@example.com')
})
const databases = 'rds (a private MySQL of its own) or url (the secret DatabaseUrl)'
const parseDatabase = (given: string) => {
  if (given === 'rds' || given === 'url') return given
  throw new WrongSetting(`must be ${databases}${given && got(given)}`)
}
/** Has no default; missing and wrong values get the same message. */
const database = { ...setting(parseDatabase), read: (given: string | undefined) => parseDatabase(given ?? '') }

const yesOrNo = () => oneOf('yes', 'no')
/** RDS accepts no storage ceiling less than a tenth above the 20 GB it starts with, and warns below a quarter. */
const smallestCeiling = 25

/** The users of an RDS database whose passwords rotate: while the functions use one, the other gets a new password. */
export const rotatedUsers = ['vision_a', 'vision_b'] as const

/** How long CloudWatch keeps logs, in the words of SST. */
const retentions = ['1 week', '2 weeks', '1 month', '3 months', '6 months', '1 year', 'forever'] as const

const keys = {
  DEPLOY_DATABASE: database,
  DEPLOY_DATABASE_INSTANCE: text().or('t4g.micro'),
  DEPLOY_DATABASE_MAX_GIGABYTES: wholeNumber({
    min: smallestCeiling,
    max: 65_536,
    because: 'as RDS starts with 20 GB and grows to 64 TB',
  }).or(100),
  DEPLOY_DATABASE_MULTI_AZ: yesOrNo().or('no'),
  DEPLOY_DATABASE_USER: oneOf('vision', ...rotatedUsers).or('vision'),
  DEPLOY_NAT: oneOf('ec2', 'managed').or('ec2'),
  DEPLOY_NAT_IMAGE: text().or('fck-nat-al2023-hvm-1.4.0-20260701-arm64-ebs'),
  DEPLOY_BASTION: yesOrNo().or('yes'),
  DEPLOY_MIGRATIONS: oneOf('apply', 'check').or('apply'),
  DEPLOY_DOMAIN: hostname.optional(),
  DEPLOY_CONSOLE: hostname.optional(),
  DEPLOY_ORIGINS: origins.optional(),
  DEPLOY_API_RATE: wholeNumber().optional(),
  DEPLOY_API_BURST: wholeNumber().optional(),
  DEPLOY_POLLER_SECONDS: wholeNumber({ max: 900, because: 'the longest that Lambda runs a function' }).or(
    defaultPollerSeconds,
  ),
  DEPLOY_POLLER_MEMORY: wholeNumber({ min: 1024, max: 10_240, because: 'in MB as Lambda gives them' }).or(1024),
  DEPLOY_ACCOUNT_CONCURRENCY: wholeNumber().optional(),
  DEPLOY_POLLER_MAX: wholeNumber().optional(),
  DEPLOY_STREAMS: yesOrNo().optional(),
  DEPLOY_STREAM_CONCURRENCY: wholeNumber().optional(),
  DEPLOY_LOG_RETENTION: oneOf(...retentions).or('1 month'),
  DEPLOY_ALARM_EMAIL: emailAddress.optional(),
  DEPLOY_ALARM_OLDEST_MINUTES: wholeNumber().or(10),
  DEPLOY_ALARM_FAILED_JOBS: wholeNumber().or(10),
  DEPLOY_ALARM_API_ERRORS: wholeNumber().or(10),
  DEPLOY_ALARM_API_MILLISECONDS: wholeNumber().or(2_000),
  DEPLOY_ALARM_DATABASE_CONNECTIONS: wholeNumber().or(50),
  DEPLOY_BUDGET_DOLLARS: wholeNumber().optional(),
  DEPLOY_TRACING: yesOrNo().or('yes'),
}

/** The keys that configure the deployment: those in .env.deploy.example. */
export const deployKeys: readonly string[] = Object.keys(keys)

/** Settings that a deployment finds out itself, and every secret: never taken from the environment of the person who deploys. */
const foundOut =
  /^(DATABASE_URL|BUCKET_NAME|AWS_.*|POLLER_FUNCTION|POLLER_MAX|STREAM_URL|STREAM_ORIGINS|POWERTOOLS_SERVICE_NAME|S3_.*|.*_KEY|.*_SECRET.*)$/
/** The other settings of the functions, under the same names as on a laptop. */
const settable = (names: readonly string[]) => names.filter((name) => !foundOut.test(name))

const bucketKeys = { UPLOAD_RETENTION_DAYS: bucketSettings.UPLOAD_RETENTION_DAYS }

/** Every key of .env.example that a deployment takes from there. */
export const settableKeys: readonly string[] = [
  ...new Set([
    ...settable(Object.values(functionKeys).flat()),
    ...Object.keys(bucketKeys),
    ...Object.keys(consoleKeys),
  ]),
]

/** All settings of a deployment. */
export interface Settings extends Values<typeof keys> {
  readonly UPLOAD_RETENTION_DAYS: number
  /** The environment of each function, without resource names and secrets. */
  readonly environment: Readonly<Record<keyof typeof functionKeys, Readonly<Record<string, string>>>>
  /** What the console is built with, and what of it says how people sign in. */
  readonly console: { readonly environment: Readonly<Record<string, string>>; readonly config: ConsoleConfig }
  /** The MySQL of the developer's machine, for `sst dev` alone. */
  readonly localDatabaseUrl: string | undefined
  /** The names of the providers that serve a step. */
  readonly providers: readonly string[]
  /** How long a stream lives, in seconds. */
  readonly streamSeconds: number
  /** The concurrency of each function, and whether there are streams. */
  readonly concurrency: ConcurrencyPlan
  /** How many functions the account may run at once; undefined under `sst dev`. */
  readonly accountConcurrency: number | undefined
  /** Tokens are checked against a JWKS URL, and not with a secret of ours. */
  readonly hasJwks: boolean
}

/**
 * Reads the settings of a deployment, as SST finds them in the shell, `.env` and `.env.<stage>`.
 *
 * @param dev `sst dev`, which brings its own database
 * @param quota how many functions the account may run at once, where DEPLOY_ACCOUNT_CONCURRENCY does not say
 * @param node the version of Node.js that runs this, as `24.1.0`; under `sst dev` it runs the functions too
 * @throws SettingsError something is missing or wrong, or a constraint between settings is violated
 */
export function readSettings(
  env: Environment,
  { dev, quota, node }: { readonly dev: boolean; readonly quota?: number | undefined; readonly node?: string },
): Settings {
  // An empty line in .env means the same as none; where a comment follows, SST takes that for the value.
  const given: Record<string, string> = {}
  for (const [key, value] of Object.entries(env)) if (value && !value.startsWith('#')) given[key] = value
  const wrong: string[] = []
  if (dev) {
    given.DEPLOY_DATABASE = 'url'
    if (!given.DATABASE_URL) wrong.push('DATABASE_URL is missing: `sst dev` uses the MySQL of this machine')
    if (node !== undefined && Number.parseInt(node, 10) < functionsNode) {
      wrong.push(
        `Node.js ${functionsNode} or later is missing: sst dev runs the functions with the node of your PATH, ${node}`,
      )
    }
  }
  const decided = attempt(wrong, () => load(keys, given))
  const bucket = attempt(wrong, () => load(bucketKeys, given))
  const pick = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.flatMap((name) => (given[name] ? [[name, given[name]]] : [])))
  const environment = {
    api: pick(settable(functionKeys.api)),
    stream: pick(settable(functionKeys.stream)),
    poller: pick(settable(functionKeys.poller)),
  }
  const hasJwks = given.AUTH_JWKS_URL !== undefined
  // With placeholders for values that are known only once it is deployed.
  const known = { DATABASE_URL: 'mysql://user@127.0.0.1/name', BUCKET_NAME: 'bucket' }
  const secret = 'x'.repeat(32)
  const auth = hasJwks ? { STREAM_SECRET: secret } : { AUTH_SECRET: secret }
  const providerKeys = Object.fromEntries(providerNames.map((name) => [keyOf(name, 'API_KEY'), 'x']))
  const api = attempt(wrong, () => loadApiConfig({ ...known, ...auth, ...environment.api }))
  const stream = attempt(wrong, () => loadStreamConfig({ ...known, ...auth, ...environment.stream }))
  const poller = attempt(wrong, () => loadPollerConfig({ ...known, ...providerKeys, ...environment.poller }))
  const consoleEnvironment = pick(Object.keys(consoleKeys))
  const consoleConfig = attempt(wrong, () => loadConsoleConfig(consoleEnvironment))
  if (decided && stream && poller) wrong.push(...validateConstraints(decided, { stream, poller }))
  const accountConcurrency = dev ? undefined : (decided?.DEPLOY_ACCOUNT_CONCURRENCY ?? quota)
  const { plan, wrong: tooMany } = planConcurrency(accountConcurrency, {
    pollerSeconds: decided?.DEPLOY_POLLER_SECONDS ?? 0,
    pollers: decided?.DEPLOY_POLLER_MAX,
    streams: decided?.DEPLOY_STREAM_CONCURRENCY,
    streaming: decided?.DEPLOY_STREAMS && decided.DEPLOY_STREAMS === 'yes',
    waits: given.WAITS_PER_USER === undefined ? undefined : api?.WAITS_PER_USER,
    rate: decided?.DEPLOY_API_RATE,
    burst: decided?.DEPLOY_API_BURST,
  })
  wrong.push(...tooMany)
  if (decided?.DEPLOY_BUDGET_DOLLARS && !decided.DEPLOY_ALARM_EMAIL) {
    wrong.push('DEPLOY_ALARM_EMAIL is missing: DEPLOY_BUDGET_DOLLARS notifies that address')
  }
  const { DEPLOY_CONSOLE: consoleName, DEPLOY_ORIGINS: otherPages } = decided ?? {}
  if (consoleName && consoleName === decided?.DEPLOY_DOMAIN) {
    wrong.push('DEPLOY_CONSOLE must be another name than DEPLOY_DOMAIN: the API answers at its own name too')
  }
  if (!plan.waiting) environment.api.WAITS_PER_USER ??= '0'
  if (!decided || !bucket || !api || !stream || !poller || !consoleConfig || wrong.length > 0) {
    throw new SettingsError(['This cannot be deployed:', ...new Set(wrong.map((line) => `  ${line}`))].join('\n'))
  }
  return {
    ...decided,
    ...bucket,
    // Its pages post to the bucket, and read the streams.
    ...(consoleName && { DEPLOY_ORIGINS: [...new Set([`https://${consoleName}`, ...(otherPages ?? [])])] }),
    environment,
    console: { environment: consoleEnvironment, config: consoleConfig },
    hasJwks,
    concurrency: plan,
    accountConcurrency,
    localDatabaseUrl: dev ? given.DATABASE_URL : undefined,
    streamSeconds: stream.STREAM_SECONDS,
    providers: [...new Set([poller.ANALYSIS_PROVIDER, poller.CONTENT_PROVIDER])],
  }
}

/** The configuration that a function reads, or undefined, with the errors added to `wrong`. */
function attempt<T>(wrong: string[], work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    wrong.push(
      ...error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    )
    return undefined
  }
}

/** As browsers send it: without a path, and without a slash at its end; not in the clear, where others could change the page. */
function isOrigin(text: string): boolean {
  return isWebUrl(text) && new URL(text).origin === text
}
