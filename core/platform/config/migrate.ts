import { type Environment, environment, load } from './load.ts'
import type { Values } from './setting.ts'
import { database } from './shared.ts'

export const migrationKeys = { ...database }

/** What functions/migrate.ts needs. */
export type MigrationConfig = Values<typeof migrationKeys>

/** @throws ConfigError */
export function loadMigrationConfig(env: Environment = environment()): MigrationConfig {
  return load(migrationKeys, env)
}
