import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attemptMs, endpointWait, readRetryAfter, retryAfter } from '../../core/webhooks/schedule.ts'
import { postWebhook } from '../../core/webhooks/send.ts'
import { checkWebhookUrl } from '../../core/webhooks/url.ts'

let received: string[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void
const server = createServer((request, response) => {
  received.push(request.url ?? '')
  answer(request, response)
})
let base = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  received = []
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

describe('a post', () => {
  const send = (url: string, changes: object = {}) =>
    postWebhook(
      { url, headers: {}, body: '{}' },
      { allowLoopbackHttp: true, signal: new AbortController().signal, now: Date.now, ...changes },
    )

  test('follows no redirect, takes an end without an answer for a failure, and waits no longer than it may', async () => {
    answer = (_, response) => void response.writeHead(302, { location: `${base}/other` }).end()
    expect(await send(`${base}/hook`)).toMatchObject({ error: 'redirected', answer: { status: 302 } })
    expect(received).toEqual(['/hook'])
    answer = (_, response) => void response.destroy()
    expect(await send(`${base}/hook`)).toEqual({ error: 'unreachable' })
    answer = () => undefined
    expect(await send(`${base}/hook`, { timeoutMs: 100 })).toEqual({ error: 'timed_out' })
    expect(attemptMs, 'as docs/webhooks.md says').toBe(15_000)
    answer = (_, response) => void response.writeHead(503, { 'retry-after': '120' }).end()
    expect(await send(`${base}/hook`)).toMatchObject({ error: 'status', retryAfterMs: 120_000 })
  })

  test('goes to no address that is not public, whatever the name says', async () => {
    const lookup = async () => [{ address: '10.0.0.1' }]
    expect(await send('https://shop.example/hook', { lookup })).toEqual({ error: 'forbidden_address' })
    expect(await send(`${base}/hook`, { allowLoopbackHttp: false })).toEqual({ error: 'forbidden_address' })
    expect(received).toEqual([])
    expect(() => checkWebhookUrl('http://shop.example', { allowLoopbackHttp: true })).toThrow(/https/)
  })
})

test('the schedule: three days, with jitter, as long as the endpoint asks for within a day', () => {
  const waits = Array.from({ length: 9 }, (_, index) => retryAfter(index + 1, undefined, () => 0))
  expect(waits.slice(0, 3)).toEqual([5_000, 300_000, 1_800_000])
  expect(waits.slice(0, 8).reduce((sum, wait) => sum + wait, 0)).toBeLessThan(3 * 86_400_000)
  expect(retryAfter(1, undefined, () => 1)).toBe(6_000)
  expect(retryAfter(1, 60_000, () => 0)).toBe(60_000)
  expect(retryAfter(1, 1e12, () => 0)).toBe(86_400_000)
  expect([1, 2, 3, 4, 99].map((failures) => endpointWait(failures, undefined, () => 0))).toEqual([
    0, 0, 5_000, 10_000, 300_000,
  ])
  expect(endpointWait(1, 1e12, () => 0)).toBe(300_000)
  expect(readRetryAfter('Fri, 27 Nov 2026 00:00:10 GMT', Date.parse('2026-11-27T00:00:00Z'))).toBe(10_000)
  expect([undefined, 'soon', '-1'].map((value) => readRetryAfter(value, 1e15))).toEqual([
    undefined,
    undefined,
    expect.anything(),
  ])
})
