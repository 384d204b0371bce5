import { type Environment, environment, load } from './load.ts'
import { decimal, setting, type Values } from './setting.ts'
import { auth, authRule, database, logging, streamLimit, ticketRule } from './shared.ts'

export const streamKeys = {
  ...logging,
  ...database,
  ...auth,
  /** Origins whose pages may read streams, where nothing before the function answers CORS requests. */
  STREAM_ORIGINS: setting((text) => text.split(',')).optional(),
  STREAM_SECONDS: decimal({ max: 900 }).or(60),
  ...streamLimit,
}

/** The configuration of functions/stream.ts. */
export type StreamConfig = Values<typeof streamKeys>

/** @throws ConfigError */
export function loadStreamConfig(env: Environment = environment()): StreamConfig {
  return load(streamKeys, env, (config) => [...authRule(config), ...ticketRule(config)])
}
