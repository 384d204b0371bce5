import { readFile } from 'node:fs/promises'
import {
  GoogleGenerativeAI,
  GoogleGenerativeAIAbortError,
  GoogleGenerativeAIError,
  GoogleGenerativeAIResponseError,
} from '@google/generative-ai'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FaultRule } from '../../../../dev/emulators/providers/fault-rules.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../../../dev/emulators/providers/server.ts'
import { eventually } from '../../../support/eventually.ts'

const red = await readFile(new URL('../../../fixtures/images/red.png', import.meta.url))
const redSha256 = '0af39b98b9995e12e81db3974aff7a870ab8c1571a99735804c03d842ff882e0'
const clock = () => new Date('2026-03-04T05:06:07Z')

let emulators: ProviderEmulators
let draws: number[]
beforeEach(async () => {
  draws = []
  emulators = await startProviderEmulators({ clock, random: () => draws.shift() ?? 0.5 })
})
afterEach(() => emulators.stop())

async function gemini(signal?: AbortSignal, text = 'Analyse it. <purpose>a poster</purpose>') {
  const model = new GoogleGenerativeAI('any-key').getGenerativeModel(
    { model: 'gemini-test', generationConfig: { responseMimeType: 'application/json' } },
    { baseUrl: emulators.geminiBaseUrl },
  )
  const { response } = await model.generateContent(
    [{ text }, { inlineData: { mimeType: 'image/png', data: red.toString('base64') } }],
    signal ? { signal } : {},
  )
  return response
}

function deepseek(signal?: AbortSignal) {
  const client = new OpenAI({ apiKey: 'any-key', baseURL: emulators.deepseekBaseUrl, maxRetries: 0 })
  return client.chat.completions.create(
    {
      model: 'deepseek-test',
      messages: [
        { role: 'user', content: 'JSON <analysis>{"subject":"A cat"}</analysis> <purpose>a poster</purpose>' },
      ],
    },
    signal ? { signal } : {},
  )
}

const on = (provider: FaultRule['provider'], kind: FaultRule['kind'], more: Partial<FaultRule> = {}) =>
  emulators.faults.add({ provider, kind, ...more })

/** What a failed call threw. */
const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('the call did not fail'),
    (error) => error,
  )

