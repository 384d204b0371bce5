import { resolve } from 'node:path'
import type { Context } from 'aws-lambda'
import * as z from 'zod'
import { loadMigrationConfig } from '../core/platform/config/migrate.ts'
import { checkMigrations, migrateDatabase } from '../drizzle/migrate.ts'

const Call = z.object({ mode: z.enum(['apply', 'check']), patienceSeconds: z.number().min(0).default(0) })

/** The time reserved for applying migrations once it has the lock, in seconds. */
const ownSeconds = 120

/** The files are beside the function when deployed; in a checkout, the working folder is their root. */
const folder = resolve('drizzle/migrations')

/**
 * Called by a deployment: applies the migrations that came with the code, or checks that they have been applied.
 *
 * @returns how many were applied
 * @throws MigrationError, which stops the deployment
 */
export async function handler(
  event: unknown,
  context?: Pick<Context, 'getRemainingTimeInMillis'>,
): Promise<{ applied: number }> {
  const { mode, patienceSeconds } = Call.parse(event)
  const { DATABASE_URL } = loadMigrationConfig()
  if (mode === 'apply') {
    // If two deployments run at once, or a call was repeated, the second one waits for the first, however long it takes.
    const lockSeconds = context && Math.max(1, context.getRemainingTimeInMillis() / 1000 - ownSeconds)
    return {
      applied: await migrateDatabase(DATABASE_URL, { folder, patienceSeconds, ...(lockSeconds && { lockSeconds }) }),
    }
  }
  await checkMigrations(DATABASE_URL, { folder, patienceSeconds })
  return { applied: 0 }
}
