import { resolve } from 'node:path'
import * as z from 'zod'
import { loadMigrationConfig } from '../core/platform/config/migrate.ts'
import { checkMigrations, migrateDatabase } from '../drizzle/migrate.ts'

const Call = z.object({ mode: z.enum(['apply', 'check']), patienceSeconds: z.number().min(0).default(0) })

/** The files are beside the function: in a deployed one, and in a checkout, the working folder is their root. */
const folder = resolve('drizzle/migrations')

/**
 * Called by a deployment: brings the database up to the migrations that came with the code, or checks that somebody
 * else has.
 *
 * @returns how many were applied
 * @throws MigrationError, which stops the deployment
 */
export async function handler(event: unknown): Promise<{ applied: number }> {
  const { mode, patienceSeconds } = Call.parse(event)
  const { DATABASE_URL } = loadMigrationConfig()
  if (mode === 'apply') return { applied: await migrateDatabase(DATABASE_URL, { folder, patienceSeconds }) }
  await checkMigrations(DATABASE_URL, { folder, patienceSeconds })
  return { applied: 0 }
}
