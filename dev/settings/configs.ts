import { type ApiConfig, loadApiConfig } from '../../core/platform/config/api.ts'
import { type BucketConfig, loadBucketConfig } from '../../core/platform/config/bucket.ts'
import { type ConsoleConfig, loadConsoleConfig } from '../../core/platform/config/console.ts'
import { ConfigError } from '../../core/platform/config/load.ts'
import { loadPollerConfig, type PollerConfig } from '../../core/platform/config/poller.ts'
import { keyOf } from '../../core/platform/config/providers.ts'
import { providerNames } from '../../core/providers/registry.ts'

/** Replaces a provider's key until it is known whether the provider is emulated. */
function standInFor(name: string, env: Settings): Settings {
  return env[keyOf(name, 'API_KEY')]
    ? {}
    : { [keyOf(name, 'API_KEY')]: 'local', [keyOf(name, 'BASE_URL')]: 'http://127.0.0.1' }
}

type Settings = Readonly<Record<string, string | undefined>>

/** The configurations of both functions, of their bucket and of the console. */
export interface Configs {
  readonly api: ApiConfig
  readonly poller: PollerConfig
  readonly bucket: BucketConfig
  readonly console: ConsoleConfig
}

/** @throws ConfigError that names the issues of all of them */
export function loadConfigs(settings: Settings): Configs {
  const errors: string[][] = []
  const attempt = <Config>(load: (from: Settings) => Config): Config | undefined => {
    try {
      return load(settings)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      errors.push(error.message.split('\n'))
      return undefined
    }
  }
  const api = attempt(loadApiConfig)
  const poller = attempt(loadPollerConfig)
  const bucket = attempt(loadBucketConfig)
  const console = attempt(loadConsoleConfig)
  if (api && poller && bucket && console) return { api, poller, bucket, console }
  const [heading = ''] = errors[0] ?? []
  throw new ConfigError([heading, ...new Set(errors.flatMap((lines) => lines.slice(1)))].join('\n'))
}

/**
 * Checks the whole environment before anything is started: placeholders stand for what the stack sets itself.
 *
 * @throws ConfigError
 */
export function checkSettings(env: Settings): Configs {
  return loadConfigs({
    ...env,
    ...(!env.DATABASE_URL && { DATABASE_URL: 'mysql://local@127.0.0.1/local' }),
    ...(!env.BUCKET_NAME && { BUCKET_NAME: 'local', S3_ENDPOINT: 'http://127.0.0.1' }),
    ...Object.assign({}, ...providerNames.map((name) => standInFor(name, env))),
    ...(!env.AUTH_SECRET && { AUTH_SECRET: '-'.repeat(32) }),
  })
}
