import { defaultStepProviders } from '../../providers/registry.ts'
import { type Environment, environment, load } from './load.ts'
import { prices } from './prices.ts'
import { checkProviders, type ProviderConfig, providerKeys, providerOfStep, providersIn } from './providers.ts'
import { decimal, got, setting, text, type Values, WrongSetting, wholeNumber } from './setting.ts'
import { database, jobs, lives, logging, spend, storage, waking } from './shared.ts'

const ownKeys = {
  ...logging,
  ...database,
  ...storage,
  ...jobs,
  JOB_RETENTION_DAYS: lives.JOB_RETENTION_DAYS,
  ...spend,
  ...waking,
  AWS_LAMBDA_FUNCTION_NAME: text().optional(),
  POLLER_DATABASE_CONNECTIONS: wholeNumber().or(4),
  TEXTS_AT_ONCE: wholeNumber({ max: 24 }).or(4),
  // Less would not hold the largest image of two users.
  POLLER_IMAGE_MEGABYTES: wholeNumber({ min: 40, because: 'the largest images of two users' }).or(60),
  IMAGE_USER_AGENT: setting((given) => {
    if (/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(given)) return given
    throw new WrongSetting(`must be up to 256 characters of ASCII${got(given)}`)
  }).or('vision-pipeline/0.1'),
  POLLER_IDLE_SECONDS: decimal({ min: 0 }).or(0),
  JOB_LEASE_SECONDS: decimal().or(60),
  JOB_RENEW_SECONDS: decimal().or(20),
  STEP_TIMEOUT_SECONDS: decimal().or(60),
  RETRY_BASE_SECONDS: decimal().or(30),
  RETRY_CAP_SECONDS: decimal().or(900),
  PROVIDER_PAUSE_SECONDS: decimal().or(30),
  PROVIDER_PAUSE_CAP_SECONDS: decimal().or(900),
  ANALYSIS_PROVIDER: providerOfStep('analysis').or(defaultStepProviders.analysis),
  CONTENT_PROVIDER: providerOfStep('content').or(defaultStepProviders.content),
  PRICES: prices().or([]),
}

/** Also every provider's, by its entry in the registry. */
export const pollerKeys = { ...ownKeys, ...providerKeys }

/** What functions/poller.ts needs. */
export interface PollerConfig extends Values<typeof ownKeys> {
  readonly providers: Readonly<Record<string, ProviderConfig>>
  /** Settings that could not be checked, one sentence each, to be logged once. */
  readonly warnings: readonly string[]
}

/**
 * @param now milliseconds since the epoch
 * @throws ConfigError
 */
export function loadPollerConfig(env: Environment = environment(), now: () => number = Date.now): PollerConfig {
  let warnings: readonly string[] = []
  const values = load<typeof ownKeys>(pollerKeys, env, (given) => {
    const { JOB_RENEW_SECONDS: renew, JOB_LEASE_SECONDS: lease } = given
    const found = checkProviders({
      by: { analysis: given.ANALYSIS_PROVIDER, content: given.CONTENT_PROVIDER },
      values: given,
      prices: given.PRICES ?? [],
      limitsSpend: given.USER_DOLLARS_PER_DAY !== undefined,
      now,
    })
    warnings = found.warnings
    // Two renewals must fit into a lease, or one slow statement loses it.
    const isLate = renew !== undefined && lease !== undefined && renew * 2 > lease
    return [
      ...found.wrong,
      ...(isLate ? [['JOB_RENEW_SECONDS', 'must be at most half of JOB_LEASE_SECONDS'] as const] : []),
    ]
  })
  const own = Object.keys(ownKeys) as (keyof typeof ownKeys)[]
  const picked = Object.fromEntries(own.map((key) => [key, values[key]]))
  return { ...(picked as Values<typeof ownKeys>), providers: providersIn(values), warnings }
}
