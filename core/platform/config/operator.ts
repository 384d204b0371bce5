import { type Environment, environment, load } from './load.ts'
import type { Values } from './setting.ts'
import { database, jobs, lives, streamLimit, userLimits, waitLimit } from './shared.ts'

export const operatorKeys = { ...database, ...lives, ...jobs, ...userLimits, ...streamLimit, ...waitLimit }

/** The configuration of an operator's commands. */
export type OperatorConfig = Values<typeof operatorKeys>

/** @throws ConfigError */
export function loadOperatorConfig(env: Environment = environment()): OperatorConfig {
  return load(operatorKeys, env)
}