describe('what the real SDK of Gemini surfaces', () => {
  test('rate limited: status 429 and how long to wait', async () => {
    on('gemini', 'rate_limited')
    on('gemini', 'rate_limited', { retryAfterSeconds: 30 })
    on('gemini', 'rate_limited', { retryAfterSeconds: null })
    const delays = []
    for (let call = 0; call < 3; call++) {
      const error = await failure(gemini())
      expect(error.status).toBe(429)
      delays.push(
        error.errorDetails.find((detail: { '@type': string }) => detail['@type'].endsWith('google.rpc.RetryInfo'))
          ?.retryDelay,
      )
    }
    expect(delays).toEqual(['7s', '30s', undefined])
  })

  test.each([
    ['unavailable', 503, 'overloaded'],
    ['unauthorized', 400, 'API key not valid'],
    ['insufficient_balance', 403, 'BILLING_DISABLED'],
    ['unknown_model', 404, 'models/gemini-test is not found'],
  ] as const)('%s: status %i', async (kind, status, message) => {
    on('gemini', kind)
    expect(await failure(gemini())).toMatchObject({ status, message: expect.stringContaining(message) })
    expect((await gemini()).text()).toContain('#ff0000')
  })

  test('malformed: prose, JSON that does not fit, or no JSON at all', async () => {
    on('gemini', 'malformed')
    on('gemini', 'malformed', { malformedAs: 'misfit' })
    on('gemini', 'malformed', { malformedAs: 'body' })
    const prose = (await gemini()).text()
    expect(() => JSON.parse(prose)).toThrow(SyntaxError)
    expect(JSON.parse((await gemini()).text())).toEqual({ emulatedFault: expect.any(String) })
    expect(await failure(gemini())).toBeInstanceOf(SyntaxError)
  })

  test('blank: no text and finish reason STOP', async () => {
    on('gemini', 'blank')
    const response = await gemini()
    expect(response.text()).toBe('')
    expect(response.candidates).toMatchObject([{ finishReason: 'STOP', content: { parts: [] } }])
  })

  test('blocked: the prompt, or the answer', async () => {
    on('gemini', 'blocked')
    on('gemini', 'blocked', { blockedAt: 'answer' })
    const prompt = await gemini()
    expect(prompt.promptFeedback?.blockReason).toBe('PROHIBITED_CONTENT')
    expect(() => prompt.text()).toThrow(GoogleGenerativeAIResponseError)
    const answer = await gemini()
    expect(answer.candidates?.[0]?.finishReason).toBe('PROHIBITED_CONTENT')
    expect(answer.text()).toBe('')
  })

  test('truncated: JSON that breaks off, and finish reason MAX_TOKENS', async () => {
    on('gemini', 'truncated')
    const response = await gemini()
    expect(response.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
    expect(response.text()).toContain('{"subject"')
    expect(() => JSON.parse(response.text())).toThrow(SyntaxError)
  })

  test('hang: only the caller’s own deadline ends it', async () => {
    on('gemini', 'hang')
    const deadline = new AbortController()
    const call = failure(gemini(deadline.signal))
    await eventually(() => expect(emulators.calls.log[0]?.outcome).toBe('hang'))
    // Past the headers and a few blank lines, so that the abort falls into the reading of the body.
    expect(await Promise.race([call, new Promise((resolve) => setTimeout(resolve, 600, 'still open'))])).toBe(
      'still open',
    )
    deadline.abort()
    expect(await call).toMatchObject({ name: 'AbortError' })
    await eventually(() => expect(emulators.calls.log).toMatchObject([{ outcome: 'hang', aborted: true }]))
  })

  test('latency: the answer comes later; who goes away before is seen to have gone', async () => {
    on('gemini', 'latency', { latencyMs: 300 })
    const started = performance.now()
    expect((await gemini()).text()).toContain('#ff0000')
    expect(performance.now() - started).toBeGreaterThan(290)

    on('gemini', 'latency', { latencyMs: 60_000 })
    const leaving = new AbortController()
    const call = failure(gemini(leaving.signal))
    await eventually(() => expect(emulators.calls.log).toHaveLength(2))
    leaving.abort()
    expect(await call).toBeInstanceOf(GoogleGenerativeAIAbortError)
    await eventually(() => expect(emulators.calls.log[1]).toMatchObject({ outcome: 'abandoned', aborted: true }))
  })

  test('network cut: an error without a status, and not the client’s doing', async () => {
    on('gemini', 'network_cut')
    const error = await failure(gemini())
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toHaveProperty('status')
    expect(error).not.toBeInstanceOf(SyntaxError)
    expect(emulators.calls.log).toMatchObject([{ outcome: 'network_cut', aborted: false }])
  })
})

describe('what the real SDK of DeepSeek surfaces', () => {
  test('rate limited and unavailable: the status, and Retry-After where the provider names one', async () => {
    on('deepseek', 'rate_limited')
    on('deepseek', 'rate_limited', { retryAfterSeconds: null })
    on('deepseek', 'unavailable')
    on('deepseek', 'unavailable', { retryAfterSeconds: 11 })
    const seen = []
    for (let call = 0; call < 4; call++) {
      const { status, headers } = await failure(deepseek())
      seen.push([status, headers.get('retry-after')])
    }
    expect(seen).toEqual([
      [429, '7'],
      [429, null],
      [503, null],
      [503, '11'],
    ])
  })

  test.each([
    ['unauthorized', 401, OpenAI.AuthenticationError, 'Authentication Fails'],
    ['insufficient_balance', 402, OpenAI.APIError, 'Insufficient Balance'],
    ['unknown_model', 400, OpenAI.BadRequestError, 'Model Not Exist'],
    ['blocked', 400, OpenAI.BadRequestError, 'Content Exists Risk'],
  ] as const)('%s: status %i', async (kind, status, type, message) => {
    on('deepseek', kind)
    const error = await failure(deepseek())
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ status, code: 'invalid_request_error', message: expect.stringContaining(message) })
    expect((await deepseek()).choices[0]?.message.content).toContain('A cat')
  })

  test('malformed: prose, JSON that does not fit, or no JSON at all', async () => {
    on('deepseek', 'malformed')
    on('deepseek', 'malformed', { malformedAs: 'misfit' })
    on('deepseek', 'malformed', { malformedAs: 'body' })
    expect((await deepseek()).choices[0]?.message.content).toContain('not in JSON')
    expect(JSON.parse((await deepseek()).choices[0]?.message.content ?? '')).toHaveProperty('emulatedFault')
    expect(await failure(deepseek())).toBeInstanceOf(SyntaxError)
  })

  test('blank: nothing but blanks, and finish reason stop', async () => {
    on('deepseek', 'blank')
    const [choice] = (await deepseek()).choices
    expect(choice?.finish_reason).toBe('stop')
    expect(choice?.message.content).toMatch(/^\s+$/)
  })

  test('blocked in the answer: finish reason content_filter and no content', async () => {
    on('deepseek', 'blocked', { blockedAt: 'answer' })
    expect((await deepseek()).choices[0]).toMatchObject({ finish_reason: 'content_filter', message: { content: '' } })
  })

  test('truncated: JSON that breaks off, and finish reason length', async () => {
    on('deepseek', 'truncated')
    const [choice] = (await deepseek()).choices
    expect(choice?.finish_reason).toBe('length')
    expect(choice?.message.content).toMatch(/^\{/)
    expect(() => JSON.parse(choice?.message.content ?? '')).toThrow(SyntaxError)
  })

  test('hang: blank lines come until the caller’s own deadline ends it', async () => {
    on('deepseek', 'hang')
    const deadline = new AbortController()
    const call = failure(deepseek(deadline.signal))
    await eventually(() => expect(emulators.calls.log[0]?.outcome).toBe('hang'))
    expect(await Promise.race([call, new Promise((resolve) => setTimeout(resolve, 600, 'still open'))])).toBe(
      'still open',
    )
    deadline.abort()
    expect(await call).toBeInstanceOf(Error)
    await eventually(() => expect(emulators.calls.counts().deepseek).toMatchObject({ total: 1, aborted: 1 }))
  })

  test('network cut: an error without a status', async () => {
    on('deepseek', 'network_cut')
    const error = await failure(deepseek())
    expect(error).toBeInstanceOf(Error)
    expect(error.status).toBeUndefined()
    expect(error).not.toBeInstanceOf(SyntaxError)
  })
})

