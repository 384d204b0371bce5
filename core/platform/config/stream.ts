import { type Environment, environment, load } from './load.ts'
import { decimal, type Values } from './setting.ts'
import { auth, authRule, database, logging, pageOrigins, streamLimit, ticketRule } from './shared.ts'

export const streamKeys = {
  ...logging,
  ...database,
  ...auth,
  ...pageOrigins,
  STREAM_SECONDS: decimal({ max: 900 }).or(60),
  ...streamLimit,
}

/** The configuration of functions/stream.ts. */
export type StreamConfig = Values<typeof streamKeys>

/** @throws ConfigError */
export function loadStreamConfig(env: Environment = environment()): StreamConfig {
  return load(streamKeys, env, (config) => [...authRule(config), ...ticketRule(config)])
}
