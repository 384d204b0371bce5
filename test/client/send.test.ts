import { describe, expect, test } from 'vitest'
import { createSend, retryAfter, type SendOptions } from '../../client/src/send.ts'

const problem = (code: string, status: number, headers: Record<string, string> = {}) =>
  Response.json({ code, detail: 'No.', requestId: 'r-1' }, { status, headers })

/** Sends a request to a server that answers so, one answer after the other, and then 200. */
async function sent(
  answers: readonly (Response | Error)[],
  {
    method = 'GET',
    headers = {},
    repeat = false,
    signal,
    ...options
  }: SendOptions & {
    method?: string
    headers?: Record<string, string>
    repeat?: boolean
    signal?: AbortSignal
  } = {},
) {
  const seen: Request[] = []
  const fetch = async (input: Request | URL | string) => {
    seen.push(new Request(input))
    const answer = answers[seen.length - 1] ?? Response.json({})
    if (answer instanceof Error) throw answer
    return answer
  }
  const send = createSend({ random: () => 0, ...options, fetch }, repeat ? () => true : undefined)
  const body = method === 'GET' ? null : '{"a":1}'
  const request = new Request('http://127.0.0.1:9/v1/jobs', { method, headers, body, ...(signal && { signal }) })
  const outcome = await send(request).then(
    ({ status }) => status,
    (error: unknown) => error,
  )
  return { outcome, times: seen.length, seen }
}

describe('a call that failed in passing', () => {
  test('is sent again with its body, until it succeeds or four tries more have failed', async () => {
    const busy = () => problem('database.unavailable', 503)
    const twice = await sent([busy(), new TypeError('fetch failed')], { method: 'PUT' })
    expect([twice.outcome, twice.times]).toEqual([200, 3])
    expect(await twice.seen.at(-1)?.text()).toBe('{"a":1}')
    const ever = await sent(Array.from({ length: 9 }, busy))
    expect([ever.times, ever.outcome]).toEqual([
      5,
      expect.objectContaining({ code: 'database.unavailable', status: 503 }),
    ])
    expect(await sent([busy(), busy()], { retries: 1 })).toMatchObject({ times: 2 })
  })

  test('is sent again only if that can do no harm: a POST with an idempotency key, or one that says so', async () => {
    const answers = () => [problem('internal.error', 500)]
    expect(await sent(answers(), { method: 'POST' })).toMatchObject({ times: 1, outcome: { status: 500 } })
    expect(await sent([new TypeError('fetch failed')], { method: 'POST' })).toMatchObject({
      times: 1,
      outcome: { code: 'client.unreachable' },
    })
    const headers = { 'idempotency-key': 'k' }
    expect(await sent(answers(), { method: 'POST', headers })).toMatchObject({ times: 2, outcome: 200 })
    expect(await sent(answers(), { method: 'POST', repeat: true })).toMatchObject({ times: 2, outcome: 200 })
    // What was refused for a limit has done nothing.
    const limited = problem('limit.jobs_waiting', 429, { 'retry-after': '0' })
    expect(await sent([limited], { method: 'POST' })).toMatchObject({ times: 2, outcome: 200 })
  })

  test('waits as long as Retry-After says, and is given up where that is too long', async () => {
    // Without the header it would wait for half a second, which is longer than is allowed here.
    const short = { random: () => 1, maxRetryAfterMs: 100 }
    const limited = (seconds: string) => problem('limit.jobs_waiting', 429, { 'retry-after': seconds })
    expect(await sent([limited('0')], short)).toMatchObject({ times: 2, outcome: 200 })
    expect(await sent([limited('61')])).toMatchObject({ times: 1, outcome: { retryAfterMs: 61_000 } })
    expect(retryAfter(new Headers({ 'retry-after': new Date(Date.now() - 5_000).toUTCString() }))).toBe(0)
    expect(retryAfter(new Headers({ 'retry-after': 'soon' }))).toBeUndefined()
  })
})

test('a call that failed for good is sent once, and says why', async () => {
  const { outcome, times } = await sent([problem('job.not_found', 404)])
  expect([times, outcome]).toEqual([
    1,
    expect.objectContaining({ code: 'job.not_found', status: 404, requestId: 'r-1' }),
  ])
  const page = new Response('<html>', { status: 403 })
  expect(await sent([page])).toMatchObject({ times: 1, outcome: { code: 'client.invalid_answer', status: 403 } })
})

test('what its caller gave up is not sent again, and fails with their reason', async () => {
  const reason = new Error('enough')
  const { outcome } = await sent([new TypeError('aborted')], { signal: AbortSignal.abort(reason) })
  expect(outcome).toBe(reason)
})

test('the key is sent as a bearer token', async () => {
  const { seen } = await sent([], { key: 'vp_secret' })
  expect(seen[0]?.headers.get('authorization')).toBe('Bearer vp_secret')
})
