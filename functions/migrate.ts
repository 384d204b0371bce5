import { resolve } from 'node:path'
import type { Context } from 'aws-lambda'
import * as z from 'zod'
import { loadMigrationConfig } from '../core/platform/config/migrate.ts'
import { checkMigrations, migrateDatabase } from '../drizzle/migrate.ts'

const Call = z.object({ mode: z.enum(['apply', 'check']), patienceSeconds: z.number().min(0).default(0) })

/** The rest of the function's time once it has the lock, in seconds. */
const ownSeconds = 120

/** The files are beside the function: in a deployed one, and in a checkout, the working folder is their root. */
const folder = resolve('drizzle/migrations')

/**
 * Called by a deployment: brings the database up to the migrations that came with the code, or checks that somebody
 * else has.
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
    // Two deployments at once, or a call that was made twice: the second waits for the first, however long it takes.
    const lockSeconds = context && Math.max(1, context.getRemainingTimeInMillis() / 1000 - ownSeconds)
    return {
      applied: await migrateDatabase(DATABASE_URL, { folder, patienceSeconds, ...(lockSeconds && { lockSeconds }) }),
    }
  }
  await checkMigrations(DATABASE_URL, { folder, patienceSeconds })
  return { applied: 0 }
}
