import { reasonOf } from '../../domain/errors.ts'
import { admitVisionJobs } from '../../queue/fairness/concurrency-limit.ts'
import { lockUser } from '../../queue/rows/users.ts'
import type { Caller } from '../procedure.ts'

/** Logs a caller's change of a job; the caller's id stays out of the log. */
export function logJob({ services }: Caller, what: string, jobId: number): void {
  services.log('info', `job ${what}`, { jobId })
}

/**
 * Admits a blocked job in the place of one that was cancelled or deleted. That is done already: an error here is left to
 * the workers.
 */
export async function admitNext({ services, actor }: Caller): Promise<void> {
  await admitVisionJobs(
    services.database,
    actor.userId,
    services.inFlightPerUser,
    lockUser,
    services.limits.costPerDay,
  ).catch((error: unknown) => services.log('error', 'blocked jobs not admitted', { detail: reasonOf(error) }))
  services.wakeWorker()
}
