import { afterAll, expect } from 'vitest'
import { maxUrlLength } from '../../core/images/limits.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

const post = (body: object, path = '/v1/jobs') => api.call('POST', path, { as: 'ann', body })

test('an image URL is measured as it is stored: percent-encoded', async () => {
  // 262 characters as they are typed.
  const japanese = `https://images.example/${'あ'.repeat(235)}.jpg`
  expect(japanese).toHaveLength(262)
  const created = await post({ ...job, imageUrl: japanese })
  expect([created.status, await json(created)]).toMatchObject([201, { imageUrl: new URL(japanese).href }])

  const longest = `https://images.example/${'a'.repeat(maxUrlLength - 23)}`
  const { jobId } = await json(post({ ...job, imageUrl: longest }))
  expect(await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))).toMatchObject({ imageUrl: longest })

  // As long as before when it is typed, and nine times as long when it is stored.
  const tooLong = `https://images.example/${'あ'.repeat(1000)}`
  for (const imageUrl of [`${longest}a`, tooLong]) {
    const batch = await post({ jobs: [job, { ...job, imageUrl }] }, '/v1/jobs/batch')
    const detail = `The image URL has ${new URL(imageUrl).href.length} characters once it is percent-encoded, and at most 8192 are taken.`
    expect([batch.status, await json(batch)]).toMatchObject([
      400,
      { errors: [{ pointer: '#/jobs/1/imageUrl', detail }] },
    ])
  }
})

test('a purpose of as many characters as are taken is stored whole, whatever its characters are', async () => {
  for (const letter of ['a', 'ü', 'あ', '🌸']) {
    const analysisPurpose = letter.repeat(2000 / letter.length)
    expect(await json(post({ ...job, analysisPurpose }))).toMatchObject({ analysisPurpose })
  }
})
