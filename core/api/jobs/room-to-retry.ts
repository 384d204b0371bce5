import type { ReadRoom } from '../../queue/change/change-jobs.ts'
import { lockUser } from '../../queue/rows/users.ts'
import { readQuotas, requireRetry } from '../../usage/quotas.ts'
import type { Caller } from '../procedure.ts'

/** The caller’s room for jobs that are retried: exact, since whatever else makes a user’s jobs wait holds the same lock. */
export function roomToRetry({ services: { limits }, actor: { userId } }: Caller): ReadRoom {
  return async (tx) => {
    const { overrides } = await lockUser(tx, userId)
    const state = await readQuotas(tx, userId, limits, overrides)
    return (jobs) => requireRetry(state, jobs)
  }
}