describe('which call a fault happens to', () => {
  const outcomes = () => emulators.calls.log.map(({ outcome }) => outcome)
  const tries = async (count: number) => {
    for (let call = 0; call < count; call++) await gemini().catch(() => {})
  }

  test('once, if not told otherwise; then as often as told; then no more', async () => {
    on('gemini', 'unavailable')
    on('gemini', 'rate_limited', { times: 2 })
    expect(emulators.faults.list()).toMatchObject([{ left: 1 }, { left: 2 }])
    await tries(4)
    expect(outcomes()).toEqual(['unavailable', 'rate_limited', 'rate_limited', 'answered'])
    expect(emulators.faults.list()).toEqual([])
  })

  test('at a rate, without end, by the chance that was handed in', async () => {
    on('gemini', 'unavailable', { rate: 0.3 })
    draws = [0.29, 0.31, 0, 0.3]
    await tries(4)
    expect(outcomes()).toEqual(['unavailable', 'answered', 'unavailable', 'answered'])
    expect(emulators.faults.list()).toMatchObject([{ rate: 0.3, left: 'unlimited' }])
  })

  test('only the requests that match, of that provider', async () => {
    on('gemini', 'unavailable', { match: 'a billboard', times: Number.POSITIVE_INFINITY })
    on('gemini', 'rate_limited', { match: ({ purpose }) => purpose === 'a flyer' })
    on('deepseek', 'unavailable')
    await tries(1)
    await failure(gemini(undefined, '<purpose>a billboard</purpose>'))
    await failure(gemini(undefined, '<purpose>a flyer</purpose>'))
    expect(outcomes()).toEqual(['answered', 'unavailable', 'rate_limited'])
  })

  test('a latency goes with another fault', async () => {
    on('gemini', 'latency', { latencyMs: 200 })
    on('gemini', 'unavailable', { latencyMs: 150 })
    const started = performance.now()
    expect(await failure(gemini())).toMatchObject({ status: 503 })
    expect(performance.now() - started).toBeGreaterThan(340)
  })

  test('cleared, for one provider or for all, nothing happens', async () => {
    on('gemini', 'unavailable')
    on('deepseek', 'unavailable')
    emulators.faults.clear('gemini')
    expect(emulators.faults.list()).toMatchObject([{ provider: 'deepseek' }])
    emulators.faults.clear()
    expect(emulators.faults.list()).toEqual([])
    expect((await deepseek()).choices).toHaveLength(1)
  })
})

