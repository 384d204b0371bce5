import { type Environment, environment, load, type Rule } from './load.ts'
import { text, type Values, webUrl, wholeNumber } from './setting.ts'
import {
  auth,
  authRule,
  database,
  jobs,
  lives,
  logging,
  storage,
  streamLimit,
  ticketRule,
  userLimits,
  waitLimit,
  waking,
} from './shared.ts'

export const apiKeys = {
  ...logging,
  ...database,
  ...storage,
  ...auth,
  API_DATABASE_CONNECTIONS: wholeNumber().or(2),
  ...waking,
  POLLER_FUNCTION: text().optional(),
  ...waitLimit,
  ...streamLimit,
  STREAM_URL: webUrl().optional(),
  ...jobs,
  JOB_MAX_RETRIES: wholeNumber({ min: 0, max: 20 }).or(3),
  ...lives,
  ...userLimits,
}

/** The configuration of functions/api.ts. */
export type ApiConfig = Values<typeof apiKeys>

const apiRule: Rule<Partial<ApiConfig>> = (config) => [
  ...authRule(config),
  ...(config.STREAM_URL ? ticketRule(config) : []),
]

/** @throws ConfigError */
export function loadApiConfig(env: Environment = environment()): ApiConfig {
  return load(apiKeys, env, apiRule)
}
