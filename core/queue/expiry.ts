import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../drizzle/schema.ts'
import { inMilliseconds } from '../database/sql.ts'
import type { ProviderStates } from '../providers/provider-state.ts'
import type { StepProviders } from '../providers/registry.ts'

/** Of each lane the moment, as SQL: a job whose `expires_at` is no later has expired. */
export type ExpiryMoments = Readonly<Record<Step, SQL>>

/**
 * The moments up to which jobs have expired. A lane's clock stands still while claiming is paused, or while a provider that its
 * jobs still need is down or paused: an outage costs time, and no jobs. The moment is NULL then, which no comparison matches.
 */
export function expiryMoments(states: ProviderStates, stepProviders: StepProviders): ExpiryMoments {
  // Also outages from the time that the job was in an earlier lane.
  const graceMs = states.all.reduce((sum, state) => sum + state.graceMs, 0)
  const momentOf = (lane: Step) => {
    // The later steps too: their outage fills its user's places, and what is to begin cannot.
    const needed = ['all', ...steps.slice(steps.indexOf(lane)).map((step) => stepProviders[step])].map(states.of)
    return needed.some(({ operatorPause, downSince }) => operatorPause || downSince)
      ? sql`NULL`
      : inMilliseconds(-graceMs)
  }
  return { analysis: momentOf('analysis'), content: momentOf('content') }
}
