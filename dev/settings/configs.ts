import {
  type ApiConfig,
  type BucketConfig,
  ConfigError,
  loadApiConfig,
  loadBucketConfig,
  loadPollerConfig,
  type PollerConfig,
} from '../../core/platform/config.ts'

type Settings = Readonly<Record<string, string | undefined>>

/** The configurations of both functions and of their bucket. */
export interface Configs {
  readonly api: ApiConfig
  readonly poller: PollerConfig
  readonly bucket: BucketConfig
}

/** @throws ConfigError naming what is wrong for any of them, all at once */
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
  if (api && poller && bucket) return { api, poller, bucket }
  const [heading = ''] = errors[0] ?? []
  throw new ConfigError([heading, ...new Set(errors.flatMap((lines) => lines.slice(1)))].join('\n'))
}

/**
 * Checks all that the environment sets before anything is started: placeholders stand for what the stack fills in.
 *
 * @throws ConfigError
 */
export function checkSettings(env: Settings): Configs {
  return loadConfigs({
    ...env,
    ...(!env.DATABASE_URL && { DATABASE_URL: 'mysql://local@127.0.0.1/local' }),
    ...(!env.BUCKET_NAME && { BUCKET_NAME: 'local', S3_ENDPOINT: 'http://127.0.0.1' }),
    ...(!env.GEMINI_API_KEY && { GEMINI_API_KEY: 'local', GEMINI_BASE_URL: 'http://127.0.0.1' }),
    ...(!env.DEEPSEEK_API_KEY && { DEEPSEEK_API_KEY: 'local', DEEPSEEK_BASE_URL: 'http://127.0.0.1' }),
    ...(!env.AUTH_SECRET && { AUTH_SECRET: '-'.repeat(32) }),
  })
}
