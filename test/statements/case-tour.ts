import { exampleProfile } from '../../core/api/brands/examples.ts'
import { batchOfItsOwn } from '../../core/batches/batches.ts'
import { createBrandLoader } from '../../core/brands/load.ts'
import { skipIds } from '../../core/database/skip-ids.ts'
import { returnPermits } from '../../core/providers/availability/rate-limit.ts'
import { cancelVisionJobs } from '../../core/queue/change/cancel.ts'
import { deleteJobsSilently } from '../../core/queue/change/delete.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { renewLeases } from '../../core/queue/claim/lease.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { reclaimVisionJobs } from '../../core/queue/claim/reclaim.ts'
import { createVisionJobs } from '../../core/queue/create/create.ts'
import type { NewJob } from '../../core/queue/create/new-job.ts'
import { admitVisionJobs } from '../../core/queue/fairness/concurrency-limit.ts'
import { pruneVisionJobs } from '../../core/queue/prune/prune.ts'
import { getBatchesOfDeleted } from '../../core/queue/read/changes.ts'
import { readCurrent } from '../../core/queue/rows/texts.ts'
import { lockUser } from '../../core/queue/rows/users.ts'
import { failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, claimOne, noBackoff, passed, someJob } from '../support/database/jobs.ts'
import type { DatabaseProxy } from '../support/database/proxy.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { post } from './api-tour.ts'

const limits = { maxRetries: 3, lifeMs: 3_600_000 }
/** In nano-dollars a day. */
const budget = 1e15

