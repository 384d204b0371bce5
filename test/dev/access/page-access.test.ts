import { afterAll, expect } from 'vitest'
import { withPageAccess } from '../../../dev/access/page-access.ts'
import { type Served, serveApp } from '../../support/api/serve.ts'
import { createTestApi, json, type TestApi } from '../../support/api/test-api.ts'
import { test } from '../../support/database/test.ts'

let api: TestApi
let served: Served
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  served = await serveApp({ fetch: withPageAccess(api.app.fetch as never) as typeof api.app.fetch })
})
afterAll(async () => {
  await served.kill()
  await api.drop()
})

const origin = 'http://localhost:5173'
const allowed = 'access-control-allow-origin'

test('a page of any origin may open the link with the ticket, and is told what is wrong with it', async () => {
  const jobId = await api.create('ann')
  const { eventsUrl } = await json(api.call('GET', `/v1/jobs/${jobId}`, { as: 'ann' }))
  const { pathname, search } = new URL(eventsUrl)
  const stream = await fetch(`${served.url}${pathname}${search}`, { headers: { origin } })
  expect([stream.status, stream.headers.get(allowed)]).toEqual([200, '*'])
  await stream.body?.cancel()
  const forged = await fetch(`${served.url}${pathname}${search}x`, { headers: { origin } })
  expect([forged.status, forged.headers.get(allowed)]).toEqual([401, '*'])
  const trpc = `${served.url}/api/trpc/visionPipeline.watchJob${search}&input=${encodeURIComponent(JSON.stringify({ jobId }))}`
  const subscription = await fetch(trpc, { headers: { origin, accept: 'text/event-stream' } })
  expect([subscription.status, subscription.headers.get(allowed)]).toEqual([200, '*'])
  await subscription.body?.cancel()
  const ticket = await json(api.call('POST', '/v1/events/tickets', { as: 'ann', body: {} }))
  const all = await fetch(ticket.eventsUrl.replace('http://api.example', served.url), { headers: { origin } })
  expect([all.status, all.headers.get(allowed)]).toEqual([200, '*'])
  await all.body?.cancel()
  const preflight = await fetch(`${served.url}${pathname}${search}`, { method: 'OPTIONS', headers: { origin } })
  expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
    204,
    'last-event-id, cache-control',
  ])
})

test('and nothing else', async () => {
  const jobId = await api.create('ann')
  for (const path of ['/v1/jobs', `/v1/jobs/${jobId}`, `/v1/jobs/${jobId}?ticket=x`, `/v1/jobs/${jobId}/events`, '/']) {
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await fetch(`${served.url}${path}`, { method, headers: { origin } })
      expect([path, method, reply.headers.has(allowed), reply.status === 204]).toEqual([path, method, false, false])
      await reply.body?.cancel()
    }
  }
})
