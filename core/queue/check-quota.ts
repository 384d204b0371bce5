import { and, eq, inArray } from 'drizzle-orm'
import { visionJobs } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { consumeJobs, readQuotas, type UserLimits } from '../usage/quotas.ts'
import { decideTexts, IdempotencyMismatch, type NewJob, UndecidedJobs } from './create.ts'

/**
 * Refuses what `createVisionJobs` would refuse, before anything that came with the jobs is stored. Plain reads: concurrent
 * calls may all pass here, and are counted one after another when the jobs are created.
 *
 * @param jobs the jobs to be created
 * @throws IdempotencyMismatch, UndecidedJobs or LimitExceeded
 */
export async function checkQuota(
  database: Database,
  userId: string,
  jobs: readonly Omit<NewJob, 'imageUrl' | 'imageId'>[],
  limits: UserLimits | undefined,
): Promise<void> {
  const idempotencies = jobs.map(({ idempotency }) => idempotency)
  const keys = [...new Set(idempotencies.flatMap((idempotency) => idempotency?.key ?? []))]
  const rows =
    keys.length === 0
      ? []
      : await database.run((on) =>
          on
            .select({ key: visionJobs.idempotencyKey, requestHash: visionJobs.requestHash })
            .from(visionJobs)
            .where(and(eq(visionJobs.userId, userId), inArray(visionJobs.idempotencyKey, keys))),
        )
  const hashes = new Map(rows.map(({ key, requestHash }) => [key, requestHash]))
  const mismatched = idempotencies.flatMap((idempotency, index) =>
    idempotency && hashes.has(idempotency.key) && hashes.get(idempotency.key) !== idempotency.requestHash ? index : [],
  )
  if (mismatched.length > 0) throw new IdempotencyMismatch([...mismatched])
  const isKnown = ({ idempotency }: Pick<NewJob, 'idempotency'>) =>
    idempotency !== undefined && hashes.has(idempotency.key)
  const decisions = await database.run((on) => decideTexts(on, userId, jobs))
  const problems = jobs.flatMap((job, index) => {
    const problems = decisions[index]?.problems ?? []
    return isKnown(job) ? [] : problems.map((problem) => ({ ...problem, index }))
  })
  if (problems.length > 0) throw new UndecidedJobs(problems)
  const keyless = idempotencies.filter((idempotency) => idempotency === undefined).length
  consumeJobs(await database.run((on) => readQuotas(on, userId, limits)), keyless + keys.length - hashes.size)
}
