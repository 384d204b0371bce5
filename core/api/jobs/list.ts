import type * as z from 'zod'
import { getBatch } from '../../batches/batches.ts'
import { encodeCursor } from '../../http/cursor.ts'
import { getUserVisionJobs, type HistoryQuery } from '../../queue/read/history.ts'
import { getVisionJobsUpTo } from '../../queue/read/read.ts'
import type { Caller } from '../procedure.ts'
import type { JobFilter } from './matching-schema.ts'
import { readRelations } from './relations.ts'
import { summarizeJobs } from './reply.ts'
import type { History, JobPageView } from './schema.ts'
import { summarizeJob, viewOutputs } from './view.ts'

/** The largest JSON of a page with outputs, in bytes; a page has at least one job. A function's response may be 6 MB. */
const maxPageBytes = 4_000_000

/**
 * A page of the caller's history, with outputs if requested.
 *
 * @throws VisionError `batch.not_found`
 */
export async function listJobs(caller: Caller, input: z.output<typeof History>): Promise<JobPageView> {
  const { services, actor } = caller
  const { userId } = actor
  if (input.batchId !== undefined) await getBatch(services.database, { userId, batchId: input.batchId })
  const { limit, cursor: before } = input
  const { jobs, next } = await getUserVisionJobs(services.database, { userId, limit, before, ...queryOf(input) })
  const cursorAfter = (id: number | undefined) => (id === undefined ? null : encodeCursor(id))
  if (input.include === undefined) return { jobs: await summarizeJobs(services, jobs), nextCursor: cursorAfter(next) }
  const ids = jobs.map(({ id }) => id)
  const found = await getVisionJobsUpTo(services.database, ids, maxPageBytes)
  const relations = await readRelations(
    services,
    found.jobs.map(({ job }) => job),
  )
  const shown: JobPageView['jobs'] = []
  let bytes = 0
  for (const one of found.jobs) {
    const view = { ...summarizeJob(one.job, relations), outputs: viewOutputs(one) }
    bytes += Buffer.byteLength(JSON.stringify(view))
    if (shown.length > 0 && bytes > maxPageBytes) return { jobs: shown, nextCursor: cursorAfter(shown.at(-1)?.jobId) }
    shown.push(view)
  }
  return { jobs: shown, nextCursor: cursorAfter(found.last === ids.at(-1) ? next : found.last) }
}

/** A caller's filter, as the queue reads it. */
export function queryOf(filter: z.output<typeof JobFilter>): Omit<HistoryQuery, 'userId' | 'limit' | 'before'> {
  const { status, outputFormat, batchId, code, createdFrom, createdTo, metadataKey, metadataValue, ids } = filter
  return {
    statuses: status,
    outputFormats: outputFormat,
    batchId,
    code,
    createdFrom: createdFrom === undefined ? undefined : new Date(createdFrom),
    createdTo: createdTo === undefined ? undefined : new Date(createdTo),
    metadata:
      metadataKey === undefined || metadataValue === undefined ? undefined : { key: metadataKey, value: metadataValue },
    ids,
  }
}
