import { type SQL, sql } from 'drizzle-orm'
import { type Step, steps } from '../../../drizzle/schema.ts'
import { inMilliseconds } from '../../database/sql.ts'
import type { ProviderStates } from '../../providers/availability/provider-state.ts'
import type { StepProviders } from '../../providers/registry.ts'

/** For each lane a moment, as SQL: a job whose `expires_at` is no later has expired. */
export type ExpiryMoments = Readonly<Record<Step, SQL>>

/**
 * The moments up to which jobs have expired. A lane's clock stops while claiming is paused, or while a provider that its
 * jobs still need is down or paused: an outage costs time, not jobs. The moment is NULL then, which no comparison matches.
 */
export function expiryMoments(states: ProviderStates, stepProviders: StepProviders): ExpiryMoments {
  // Including outages from when the job was in an earlier lane.
  const graceMs = states.all.reduce((sum, state) => sum + state.graceMs, 0)
  const momentOf = (lane: Step) => {
    // Later steps included: while their provider is down, waiting jobs fill the user's places, and new ones cannot start.
    const needed = ['all', ...steps.slice(steps.indexOf(lane)).map((step) => stepProviders[step])].map(states.of)
    return needed.some(({ operatorPause, downSince }) => operatorPause || downSince)
      ? sql`NULL`
      : inMilliseconds(-graceMs)
  }
  return { analysis: momentOf('analysis'), content: momentOf('content') }
}