describe('the log of calls', () => {
  test('tells which image and which analysis each call was about', async () => {
    await gemini()
    await deepseek()
    expect(emulators.calls.log).toEqual([
      {
        provider: 'gemini',
        model: 'gemini-test',
        purpose: 'a poster',
        imageSha256: redSha256,
        at: clock(),
        outcome: 'answered',
        aborted: false,
      },
      expect.objectContaining({
        provider: 'deepseek',
        model: 'deepseek-test',
        analysisSha256: '4343e090e70185b14ab140c0e54755c70a6dcb30fbe45202ac16d409b553b192',
        outcome: 'answered',
      }),
    ])
    expect(emulators.calls.counts()).toEqual({
      gemini: { total: 1, aborted: 0, outcomes: { answered: 1 } },
      deepseek: { total: 1, aborted: 0, outcomes: { answered: 1 } },
    })
  })

  test('a call that is under way is in it', async () => {
    on('gemini', 'latency', { latencyMs: 300 })
    const call = gemini()
    await eventually(() => expect(emulators.calls.counts().gemini.outcomes).toEqual({ waiting: 1 }))
    await call
    expect(emulators.calls.counts().gemini.outcomes).toEqual({ answered: 1 })
  })
})

describe('from a shell', () => {
  const control = (path: string, init?: RequestInit) => fetch(`${emulators.geminiBaseUrl}/__emulator${path}`, init)
  const post = (body: unknown) =>
    control('/faults', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })

  test('a fault is switched on, shown, counted and switched off', async () => {
    const added = await post({ provider: 'deepseek', kind: 'unavailable', times: 'unlimited', match: 'a poster' })
    expect(added.status).toBe(201)
    const fault = { id: 1, provider: 'deepseek', kind: 'unavailable', match: 'a poster', left: 'unlimited' }
    expect(await added.json()).toEqual(fault)
    expect(await failure(deepseek())).toMatchObject({ status: 503 })
    expect(await (await control('')).json()).toMatchObject({
      emulator: true,
      faults: [fault],
      calls: { gemini: { total: 0 }, deepseek: { total: 1, outcomes: { unavailable: 1 } } },
    })
    expect((await control('/faults', { method: 'DELETE' })).status).toBe(204)
    expect((await deepseek()).choices).toHaveLength(1)
  })

  test.each([
    ['not JSON', '{', 'body'],
    ['an unknown kind', { provider: 'gemini', kind: 'earthquake' }, 'kind'],
    ['a setting that is none', { provider: 'gemini', kind: 'hang', tmies: 2 }, 'tmies'],
    ['a rate above one', { provider: 'gemini', kind: 'hang', rate: 2 }, 'rate'],
    ['a match that is no text', { provider: 'gemini', kind: 'hang', match: 1 }, 'match'],
  ])('%s is refused and said why', async (_, body, named) => {
    const refusal = await post(body)
    expect(refusal.status).toBe(400)
    expect(((await refusal.json()) as { problems: string[] }).problems.join()).toContain(named)
    expect(emulators.faults.list()).toEqual([])
  })
})

describe('starting and stopping', () => {
  test('stops within a second while calls hang and wait, and ends them', async () => {
    on('gemini', 'hang')
    on('deepseek', 'latency', { latencyMs: 60_000 })
    const calls = [failure(gemini()), failure(deepseek())]
    await eventually(() => expect(emulators.calls.log).toHaveLength(2))
    const started = performance.now()
    await emulators.stop()
    expect(performance.now() - started).toBeLessThan(1000)
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(Error)
    expect(await failure(gemini())).toBeInstanceOf(GoogleGenerativeAIError)
  })

  test('a port that is taken is told', async () => {
    const port = Number(new URL(emulators.geminiBaseUrl).port)
    expect(await failure(startProviderEmulators({ port }))).toMatchObject({ code: 'EADDRINUSE' })
  })

  test('every call waits the base latency', async () => {
    const slow = await startProviderEmulators({ baseLatencyMs: 200 })
    const started = performance.now()
    const answer = await fetch(`${slow.deepseekBaseUrl}/chat/completions`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(401)
    expect(performance.now() - started).toBeGreaterThan(190)
    await slow.stop()
  })
})
