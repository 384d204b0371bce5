import { randomBytes } from 'node:crypto'
import { eraseUser } from '../../core/admin/erase.ts'
import { createKey } from '../../core/keys/keys.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { json, type TestApi, job as wanted } from '../support/api/test-api.ts'
import { analysisOutput, badAnswer, contentOutput, nothingSpent, spending } from '../support/database/jobs.ts'
import { fixtureUrl } from '../support/images/storage.ts'

const user = 'erased-user'

/** Erases a user who has something of everything, and is an operator with a pause of their own. */
export async function eraseSomebody(api: TestApi): Promise<void> {
  const post = (path: string, body: object) => json(api.call('POST', path, { as: user, scopes: ['operator'], body }))
  await createKey(api.database, { userId: user, name: 'Tour', scopes: ['read'] }, randomBytes)
  await post('/v1/webhooks', { url: 'https://shop.example/hook' })
  await post('/v1/brands', { profile: { name: 'Tour' } })
  await post('/v1/batches', { name: 'Tour' })
  const { jobId } = await post('/v1/jobs', { ...wanted, imageUrl: await fixtureUrl('red.png', 'image/png') })
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, analysisOutput, { analysis: spending() })
  await completeVisionJob(api.database, run, contentOutput, { content: spending() })
  await failVisionJob(api.database, await api.claim(await api.create(user)), badAnswer, nothingSpent)
  await api.database.sql(
    `INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at)
      VALUES (?, ?, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [user, jobId],
  )
  await post('/v1/operator/pause', { provider: 'gemini' })
  await api.database.sql('UPDATE vision_operator_actions SET at = at - INTERVAL 1 DAY')
  const operator = { database: api.database, actor: user }
  const erasure = await eraseUser(operator, api.services.store, user, { randomBytes, dryRun: false })
  if (erasure.more) throw new Error(`something is left: ${JSON.stringify(erasure)}`)
  await api.call('POST', '/v1/operator/resume', { as: 'ann', scopes: ['operator'], body: { provider: 'gemini' } })
}
