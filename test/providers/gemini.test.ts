import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { AnalysisAnswer } from '../../core/pipeline/analysis.ts'
import { analysisRequest } from '../../core/pipeline/prompts.ts'
import { schemaForGemini } from '../../core/providers/gemini-schema.ts'
import type { ModelRequest } from '../../core/providers/model.ts'
import { nextMidnight } from '../../core/providers/next-midnight.ts'
import { retryAfter } from '../../core/providers/refusals.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { modelOf } from '../support/providers/access.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

const inlineBytes = 150_000
let emulators: ProviderEmulators
let wire: WireServer
let small: Uint8Array
let large: Uint8Array

beforeAll(async () => {
  emulators = await startProviderEmulators({ inlineBytes })
  wire = await startWireServer()
  small = await readFile(new URL('../fixtures/images/halves.png', import.meta.url))
  // What follows the end of a PNG is no part of it.
  large = Buffer.concat([small, randomBytes(200_000)])
})
afterAll(async () => {
  await wire.stop()
  await emulators.stop()
})

const context = () => ({
  signal: new AbortController().signal,
  meter: { imageLoaded: () => undefined, sent: async () => undefined, answered: () => undefined },
})
const request = (bytes: Uint8Array) => analysisRequest({ image: { bytes, type: 'image/png' }, purpose: 'Sell a flag' })

/** What is sent with these settings. */
async function sent(
  settings: Record<string, unknown>,
  changes: Partial<ModelRequest> = {},
  model = 'gemini-3.5-flash-lite',
) {
  wire.answer({ body: { candidates: [{ content: { parts: [{ text: '{}' }] }, finishReason: 'STOP' }] } })
  await modelOf('gemini', { baseUrl: wire.url, model, settings }).ask({ ...request(small), ...changes }, context())
  const { generationConfig, safetySettings } = JSON.parse(wire.requests[0] ?? '{}')
  return { ...generationConfig, safetySettings }
}

describe('an image', () => {
  test('goes along within the request where there is room', async () => {
    await modelOf('gemini', {
      baseUrl: emulators.geminiBaseUrl,
      settings: { INLINE_MEGABYTES: inlineBytes / 1_000_000 },
    }).ask(request(small), context())
    expect(emulators.files.counts()).toEqual({ kept: 0, uploaded: 0 })
  })

  test('that is too large for that is uploaded, looked at, and deleted', async () => {
    const before = emulators.files.counts().uploaded
    const gemini = modelOf('gemini', {
      baseUrl: emulators.geminiBaseUrl,
      settings: { INLINE_MEGABYTES: inlineBytes / 1_000_000 },
    })
    const { text } = await gemini.ask(request(large), context())
    expect(AnalysisAnswer.parse(JSON.parse(text)).palette.map(({ share }) => share)).toEqual([0.5, 0.5])
    expect(emulators.files.counts()).toEqual({ kept: 0, uploaded: before + 1 })
  })

  test.each([
    ['is refused', 'blocked', 'analysis.blocked'],
    ['hangs', 'hang', 'analysis.timed_out'],
    ['breaks off', 'network_cut', 'analysis.unavailable'],
  ] as const)('that was uploaded is deleted also when the call %s', async (_, kind, code) => {
    emulators.faults.add({ provider: 'gemini', kind })
    const gemini = modelOf('gemini', {
      baseUrl: emulators.geminiBaseUrl,
      settings: { INLINE_MEGABYTES: inlineBytes / 1_000_000 },
      timeoutMs: 1_000,
    })
    await expect(gemini.ask(request(large), context())).rejects.toMatchObject({ code })
    expect(emulators.files.counts().kept).toBe(0)
  })

  test('whose deletion hangs does not delay the answer', async () => {
    const answer = { candidates: [{ content: { parts: [{ text: '{}' }] }, finishReason: 'STOP' }] }
    const server = createServer((asked, response) => {
      asked.resume()
      if (asked.method === 'DELETE') return
      const isUpload = asked.url?.startsWith('/upload/')
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(isUpload ? { file: { name: 'files/1', uri: 'x', state: 'ACTIVE' } } : answer))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const gemini = modelOf('gemini', {
      baseUrl: url,
      settings: { INLINE_MEGABYTES: inlineBytes / 1_000_000 },
      timeoutMs: 1_000,
    })
    const started = performance.now()
    expect(await gemini.ask(request(large), context())).toMatchObject({ text: '{}' })
    expect(performance.now() - started).toBeLessThan(3_000)
    server.closeAllConnections()
    server.close()
  })

  test('that is sent within a request beyond the limit is refused as the job’s own', async () => {
    const gemini = modelOf('gemini', { baseUrl: emulators.geminiBaseUrl })
    await expect(gemini.ask(request(large), context())).rejects.toMatchObject({ code: 'analysis.rejected' })
  })

  test('whose upload is refused for the key is the operator’s trouble', async () => {
    wire.answer({ status: 400, body: [{ error: { code: 400, message: 'API key not valid.' } }] })
    const gemini = modelOf('gemini', { baseUrl: wire.url, settings: { INLINE_MEGABYTES: inlineBytes / 1_000_000 } })
    await expect(gemini.ask(request(large), context())).rejects.toMatchObject({ code: 'analysis.misconfigured' })
  })

  test('counts about 1,100 tokens', async () => {
    const answer = await fetch(`${emulators.geminiBaseUrl}/v1beta/models/gemini-test:generateContent?key=x`, {
      method: 'POST',
      body: JSON.stringify({
        contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: Buffer.from(small).toString('base64') } }] }],
      }),
    })
    expect(await answer.json()).toMatchObject({ usageMetadata: { promptTokenCount: 1_120 } })
  })
})

