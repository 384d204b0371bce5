import { afterAll, describe, expect } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import type { TextRun } from '../../core/domain/run.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { readTextsOfRun } from '../../core/queue/rows/texts.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { badAnswer, noCap, nothingSpent, spending } from '../support/database/jobs.ts'
import { ledgerOf } from '../support/database/ledger.ts'
import { test } from '../support/database/test.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const ann = { as: 'ann' }
const summary = { headline: 'One red shoe', summary: 'A single shoe.', keyPoints: ['Red', 'One'] }
const edited = { ...summary, headline: 'Two red shoes' }

/** A job with its analysis and its text. */
async function finished(changes: object = {}): Promise<number> {
  const jobId = await api.create('ann', changes)
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, { model: 'sees', body: exampleJob.outputs.analysis?.result }, nothingSpent)
  await completeVisionJob(api.database, run, { model: 'writes', prompt: 'summary@3', body: summary }, nothingSpent)
  return jobId
}
const at = (jobId: number, textId = 1) => `/v1/jobs/${jobId}/texts/${textId}`
const read = (jobId: number) => json(api.call('GET', `/v1/jobs/${jobId}`, ann))
const patch = (jobId: number, body: object, headers = {}, as = 'ann') =>
  api.call('PATCH', at(jobId), { as, body, headers })
const etagOf = async (jobId: number) => (await api.call('GET', at(jobId), ann)).headers.get('etag') ?? ''

/** A worker that runs everything that is due; says which texts it was asked for. */
async function work(body: object): Promise<TextRun[]> {
  await promoteDueVisionJobs(api.database, noCap)
  const asked: TextRun[] = []
  const steps: Steps = {
    analysis: async () => {
      throw new Error('the analysis is saved')
    },
    content: async (text, _, { meter }) => {
      asked.push(text)
      await meter.sent()
      meter.answered(spending())
      return { model: 'writes', prompt: 'summary@3', body }
    },
  }
  await drain(workerOptions(api.database, steps, { concurrency: 1, providerWaitMs: 0 }), inAMinute())
  return asked
}

describe('more texts of a job that has ended', () => {
  test('are made from the saved analysis, and nothing else is', async () => {
    const jobId = await finished()
    const outputs = [
      { outputFormat: 'summary', variants: 2 },
      { outputFormat: 'alt_text', language: 'de' },
    ]
    const asked = await api.call('POST', `/v1/jobs/${jobId}/texts`, { ...ann, body: { outputs } })
    expect(asked.status).toBe(200)
    const body = await json(asked)
    expect(body).toMatchObject({ status: 'scheduled', finishedAt: null, texts: { wanted: 4, completed: 1 } })
    expect(body.outputs.texts.map((text: { textId: number; variant: number }) => [text.textId, text.variant])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 1],
    ])
    expect((await work(summary)).map(({ text }) => text)).toEqual([2, 3, 4])
    expect(await read(jobId)).toMatchObject({ status: 'completed', texts: { wanted: 4, completed: 4 } })
    // It counts as a job of the day.
    expect(await ledgerOf(api.database, 'ann')).toMatchObject({ created: { jobs: 2 }, completed: { jobs: 2 } })
  })

  test('are refused of one that is under way, that was cancelled, or that has no analysis, and of another user’s', async () => {
    const body = { outputs: [{ outputFormat: 'summary' }] }
    const ask = async (jobId: number, as = 'ann') =>
      (await json(api.call('POST', `/v1/jobs/${jobId}/texts`, { as, body }))).code
    const pending = await api.create('ann')
    expect(await ask(pending)).toBe('text.not_ready')
    await failVisionJob(api.database, await api.claim(pending), badAnswer, nothingSpent)
    expect(await ask(pending)).toBe('text.not_ready')
    const cancelled = await api.create('ann')
    await api.call('POST', `/v1/jobs/${cancelled}/cancel`, ann)
    expect(await ask(cancelled)).toBe('text.not_ready')
    expect(await ask(await finished(), 'bob')).toBe('job.not_found')
  })

  test('leave the counts of a batch as they will be', async () => {
    const batch = await json(api.call('POST', '/v1/batches', { ...ann, body: { name: 'b' } }))
    const added = await json(
      api.call('POST', `/v1/batches/${batch.batchId}/jobs`, { ...ann, body: { jobs: [{ ...job }] } }),
    )
    const [{ jobId }] = added.jobs
    const run = await api.claim(jobId)
    await saveAnalysis(api.database, run, { model: 'sees', body: exampleJob.outputs.analysis?.result }, nothingSpent)
    await completeVisionJob(api.database, run, { model: 'writes', body: summary }, nothingSpent)
    const counted = async () =>
      Number(
        (await api.database.sql("SELECT SUM(jobs) AS n FROM vision_batch_counts WHERE status = 'completed'"))[0]?.n ??
          0,
      )
    expect(await counted()).toBe(1)
    await api.call('POST', `${at(jobId)}/regenerate`, ann)
    expect(await counted()).toBe(0)
    await work(edited)
    expect(await counted()).toBe(1)
  })
})

