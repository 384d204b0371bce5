import { afterAll, expect } from 'vitest'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, nothingSpent } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const list = (as: string, query = '') => json(api.call('GET', `/v1/jobs${query}`, { as }))
const createMany = async (user: string, count: number, changes: object = {}) => {
  const jobs = Array.from({ length: count }, () => ({ ...job, ...changes }))
  const { jobs: created } = await json(api.call('POST', '/v1/jobs/batch', { as: user, body: { jobs } }))
  return created.map((one: { jobId: number }) => one.jobId) as number[]
}
const idsOf = (page: { jobs: { jobId: number }[] }) => page.jobs.map((one) => one.jobId)

test('pages are newest first, twenty at a time, and end', async () => {
  const ids = await createMany('ann', 25)
  const first = await list('ann')
  expect(idsOf(first)).toEqual(ids.toReversed().slice(0, 20))
  expect(first.jobs[0]).not.toHaveProperty('outputs')
  const second = await list('ann', `?cursor=${first.nextCursor}`)
  expect(idsOf(second)).toEqual(ids.toReversed().slice(20))
  expect(second.nextCursor).toBeNull()
  // A page that is just full is the last one if there is nothing after it.
  expect((await list('ann', '?limit=25')).nextCursor).toBeNull()
  expect(await list('nobody')).toEqual({ jobs: [], nextCursor: null })
})

test('jobs that come or go between two pages neither repeat nor hide others', async () => {
  const ids = await createMany('bob', 9)
  const seen: number[] = []
  let cursor: string | null = null
  do {
    const page = await list('bob', `?limit=3${cursor ? `&cursor=${cursor}` : ''}`)
    seen.push(...idsOf(page))
    cursor = page.nextCursor
    await createMany('bob', 2)
    await createMany('somebody else', 2)
    // The job that the cursor names may itself be gone.
    await api.call('DELETE', `/v1/jobs/${seen.at(-1)}`, { as: 'bob' })
  } while (cursor)
  expect(seen).toEqual(ids.toReversed())
})

test('filters may be repeated, and hold across pages', async () => {
  const summaries = await createMany('carl', 3)
  const texts = await createMany('carl', 3, { outputFormat: 'alt_text' })
  await createMany('carl', 1, { outputFormat: 'social_post' })
  await api.call('POST', `/v1/jobs/${summaries[0]}/cancel`, { as: 'carl' })
  await api.call('POST', `/v1/jobs/${texts[0]}/cancel`, { as: 'carl' })

  expect(idsOf(await list('carl', '?status=cancelled'))).toEqual([texts[0], summaries[0]])
  expect(idsOf(await list('carl', '?outputFormat=summary&outputFormat=alt_text'))).toHaveLength(6)
  expect(idsOf(await list('carl', '?outputFormat=summary&status=pending&status=failed'))).toEqual([
    summaries[2],
    summaries[1],
  ])
  const first = await list('carl', '?status=pending&limit=3')
  const second = await list('carl', `?status=pending&limit=3&cursor=${first.nextCursor}`)
  expect([...idsOf(first), ...idsOf(second)]).toHaveLength(5)

  const client = api.client('carl')
  const page = await client.getJobHistory.query({ status: ['cancelled'], outputFormat: ['alt_text'], limit: 1 })
  expect(idsOf(page)).toEqual([texts[0]])
})

test.each([
  ['limit', '?limit=0'],
  ['limit', '?limit=101'],
  ['limit', '?limit=ten'],
  ['limit', '?limit=5&limit=6'],
  ['cursor', '?cursor=abc'],
  ['cursor', `?cursor=${Buffer.from('1:0').toString('base64url')}`],
  ['cursor', `?cursor=${Buffer.from('1:7 OR 1').toString('base64url')}`],
  ['cursor', `?cursor=${Buffer.from('1:99999999999999999').toString('base64url')}`],
  ['cursor', `?cursor=${encodeURIComponent(Buffer.from('1:77').toString('base64'))}`],
  ['cursor', `?cursor=${'a'.repeat(101)}`],
  ['status/0', '?status=lost'],
  ['outputFormat/1', '?outputFormat=summary&outputFormat=poem'],
  ['page', '?page=2'],
  ['metadata', '?metadata=sku'],
  ['metadataValue', '?metadataKey=sku'],
  ['metadataKey', '?metadataValue=TR-7'],
  ['metadataKey', `?metadataKey=${encodeURIComponent('a"b')}&metadataValue=1`],
  ['code', '?code=everything'],
  ['batchId', '?batchId=one'],
  ['createdFrom', '?createdFrom=yesterday'],
  ['createdTo', '?createdFrom=2026-11-02T00:00:00Z&createdTo=2026-11-01T00:00:00Z'],
  ['ids/1', '?ids=1&ids=x'],
  ['ids', `?${Array.from({ length: 101 }, (_, id) => `ids=${id + 1}`).join('&')}`],
  ['include/0', '?include=attempts'],
])('%s is what is wrong with %s', async (field, query) => {
  const refused = await api.call('GET', `/v1/jobs${query}`, { as: 'ann' })
  expect(refused.status).toBe(400)
  expect(await json(refused)).toMatchObject({ code: 'request.invalid', errors: [{ pointer: `#/${field}` }] })
})

