import { afterAll, describe, expect } from 'vitest'
import { saveText } from '../../core/queue/settle/save-text.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, badAnswer, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const { outputFormat: _, ...image } = job
const ann = { as: 'ann' }
const create = (body: object, headers = {}) =>
  api.call('POST', '/v1/jobs', { ...ann, headers, body: { ...image, ...body } })
const summary = { headline: 'One red shoe', summary: 'A single shoe.', keyPoints: ['Red'] }

describe('the texts of a new job', () => {
  test('are those that outputs name, with their variants, in their order', async () => {
    const outputs = [
      { outputFormat: 'summary', language: 'de', variants: 2 },
      { outputFormat: 'social_post', platform: 'instagram' },
      { outputFormat: 'summary', language: 'de' },
    ]
    const created = await create({ outputs })
    expect(created.status).toBe(201)
    const body = await json(created)
    expect(body).toMatchObject({
      outputFormat: 'summary',
      language: 'de',
      platform: null,
      texts: { wanted: 4, completed: 0 },
      outputs: { analysis: null, content: null },
    })
    const texts = body.outputs.texts.map((text: Record<string, unknown>) => [
      ...[text.textId, text.outputFormat, text.language, text.platform, text.variant, text.status, text.revision],
    ])
    expect(texts).toEqual([
      [1, 'summary', 'de', null, 1, 'waiting', 0],
      [2, 'summary', 'de', null, 2, 'waiting', 0],
      [3, 'social_post', 'en', 'instagram', 1, 'waiting', 0],
      // Asked for twice is as good as with two variants.
      [4, 'summary', 'de', null, 3, 'waiting', 0],
    ])
  })

  test('is one where the job itself says what to write', async () => {
    const body = await json(create({ outputFormat: 'summary' }))
    expect(body.texts).toEqual({ wanted: 1, completed: 0 })
    expect(body.outputs.texts).toMatchObject([{ textId: 1, outputFormat: 'summary', language: 'en', variant: 1 }])
  })

  test('are each for the brand that they name, or for that of the job', async () => {
    const brandIds: number[] = []
    for (const name of ['One', 'Two']) {
      const profile = { name, defaults: { languages: [name === 'One' ? 'de' : 'fr'] } }
      brandIds.push((await json(api.call('POST', '/v1/brands', { ...ann, body: { profile } }))).brandId)
    }
    const [one, two] = brandIds
    const outputs = [{ outputFormat: 'summary' }, { outputFormat: 'summary', brandId: two }]
    const body = await json(create({ brandId: one, outputs }))
    expect(body).toMatchObject({ brandId: one, language: 'de' })
    expect(body.outputs.texts).toMatchObject([
      { brandId: one, brandVersion: 1, language: 'de', variant: 1 },
      { brandId: two, brandVersion: 1, language: 'fr', variant: 1 },
    ])
    const refused = await create({ outputs: [{ outputFormat: 'summary' }, { outputFormat: 'summary', brandId: 999 }] })
    expect(refused.status).toBe(404)
    expect((await json(refused)).errors).toMatchObject([{ pointer: '#/outputs/1/brandId', code: 'brand.not_found' }])
  })

  test.each([
    ['none', { outputs: [] }, '#/outputs', 'field.too_small'],
    [
      'more than 24',
      { outputs: [{ outputFormat: 'summary', variants: 24 }, { outputFormat: 'alt_text' }] },
      '#/outputs',
      'field.too_large',
    ],
    [
      'in two places',
      { outputFormat: 'summary', outputs: [{ outputFormat: 'summary' }] },
      '#/outputFormat',
      'field.conflict',
    ],
    [
      'with a language for all',
      { language: 'de', outputs: [{ outputFormat: 'summary' }] },
      '#/language',
      'field.conflict',
    ],
    [
      'with a platform that does not fit',
      { outputs: [{ outputFormat: 'summary', platform: 'x' }] },
      '#/outputs/0/platform',
      'field.conflict',
    ],
  ])('are refused: %s', async (_what, body, pointer, code) => {
    const refused = await create(body)
    expect(refused.status).toBe(400)
    expect((await json(refused)).errors).toMatchObject([{ pointer, code }])
  })

  test('up to 24 are taken, and a key stands for what they mean', async () => {
    const headers = { 'idempotency-key': 'k' }
    const outputs = [{ outputFormat: 'summary', variants: 24 }]
    const { jobId } = await json(create({ outputs }, headers))
    const again = await create({ outputs: [{ ...outputs[0], language: 'en', platform: null }] }, headers)
    expect([again.status, (await json(again)).jobId]).toEqual([200, jobId])
    expect((await create({ outputs: [{ outputFormat: 'summary', variants: 23 }] }, headers)).status).toBe(409)
  })
})

test('a text is there as soon as it is made, and stays when its job fails', async () => {
  const { jobId } = await json(create({ outputs: [{ outputFormat: 'summary', variants: 2 }] }))
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
  await saveText(api.database, run, { model: 'm', prompt: 'summary@3', body: summary }, nothingSpent, {
    text: 2,
    revision: 1,
  })
  const read = () => json(api.call('GET', `/v1/jobs/${jobId}`, ann))
  expect(await read()).toMatchObject({
    status: 'processing',
    progress: 85,
    texts: { wanted: 2, completed: 1 },
    outputs: {
      content: null,
      texts: [
        { textId: 1, status: 'waiting', result: null, model: null },
        { textId: 2, status: 'completed', revision: 1, result: summary, model: 'm', author: 'model', error: null },
      ],
    },
  })
  await failVisionJob(api.database, run, { ...badAnswer, code: 'content.blocked' }, nothingSpent)
  expect((await read()).outputs.texts).toMatchObject([
    { status: 'failed', error: { code: 'content.blocked' } },
    { status: 'completed', result: summary },
  ])
})

test('the first text is the content, as it was when a job had one', async () => {
  const { jobId } = await json(create({ outputFormat: 'summary' }))
  const run = await api.claim(jobId)
  await saveAnalysis(api.database, run, analysisOutput, nothingSpent)
  await completeVisionJob(api.database, run, { model: 'm', body: summary }, nothingSpent)
  const { outputs } = await json(api.call('GET', `/v1/jobs/${jobId}`, ann))
  expect(outputs.content).toMatchObject({ outputFormat: 'summary', model: 'm', result: summary, findings: [] })
  expect(outputs.texts).toMatchObject([{ outputFormat: 'summary', result: summary }])
})

test('a job that is deleted leaves no text behind', async () => {
  const { jobId } = await json(create({ outputs: [{ outputFormat: 'summary', variants: 3 }] }))
  const left = 'SELECT text FROM vision_job_texts WHERE job_id = ?'
  expect(await api.database.sql(left, [jobId])).toHaveLength(3)
  await api.call('DELETE', `/v1/jobs/${jobId}`, ann)
  expect(await api.database.sql(left, [jobId])).toEqual([])
})
