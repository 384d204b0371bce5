import { hasEnded } from '../../domain/job.ts'
import { matchesETag } from '../../http/etag.ts'
import { waitFor } from '../../live/wait.ts'
import { getVisionJob, type JobRow } from '../../queue/read/read.ts'
import { getJobUsage } from '../../usage/ledger.ts'
import { eventsUrlOf } from '../events/urls.ts'
import type { Caller } from '../procedure.ts'
import type { ApiServices } from '../services.ts'
import { etagOf, retryAfterOf } from './etag.ts'
import { owned } from './owned.ts'
import { readRelations } from './relations.ts'
import type { JobSummaryView, JobView } from './schema.ts'
import { summarizeJob, viewJob } from './view.ts'

/**
 * Replies with a job, at once or after its next change or its end, as the caller prefers.
 *
 * @param awaited `change`: a caller that names another version than the current one need not wait
 * @throws VisionError `job.not_found`, also for another user's job
 */
export async function replyWithJob(caller: Caller, jobId: number, awaited?: 'change' | 'end'): Promise<JobView> {
  const { services, preferences, reply } = caller
  const { ifNoneMatch, waitSeconds, waitSignal } = preferences
  let found = await getVisionJob(services.database, owned(caller, jobId))
  const isNews = ifNoneMatch !== undefined && !matchesETag(ifNoneMatch, etagOf(found.job))
  if (awaited && waitSeconds !== undefined && !(awaited === 'change' && isNews)) {
    const work = () => waitFor(awaited, services.feed, found, waitSignal)
    if (!hasEnded(found.job) && !(await services.waits.during(owned(caller, jobId), work))) reply.notWaited = true
    found = await getVisionJob(services.database, owned(caller, jobId))
  }
  reply.etag = etagOf(found.job)
  const retryAfterSeconds = retryAfterOf(found.job, services.now())
  if (retryAfterSeconds !== undefined) reply.retryAfterSeconds = retryAfterSeconds
  const usage = await getJobUsage(services.database, owned(caller, jobId))
  return viewJob(found, usage, await eventsUrlOf(services, found.job), await readRelations(services, [found.job]))
}

/** Jobs without their outputs, in the given order. */
export async function summarizeJobs(services: ApiServices, rows: readonly JobRow[]): Promise<JobSummaryView[]> {
  const relations = await readRelations(services, rows)
  return rows.map((row) => summarizeJob(row, relations))
}