describe('a request', () => {
  test('leaves to the model what is not set', async () => {
    const said = await sent({})
    expect(Object.keys(said)).not.toEqual(expect.arrayContaining(['temperature', 'thinkingConfig']))
    expect(said.maxOutputTokens).toBe(4096)
  })

  test('says what may be blocked, in each category', async () => {
    const { safetySettings } = await sent({})
    expect(safetySettings).toHaveLength(4)
    expect(new Set(safetySettings.map(({ threshold }: { threshold: string }) => threshold))).toEqual(
      new Set(['BLOCK_NONE']),
    )
  })

  test('says what is set', async () => {
    expect(await sent({ TEMPERATURE: 0.5, THINKING: 'low', SAFETY: 'few' })).toMatchObject({
      temperature: 0.5,
      thinkingConfig: { thinkingLevel: 'low' },
      maxOutputTokens: 4096 + 2048,
      safetySettings: expect.arrayContaining([{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_ONLY_HIGH' }]),
    })
    expect(await sent({ THINKING: 1024 })).toMatchObject({ thinkingConfig: { thinkingBudget: 1024 } })
  })

  test.each([
    ['gemini-3.5-flash-lite', { thinkingLevel: 'minimal' }],
    ['gemini-3.1-pro', { thinkingLevel: 'low' }],
    ['gemini-2.5-flash', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', { thinkingBudget: 128 }],
  ])('after an answer that was cut off, %s is to think less and has more room', async (model, thinkingConfig) => {
    const said = await sent({ THINKING: 'high' }, { previous: 'cut_off' }, model)
    expect(said).toMatchObject({ thinkingConfig })
    expect(said.maxOutputTokens).toBeGreaterThanOrEqual(2 * 4096)
  })
})

describe('a schema for Gemini', () => {
  test('has no word that it ignores or chokes on, and keeps every field', () => {
    const { $schema: _, ...schema } = z.toJSONSchema(AnalysisAnswer, { io: 'input' })
    const converted = schemaForGemini(schema)
    const words = JSON.stringify(converted)
    for (const word of ['minLength', 'maxLength', 'pattern', 'maxItems', 'minItems', '$ref', '$defs', '"id"', '$id']) {
      expect(words).not.toContain(word)
    }
    expect(converted.type).toBe('object')
    expect(Object.keys(converted.properties as object)).toEqual(Object.keys(AnalysisAnswer.shape))
    expect(converted.required).toEqual(expect.arrayContaining(['palette']))
    expect(words).toContain('"enum":["landscape","portrait","square"]')
  })

  test('resolves references where they stand, also at its root', () => {
    const colour = { type: 'object', properties: { pattern: { type: 'string', pattern: 'x' } } }
    const schema = {
      $ref: '#/$defs/Palette',
      $defs: { Palette: { type: 'array', items: { $ref: '#/$defs/Colour' } }, Colour: colour },
    }
    // A field may be called like a keyword.
    expect(schemaForGemini(schema)).toEqual({
      type: 'array',
      items: { type: 'object', properties: { pattern: { type: 'string' } } },
    })
  })

  test('that refers to itself or to nothing is an error', () => {
    expect(() => schemaForGemini({ $defs: { A: { items: { $ref: '#/$defs/A' } } }, $ref: '#/$defs/A' })).toThrow(
      /itself/,
    )
    expect(() => schemaForGemini({ $ref: '#/$defs/B' })).toThrow(/not there/)
  })
})

test.each([
  ['in winter', '2026-01-15T12:00:00Z', '2026-01-16T08:00:00Z'],
  ['in summer', '2026-07-15T12:00:00Z', '2026-07-16T07:00:00Z'],
  ['in the evening there, the next day here', '2026-07-15T03:00:00Z', '2026-07-15T07:00:00Z'],
  ['on the day with 23 hours', '2026-03-08T09:00:00Z', '2026-03-09T07:00:00Z'],
  ['on the day with 25 hours', '2026-11-01T08:00:00Z', '2026-11-02T08:00:00Z'],
  ['a moment before', '2026-07-15T06:59:59.500Z', '2026-07-15T07:00:00Z'],
])('midnight in California %s', (_, now, then) => {
  expect(new Date(nextMidnight(Date.parse(now), 'America/Los_Angeles')).toISOString()).toBe(
    new Date(then).toISOString(),
  )
})

test.each([
  ['120', 120_000],
  ['1.5', 1_500],
  ['Thu, 26 Nov 2026 12:01:00 GMT', 60_000],
  ['Thu, 26 Nov 2026 11:00:00 GMT', 0],
  ['-5', undefined],
  ['soon', undefined],
])('Retry-After: %s', (value, milliseconds) => {
  const headers = new Headers({ 'retry-after': value })
  expect(retryAfter(headers, Date.parse('2026-11-26T12:00:00Z'))).toBe(milliseconds)
})
