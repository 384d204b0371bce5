import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApi, json, type TestApi } from '../support/api/test-api.ts'

let api: TestApi
let jobId: number
beforeAll(async () => {
  api = await createTestApi()
  jobId = await api.create('ann')
})
afterAll(() => api.drop())

// What every object has by birth, so that to look a name up in one is to find something.
const inherited = [...Object.getOwnPropertyNames(Object.prototype), 'prototype']

const routes = [
  ['GET', '/v1/jobs'],
  ['GET', '/v1/jobs/<id>'],
  ['GET', '/v1/jobs/<id>/attempts'],
  ['GET', '/v1/jobs/<id>/events'],
  ['GET', '/v1/events'],
  ['POST', '/v1/events/tickets'],
  ['DELETE', '/v1/jobs/<id>'],
  ['POST', '/v1/jobs'],
  ['POST', '/v1/jobs/batch'],
  ['POST', '/v1/jobs/<id>/cancel'],
  ['POST', '/v1/uploads'],
  ['GET', '/v1/usage'],
  ['GET', '/v1/batches'],
  ['POST', '/v1/batches'],
  ['POST', '/v1/batches/<id>/jobs'],
  ['POST', '/v1/batches/<id>/retry'],
  ['GET', '/v1/brands'],
  ['POST', '/v1/brands'],
  ['PUT', '/v1/brands/<id>'],
  ['DELETE', '/v1/brands/<id>'],
  ['GET', '/v1/brands/<id>/versions'],
  ['GET', '/v1/keys'],
  ['POST', '/v1/keys'],
  ['DELETE', '/v1/keys/<id>'],
  ['GET', '/v1/worker'],
  ['POST', '/v1/operator/pause'],
  ['GET', '/v1/operator/jobs'],
  ['GET', '/v1/operator/jobs/<id>'],
  ['GET', '/api/trpc/visionPipeline.getJobHistory'],
  ['GET', '/api/trpc/visionPipeline.getJobStatus'],
] as const

test.each(inherited)('a query parameter named %s is no field, and without a token not even that', async (name) => {
  for (const [method, route] of routes) {
    const path = `${route.replace('<id>', String(jobId))}?${name}=1&${name}=2`
    expect([path, (await api.call(method, path)).status]).toEqual([path, 401])
    const reply = await api.call(method, path, { as: 'ann', scopes: ['operator'] })
    const body = await json(reply)
    const errors = body.errors ?? body.error.data.errors
    expect([
      path,
      reply.status,
      errors.map((one: { pointer: string; code: string }) => [one.pointer, one.code]),
    ]).toEqual([path, 400, expect.arrayContaining([[`#/${name}`, 'field.unknown']])])
  }
  expect(api.logged.filter(({ level }) => level === 'error')).toEqual([])
})

test.each(inherited)('there is no procedure %s, and no field of that name', async (name) => {
  for (const path of [name, `visionPipeline.${name}`, `visionPipeline.createJob.${name}`, `visionPipeline/${name}`]) {
    for (const method of ['GET', 'POST']) {
      const reply = await api.call(method, `/api/trpc/${path}`, { as: 'ann', ...(method === 'POST' && { body: {} }) })
      expect([path, reply.status]).toEqual([path, 404])
    }
  }
  for (const [path, inner] of [
    ['/v1/jobs', ''],
    ['/v1/operator/redrive', '/filter'],
  ] as const) {
    const field = `{"${name}":1}`
    const body = inner ? `{"filter":${field}}` : field
    const reply = await api.call('POST', path, { as: 'ann', scopes: ['operator'], body })
    const pointers = (await json(reply)).errors.map((one: { pointer: string }) => one.pointer)
    expect([path, reply.status, pointers]).toEqual([path, 400, expect.arrayContaining([`#${inner}/${name}`])])
  }
  expect(api.logged.filter(({ level }) => level === 'error')).toEqual([])
})
