import { type Environment, environment, load } from './load.ts'
import type { Values } from './setting.ts'
import { database } from './shared.ts'

export const migrationKeys = { ...database }

/** The configuration of functions/migrate.ts. */
export type MigrationConfig = Values<typeof migrationKeys>

/** @throws ConfigError */
export function loadMigrationConfig(env: Environment = environment()): MigrationConfig {
  return load(migrationKeys, env)
}
