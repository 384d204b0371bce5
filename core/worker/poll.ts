import { sql } from 'drizzle-orm'
import { type Step, waitingStatuses } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { rowsOf } from '../database/sql.ts'
import { allowsCalls } from '../providers/availability/circuit-breaker.ts'
import { type ProviderStates, readProviderStates } from '../providers/availability/provider-state.ts'
import { defaultStepProviders, type StepProviders } from '../providers/registry.ts'
import { expiryMoments } from '../queue/claim/expiry-moments.ts'
import { isOverdue } from '../queue/fairness/concurrency-limit.ts'

/** A job waits for half of this on average, in milliseconds. */
export const defaultPollMs = 2_000

/** The pending work. */
export interface Work {
  /** The lanes with pending jobs whose providers may be called; `content` first, so that started jobs are finished first. */
  readonly lanes: readonly Step[]
  /** The number of pending jobs in each lane, counted up to the limit. */
  readonly waiting: Readonly<Record<Step, number>>
  readonly providerStates: ProviderStates
  /** A scheduled job is due. */
  readonly due: boolean
  /** A lease has expired. */
  readonly lost: boolean
  /** A waiting job is past its `expires_at`. */
  readonly expired: boolean
  /** A user has blocked jobs that no worker has checked for a while. */
  readonly blocked: boolean
}

/** The lanes in which jobs wait that a worker may call for, in the order in which they are claimed. */
export function openLanes(
  waiting: Work['waiting'],
  providerStates: ProviderStates,
  stepProviders: StepProviders,
): readonly Step[] {
  const passes = (lane: Step) =>
    allowsCalls(providerStates.of('all')) && allowsCalls(providerStates.of(stepProviders[lane]))
  return (['content', 'analysis'] satisfies Step[]).filter((lane) => waiting[lane] > 0 && passes(lane))
}

/**
 * Two plain reads without locks, so that an idle queue costs two small statements per poll.
 *
 * @param limit the most jobs of a lane that are counted: as many as might be claimed
 * @param stepProviders the providers whose circuit breakers the lanes obey
 * @param known the states of the providers, if they have just been read
 */
export async function pollQueue(
  database: Database,
  limit = 1,
  stepProviders: StepProviders = defaultStepProviders,
  known?: ProviderStates,
): Promise<Work> {
  const providerStates = known ?? (await database.run(readProviderStates))
  const moments = expiryMoments(providerStates, stepProviders)
  const [row] = await database.run((on) =>
    rowsOf<Record<'content' | 'analysis' | 'due' | 'lost' | 'expired' | 'blocked', number>>(
      on,
      sql`SELECT
        (SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs FORCE INDEX (claim)
          WHERE waiting_as = 'pending' AND lane = 'content' LIMIT ${limit}) c) AS content,
        (SELECT COUNT(*) FROM (SELECT 1 FROM vision_jobs FORCE INDEX (claim)
          WHERE waiting_as = 'pending' AND lane = 'analysis' LIMIT ${limit}) a) AS analysis,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (due)
          WHERE status = 'scheduled' AND available_at <= UTC_TIMESTAMP(3)) AS due,
        EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (lease)
          WHERE status = 'processing' AND lease_expires_at <= UTC_TIMESTAMP(3)) AS lost,
        (EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (expiry)
          WHERE waiting_as IN ${[...waitingStatuses]} AND lane = 'analysis' AND expires_at <= ${moments.analysis})
        OR EXISTS (SELECT 1 FROM vision_jobs FORCE INDEX (expiry)
          WHERE waiting_as IN ${[...waitingStatuses]} AND lane = 'content' AND expires_at <= ${moments.content}))
          AS expired,
        EXISTS (SELECT 1 FROM vision_users FORCE INDEX (blocked) WHERE ${isOverdue()}) AS blocked`,
    ),
  )
  const waiting = { content: Number(row?.content ?? 0), analysis: Number(row?.analysis ?? 0) }
  return {
    lanes: openLanes(waiting, providerStates, stepProviders),
    waiting,
    providerStates,
    due: Boolean(row?.due),
    lost: Boolean(row?.lost),
    expired: Boolean(row?.expired),
    blocked: Boolean(row?.blocked),
  }
}
