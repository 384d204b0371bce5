import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await createTestApi()
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
