import type { Database } from '../../database/client.ts'
import { consumeJobs, readQuotas, type UserLimits } from '../../usage/quotas.ts'
import { matchByKeys } from './idempotency.ts'
import type { JobWithoutImage } from './new-job.ts'
import { requireTexts } from './resolve-texts.ts'

/**
 * Refuses what `createVisionJobs` would refuse, before anything that came with the jobs is stored. Plain reads: concurrent
 * calls may all pass here, and are counted one after another when the jobs are created.
 *
 * @param jobs the jobs to be created
 * @throws IdempotencyMismatch, InvalidJobs or LimitExceeded
 */
export async function checkNewJobs(
  database: Database,
  userId: string,
  jobs: readonly JobWithoutImage[],
  limits: UserLimits | undefined,
): Promise<void> {
  const { fresh, freshIndexes } = await database.run((on) => matchByKeys(on, userId, jobs))
  await database.run((on) => requireTexts(on, userId, fresh, freshIndexes))
  consumeJobs(await database.run((on) => readQuotas(on, userId, limits)), fresh.length)
}