test('an infinite query of a tRPC client begins with a cursor that is null, and names its direction', async () => {
  const ids = await createMany('infinite', 3)
  const history = api.client('infinite').getJobHistory
  const first = await history.query({ limit: 2, cursor: null, direction: 'forward' })
  const second = await history.query({ limit: 2, cursor: first.nextCursor, direction: 'forward' })
  expect([...idsOf(first), ...idsOf(second)]).toEqual(ids.toReversed())
  expect(second.nextCursor).toBeNull()
  const operators = { scopes: ['operator'] }
  const actions = api.client('infinite', operators).getOperatorActions
  expect(await actions.query({ cursor: null, direction: 'forward' })).toMatchObject({ nextCursor: null })
  await expect(history.query({ direction: 'backward' } as never)).rejects.toThrow()
})

test('filters by batch, code, time, metadata and ids all hold at once, over REST and tRPC', async () => {
  const own = async (path: string, body: object) => json(api.call('POST', path, { as: 'fay', body }))
  const { batchId } = await own('/v1/batches', {})
  const jobs = ['TR-7', 'TR-8', 'TR-9'].map((sku) => ({ ...job, metadata: { sku, stock: 3 } }))
  const added = await own(`/v1/batches/${batchId}/jobs`, { jobs })
  const [first, second, third] = added.jobs.map(({ jobId }: { jobId: number }) => jobId)
  const [apart] = await createMany('fay', 1, { metadata: { sku: 'TR-8' } })
  const [alien] = await createMany('mallory', 1, { metadata: { sku: 'TR-8' } })
  await failVisionJob(
    api.database,
    await api.claim(second),
    { code: 'image.not_found', message: 'Gone.' },
    nothingSpent,
  )

  expect(idsOf(await list('fay', `?batchId=${batchId}`))).toEqual([third, second, first])
  expect(idsOf(await list('fay', '?metadataKey=sku&metadataValue=TR-8'))).toEqual([apart, second])
  expect(idsOf(await list('fay', '?metadataKey=stock&metadataValue=3&limit=2'))).toEqual([third, second])
  expect(idsOf(await list('fay', '?code=image.not_found'))).toEqual([second])
  expect(idsOf(await list('fay', '?code=image.&status=failed'))).toEqual([second])
  expect(idsOf(await list('fay', `?ids=${first}&ids=${alien}&ids=${apart}&ids=${first}`))).toEqual([apart, first])
  const { createdAt } = (await list('fay', `?ids=${apart}`)).jobs[0]
  expect(idsOf(await list('fay', `?createdFrom=${createdAt}`))).toContain(apart)
  expect(idsOf(await list('fay', `?createdTo=${createdAt}`))).not.toContain(apart)
  const all = `batchId=${batchId}&code=image.&status=failed&metadataKey=sku&metadataValue=TR-8&ids=${second}`
  expect(idsOf(await list('fay', `?${all}&createdTo=2100-01-01T00:00:00Z`))).toEqual([second])
  const history = api.client('fay').getJobHistory
  expect(idsOf(await history.query({ batchId, code: 'image.', metadataKey: 'sku', metadataValue: 'TR-8' }))).toEqual([
    second,
  ])
  const stranger = await api.call('GET', `/v1/jobs?batchId=${batchId}`, { as: 'mallory' })
  expect([stranger.status, (await json(stranger)).code]).toEqual([404, 'batch.not_found'])
})

test('with outputs a page has what each job has made, and ends where an answer has enough', async () => {
  const ids = await createMany('gil', 30)
  const run = await api.claim(ids[0] as number)
  for (const jobId of ids.slice(0, 29)) {
    await saveAnalysis(api.database, { ...run, jobId }, analysisOutput, nothingSpent)
    const body = { headline: 'h', summary: 'x'.repeat(300_000), keyPoints: ['k'] }
    await completeVisionJob(api.database, { ...run, jobId }, { model: 'm', body }, nothingSpent)
  }
  const one = await list('gil', '?limit=2&include=outputs')
  const alone = await Promise.all(ids.slice(-2).map((id) => json(api.call('GET', `/v1/jobs/${id}`, { as: 'gil' }))))
  expect(one.jobs.map(({ outputs }: { outputs: object }) => outputs)).toEqual(
    alone.toReversed().map(({ outputs }) => outputs),
  )
  expect(one.jobs[1].outputs).toMatchObject({
    content: { result: { headline: 'h' } },
    texts: [{ status: 'completed' }],
  })
  const seen: number[] = []
  for (let cursor = ''; ; ) {
    const text = await (await api.call('GET', `/v1/jobs?limit=100&include=outputs${cursor}`, { as: 'gil' })).text()
    // An answer of a function may be 6 MB.
    expect(text.length).toBeLessThan(6_000_000)
    const page = JSON.parse(text)
    seen.push(...idsOf(page))
    if (page.nextCursor === null) break
    cursor = `&cursor=${page.nextCursor}`
  }
  expect(seen).toEqual(ids.toReversed())
})
