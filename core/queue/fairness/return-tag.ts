import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Step } from '../../../drizzle/schema.ts'
import type { Database } from '../../database/client.ts'
import { matchedBy, type Queryable, rowsOf } from '../../database/sql.ts'
import type { OwnedRun } from '../../usage/ledger.ts'
import { lockJobs } from '../rows/lock-jobs.ts'
import { tryLockUser } from '../rows/users.ts'
import { issueStartTags, unrecordedStartTag } from './fair-queue.ts'
import { weight } from './weight.ts'

/**
 * How often the owner’s row is tried, and how much longer after each try, in milliseconds: a stop ends several runs at
 * once.
 */
const tries = 8
const pauseMs = 25
/** The most jobs of the owner that are moved; the last of them may then share turns with the next one. */
const mostMoved = 100

/**
 * The start tag of a released job. Its owner pays for it with turns, as for any job: otherwise a job that is released
 * repeatedly would be served before all others. But it keeps its place before its owner's younger jobs: it takes the tag of
 * the first of them in the lane, and they all move back by as many turns.
 *
 * @param lane the lane that it enters
 */
export async function startTagForReturn(database: Database, run: OwnedRun, lane: Step): Promise<number> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const tag = await database.transact(
      (tx) => takeTag(tx, run, lane),
      // Then it is repeated, at the cost of one tag.
      async () => undefined,
    )
    if (tag !== undefined) return tag
    await delay(pauseMs * attempt)
  }
  return database.run((on) => unrecordedStartTag(on, run.userId, lane))
}

/** Undefined while another connection, perhaps a dead one, holds the owner's row. */
async function takeTag(tx: Queryable, run: OwnedRun, lane: Step): Promise<number | undefined> {
  const user = await tryLockUser(tx, run.userId)
  if (user === undefined) return undefined
  const [job] = await rowsOf<{ weight: number }>(
    tx,
    sql`SELECT ${weight()} AS weight FROM vision_jobs WHERE id = ${run.jobId}`,
  )
  const turns = Number(job?.weight ?? 1)
  const [last] = await issueStartTags(tx, user, lane, [turns])
  const waiting = await rowsOf<{ id: number; tag: number }>(
    tx,
    sql`SELECT id, start_tag AS tag FROM vision_jobs FORCE INDEX (owner)
      WHERE user_id = ${run.userId} AND waiting_as = 'pending' AND lane = ${lane} ORDER BY start_tag LIMIT ${mostMoved}`,
  )
  const younger = await lockJobs(
    tx,
    'pending',
    waiting.map(({ id }) => id).filter((id) => id > run.jobId),
  )
  const first = waiting.find(({ id }) => younger.includes(id))
  if (first === undefined) return last
  await matchedBy(
    tx,
    sql`UPDATE vision_jobs FORCE INDEX (PRIMARY) SET start_tag = start_tag + ${turns} WHERE id IN ${[...younger]}`,
  )
  return first.tag
}