describe('a text that is made anew', () => {
  test('keeps its revision until the next is there, and the writer is told what is wanted, and the text as it is', async () => {
    const jobId = await finished()
    const instruction = 'Shorter.'
    const asked = await api.call('POST', `${at(jobId)}/regenerate`, { ...ann, body: { instruction } })
    expect(asked.status).toBe(200)
    expect((await json(asked)).text).toMatchObject({ status: 'waiting', revision: 1, result: summary })
    expect(await work(edited)).toMatchObject([{ text: 1, revision: 2, revising: { instruction, current: summary } }])
    expect((await read(jobId)).outputs).toMatchObject({
      content: { result: edited },
      texts: [{ status: 'completed', revision: 2, result: edited }],
    })
    const { revisions } = await json(api.call('GET', `${at(jobId)}/revisions`, ann))
    expect(revisions).toMatchObject([
      { revision: 2, author: 'model', requestedBy: 'ann', instruction, result: edited },
      { revision: 1, author: 'model', requestedBy: null, instruction: null, result: summary },
    ])
  })

  test('is refused while it is being made', async () => {
    const jobId = await finished()
    await api.call('POST', `${at(jobId)}/regenerate`, ann)
    const again = await api.call('POST', `${at(jobId)}/regenerate`, ann)
    expect([again.status, (await json(again)).code]).toEqual([409, 'text.not_ready'])
    const change = await patch(jobId, { approved: true }, { 'if-match': await etagOf(jobId) })
    expect([change.status, (await json(change)).code]).toEqual([409, 'text.not_ready'])
    const [run] = [await promoteDueVisionJobs(api.database, noCap)]
    expect(run).toBe(1)
    const claimed = await api.claim(jobId, 'content')
    expect((await readTextsOfRun(api.database, claimed)).waiting).toHaveLength(1)
  })
})

describe('an edit', () => {
  test('is a revision by the user, checked and looked through like the model’s, and approved by itself alone', async () => {
    const jobId = await finished()
    const etag = await etagOf(jobId)
    const approved = await patch(jobId, { approved: true }, { 'if-match': etag })
    expect((await json(approved)).text).toMatchObject({ revision: 1, approved: true, author: 'model' })
    const next = approved.headers.get('etag') ?? ''
    expect(next).not.toBe(etag)
    const content = { ...edited, summary: 'Now 77 euros.' }
    const changed = await patch(jobId, { content }, { 'if-match': next })
    expect(changed.status).toBe(200)
    expect((await json(changed)).text).toMatchObject({
      revision: 2,
      approved: false,
      author: 'user',
      model: null,
      result: content,
      findings: [expect.objectContaining({ about: expect.stringContaining('77') })],
    })
    const { revisions } = await json(api.call('GET', `${at(jobId)}/revisions`, ann))
    expect(revisions).toMatchObject([
      { revision: 2, author: 'user', requestedBy: 'ann', createdAt: expect.any(String), approved: false },
      { revision: 1, author: 'model' },
    ])
    expect((await read(jobId)).status).toBe('completed')
  })

  test('is refused without the revision that was read, and after a concurrent change', async () => {
    const jobId = await finished()
    const etag = await etagOf(jobId)
    expect((await patch(jobId, { approved: true })).status).toBe(428)
    const both = await Promise.all([1, 2].map(() => patch(jobId, { content: edited }, { 'if-match': etag })))
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412])
    expect((await json(api.call('GET', `${at(jobId)}/revisions`, ann))).revisions).toHaveLength(2)
    expect((await patch(jobId, { approved: true }, { 'if-match': await etagOf(jobId) }, 'bob')).status).toBe(404)
    const client = api.client('ann')
    await expect(client.editText.mutate({ jobId, textId: 1, approved: true, revision: 1 })).rejects.toMatchObject({
      data: { errorCode: 'request.precondition_failed' },
    })
    const { text } = await client.editText.mutate({ jobId, textId: 1, approved: true, revision: 2 })
    expect(text).toMatchObject({ revision: 2, approved: true })
  })

  test.each([
    ['a field that is missing', { headline: 'x', summary: 'y' }, '#/content/keyPoints'],
    ['a field that the format does not have', { ...summary, colour: 'red' }, '#/content/colour'],
    ['a field of another kind', { ...summary, headline: 5 }, '#/content/headline'],
  ])('names %s', async (_what, content, pointer) => {
    const jobId = await finished()
    const refused = await patch(jobId, { content }, { 'if-match': await etagOf(jobId) })
    expect(refused.status).toBe(400)
    expect((await json(refused)).errors).toMatchObject([{ pointer }])
    expect((await read(jobId)).outputs.texts).toMatchObject([{ revision: 1, result: summary }])
  })

  test('has a bound: what is too large, and a revision too many', async () => {
    const jobId = await finished()
    const headers = { 'if-match': '*' }
    const large = await patch(jobId, { content: { ...summary, summary: 'x'.repeat(40_000) } }, headers)
    expect((await json(large)).errors).toMatchObject([{ pointer: '#/content', code: 'field.too_large' }])
    await api.database.sql('UPDATE vision_job_texts SET revision = 100 WHERE job_id = ?', [jobId])
    const many = await patch(jobId, { content: summary }, headers)
    expect((await json(many)).code).toBe('text.too_many_revisions')
  })
})