/** What the other tours come by only by chance: filters, jobs that preempt others, answers that are lost. */
export async function meetEveryCase(api: TestApi, proxy: DatabaseProxy): Promise<void> {
  const { database } = api
  const get = async (path: string) => {
    const reply = await api.call('GET', path, { as: 'ann' })
    if (!reply.ok) throw new Error(`GET ${path}: ${await reply.text()}`)
  }
  for (const path of ['/v1/jobs?limit=1', '/v1/batches?limit=1']) {
    const page = await json(api.call('GET', path, { as: 'ann' }))
    if (page.nextCursor !== null) await get(`${path}&cursor=${page.nextCursor}`)
  }
  const [batch] = await database.sql("SELECT MAX(id) AS id FROM vision_batches WHERE user_id = 'ann'")
  // The history by each of its indexes, and with all its filters.
  for (const query of [
    'ids=1&ids=2',
    'status=completed&status=failed',
    'outputFormat=summary&outputFormat=alt_text',
    `batchId=${batch?.id}`,
    `batchId=${batch?.id}&status=pending&status=failed`,
    'status=failed&outputFormat=summary&code=image.&metadataKey=sku&metadataValue=7',
    `ids=1&batchId=${batch?.id}&status=failed&code=image.not_found&createdFrom=2026-01-01T00:00:00Z&createdTo=2126-01-01T00:00:00Z`,
    'createdFrom=2026-01-01T00:00:00Z',
  ]) {
    await get(`/v1/jobs?${query}`)
  }
  await changeByFilter(api)
  const { brandId } = await post(api, '/v1/brands', { profile: exampleProfile })
  await post(api, '/v1/jobs', { ...job, brandId })
  await createBrandLoader(database)({ brandId, brandVersion: 1 })

  // An image of its own, a run that is cut off, and an answer that is lost at each.
  const image = { ...job, imageUrl: await fixtureUrl('halves.png', 'image/png') }
  const { jobId } = await post(api, '/v1/jobs', image)
  await api.claim(jobId)
  proxy.failNextCommit('answer lost')
  await post(api, `/v1/jobs/${jobId}/cancel`)
  proxy.failNextCommit('answer lost')
  await api.call('DELETE', `/v1/jobs/${jobId}`, { as: 'ann' })
  const others = await Promise.all([post(api, '/v1/jobs', job), post(api, '/v1/jobs', job)])
  const ids = others.map((one) => Number(one.jobId))
  proxy.failNextCommit('answer lost')
  await cancelVisionJobs(database, 'ann', ids.slice(0, 1))
  proxy.failNextCommit('answer lost')
  await deleteJobsSilently(database, 'ann', ids.slice(1))
  await database.sql("UPDATE vision_jobs SET finished_at = '2020-01-01' WHERE id = ?", ids.slice(0, 1))
  proxy.failNextCommit('answer lost')
  await pruneVisionJobs(database, { olderThanDays: 365 })
  await returnPermits(database, ['none'])
  await getBatchesOfDeleted(database, ids)
  await readCurrent(database, { jobId: ids[0] ?? 0, text: 1, revision: 1 })
  // A batch that ends, and whose end is told; one whose failed jobs are tried again.
  await post(api, '/v1/webhooks', { url: 'https://shop.example/hook', events: ['batch.completed', 'job.cancelled'] })
  const { batchId } = await post(api, '/v1/jobs/batch', { jobs: [job, job] })
  proxy.failNextCommit('answer lost')
  await post(api, `/v1/batches/${batchId}/cancel`)
  await post(api, `/v1/batches/${batchId}/retry`, { code: 'image.' })
  await get(`/v1/batches/${batchId}`)
  await database.sql("UPDATE vision_webhook_endpoints SET user_id = '' WHERE user_id = 'ann'")

  const [text] = await database.sql(
    "SELECT job_id FROM vision_job_texts WHERE status = 'completed' ORDER BY job_id DESC LIMIT 1",
  )
  proxy.failNextCommit('answer lost')
  await post(api, `/v1/jobs/${text?.job_id}/texts/1/regenerate`)

  // More than the limit: blocked, preempted, admitted.
  const make = (userId: string, count: number, inFlightPerUser: number, more: Partial<NewJob> = {}) =>
    createVisionJobs(
      database,
      Array.from({ length: count }, () => ({ ...someJob, ...more })),
      { userId, ...limits, inFlightPerUser },
    )
  await database.sql(
    "UPDATE vision_jobs SET status = 'cancelled', finished_at = UTC_TIMESTAMP(3) WHERE status IN ('scheduled', 'blocked', 'pending', 'processing')",
  )
  const [first] = await make('eve', 1, 1)
  const run = await claimOne(database)
  await saveAnalysis(database, run, analysisOutput, {})
  await database.sql(
    "UPDATE vision_jobs SET status = 'scheduled', lease_expires_at = NULL, worker_id = NULL WHERE id = ?",
    [first?.jobId],
  )
  await passed(database, 'available_at', first?.jobId ?? 0)
  await make('eve', 3, 2)
  const stepProviders = { analysis: 'gemini', content: 'deepseek' } as const
  await promoteDueVisionJobs(database, 1, { costPerDay: undefined, stepProviders })
  await admitVisionJobs(database, 'eve', 5, lockUser, budget)
  // With a budget.
  await createVisionJobs(database, [someJob], {
    userId: 'eve',
    ...limits,
    inFlightPerUser: 5,
    limits: { jobsPerDay: 1_000_000, jobsWaiting: 1_000_000, costPerDay: budget },
  })
  const [expired] = await make('eve', 1, 9)
  await passed(database, 'expires_at', expired?.jobId ?? 0)
  await expireVisionJobs(database, () => undefined, stepProviders)
  await skipIds(database, 10)
  await renewLeases(database, 'worker-1', [run], 60_000)
  // Expired in a batch, and lost in one.
  const evesBatch = batchOfItsOwn('eve')
  const [gone, dead] = await createVisionJobs(database, [someJob, someJob], {
    userId: 'eve',
    ...limits,
    inFlightPerUser: 9,
    batch: evesBatch,
  })
  await passed(database, 'expires_at', gone?.jobId ?? 0)
  await expireVisionJobs(database, () => undefined, stepProviders)
  await database.sql(
    "UPDATE vision_jobs SET status = 'cancelled', finished_at = UTC_TIMESTAMP(3) WHERE status IN ('scheduled', 'blocked', 'pending', 'processing') AND id <> ?",
    [dead?.jobId],
  )
  await claimOne(database)
  await passed(database, 'lease_expires_at', dead?.jobId ?? 0)
  await reclaimVisionJobs(database, noBackoff)
}

/** Retries, cancels and deletes jobs by filters. */
async function changeByFilter(api: TestApi): Promise<void> {
  const change = (verb: string, filter: object, dryRun = false) => post(api, `/v1/jobs/${verb}`, { filter, dryRun })
  const { jobId } = await post(api, '/v1/jobs', job)
  const other = await post(api, '/v1/jobs', job)
  const reason = { code: 'image.not_found', message: 'It is not there.' } as const
  await failVisionJob(api.database, await api.claim(jobId), reason, {})
  await change('retry', { status: ['failed'], code: 'image.' })
  await change('cancel', { ids: [jobId, other.jobId] }, true)
  await change('cancel', { ids: [jobId, other.jobId] })
  await change('delete', { ids: [jobId, other.jobId], metadataKey: 'none', metadataValue: '1' })
  await change('delete', { ids: [jobId, other.jobId] })
}
