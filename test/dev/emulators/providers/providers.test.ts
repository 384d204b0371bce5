import { readFile } from 'node:fs/promises'
import { type GenerationConfig, GoogleGenerativeAI } from '@google/generative-ai'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AnalysisAnswer, completeAnalysis } from '../../../../core/pipeline/analysis.ts'
import { requestSchema } from '../../../../core/pipeline/answer-schema.ts'
import { formats, type OutputFormat, outputFormats } from '../../../../core/pipeline/formats.ts'
import { platformNames, platformOf } from '../../../../core/pipeline/platforms.ts'
import { contentRequest } from '../../../../core/pipeline/prompts.ts'
import { lookAt } from '../../../../dev/emulators/providers/look.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../../../dev/emulators/providers/server.ts'
import { textsIn } from '../../../../eval/checks.ts'
import { isIn } from '../../../../eval/language.ts'

const fixture = (name: string) => readFile(new URL(`../../../fixtures/images/${name}`, import.meta.url))
const clock = () => new Date('2026-03-04T05:06:07Z')

let emulators: ProviderEmulators
beforeEach(async () => {
  emulators = await startProviderEmulators({ clock })
})
afterEach(() => emulators.stop())

const mimeTypes: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
}

/** Asks the real SDK for a brand analysis, as the pipeline would. */
async function describeImage(
  image: Buffer,
  {
    mimeType = 'image/png',
    purpose = 'a spring campaign',
    key = 'any-key',
    signal,
    config = {},
  }: { mimeType?: string; purpose?: string; key?: string; signal?: AbortSignal; config?: object } = {},
) {
  const generationConfig = {
    responseMimeType: 'application/json',
    responseJsonSchema: requestSchema(AnalysisAnswer),
    thinkingConfig: { thinkingLevel: 'minimal' },
    ...config,
  } as GenerationConfig
  const model = new GoogleGenerativeAI(key).getGenerativeModel(
    { model: 'gemini-3.5-flash-lite', generationConfig, systemInstruction: 'You look at brand images.' },
    { baseUrl: emulators.geminiBaseUrl },
  )
  const { response } = await model.generateContent(
    [
      { text: `Analyse it. <purpose>${purpose}</purpose>` },
      { inlineData: { mimeType, data: image.toString('base64') } },
    ],
    signal ? { signal } : {},
  )
  return response
}

const analyse = async (...asked: Parameters<typeof describeImage>) =>
  AnalysisAnswer.parse(JSON.parse((await describeImage(...asked)).text()))

/** Asks the real SDK for the text of a format, as the pipeline would. */
function writeText(
  format: OutputFormat,
  analysis: unknown,
  { purpose = 'a spring campaign', language = 'en', key = 'any-key', ...rest }: Partial<Asked> = {},
) {
  const client = new OpenAI({ apiKey: key, baseURL: emulators.deepseekBaseUrl, maxRetries: 0 })
  const { signal, ...body } = rest
  return client.chat.completions.create(
    {
      model: 'deepseek-flash',
      response_format: { type: 'json_object' },
      ...({ thinking: { type: 'disabled' } } as object),
      messages: [
        {
          role: 'system',
          content: `Answer in JSON that fits <schema>${JSON.stringify(requestSchema(formats[format].schema))}</schema>`,
        },
        {
          role: 'user',
          content: `<format>${format}</format><language>${language}</language><purpose>${purpose}</purpose>${
            analysis === undefined ? '' : `<analysis>${JSON.stringify(analysis)}</analysis>`
          }`,
        },
      ],
      ...body,
    },
    signal ? { signal } : {},
  )
}
interface Asked {
  purpose: string
  language: string
  key: string
  signal: AbortSignal
  max_tokens: number
  thinking: object
}

const contentOf = (completion: OpenAI.ChatCompletion) => completion.choices[0]?.message.content ?? ''

describe('the emulated Gemini', () => {
  test.each(['red.png', 'halves.png', 'photo-like.jpg', 'portrait-exif.jpg', 'sample.webp', 'sample.heic'])(
    'its analysis of %s has the palette and orientation of the image',
    async (name) => {
      const image = await fixture(name)
      const analysis = await analyse(image, { mimeType: mimeTypes[name.split('.')[1] ?? ''] ?? '' })
      const look = await lookAt(image)
      expect(analysis.palette).toEqual(look.colours)
      expect(analysis.composition.orientation).toBe(look.orientation)
      expect(analysis.subject).toContain(look.colours[0].name)
      expect(analysis.suggestions.join()).toContain(`${look.width} x ${look.height}`)
      expect(analysis.suggestions.join()).toContain('a spring campaign')
    },
  )

  test('two images and two purposes give different answers, the same gives the same', async () => {
    const [red, halves] = [await fixture('red.png'), await fixture('halves.png')]
    const answer = await analyse(red)
    expect(await analyse(red)).toEqual(answer)
    const other = await analyse(halves)
    for (const part of ['subject', 'composition', 'palette', 'mood', 'style', 'audience', 'brandSignals'] as const) {
      expect(other[part]).not.toEqual(answer[part])
    }
    expect((await analyse(red, { purpose: 'an annual report' })).suggestions).not.toEqual(answer.suggestions)
  })

  test('an answer says that it is emulated, and counts plausible tokens', async () => {
    const response = await describeImage(await fixture('red.png'))
    expect(response).toMatchObject({ modelVersion: 'gemini-3.5-flash-lite-emulated', responseId: 'emulated-1' })
    const { promptTokenCount = 0, candidatesTokenCount = 0, totalTokenCount } = response.usageMetadata ?? {}
    expect(promptTokenCount).toBeGreaterThan(1_120)
    expect(promptTokenCount).toBeLessThan(1_160)
    expect(candidatesTokenCount).toBe(Math.ceil(response.text().length / 4))
    expect(totalTokenCount).toBe(promptTokenCount + candidatesTokenCount)
    expect(response.candidates?.[0]).toMatchObject({ finishReason: 'STOP', index: 0, content: { role: 'model' } })
  })

  test('another schema is filled by its types', async () => {
    const responseJsonSchema = {
      type: 'object',
      properties: {
        caption: { type: 'string', description: 'The limit is 40' },
        palette: { type: 'array', items: { type: 'object', properties: { hex: { type: 'string' } } } },
      },
    }
    const response = await describeImage(await fixture('red.png'), { config: { responseJsonSchema } })
    const answer = JSON.parse(response.text())
    expect(answer).toEqual({ caption: expect.any(String), palette: [{ hex: '#ff0000' }] })
    expect(answer.caption.length).toBeLessThanOrEqual(40)
  })

  test('a limit of output tokens cuts the answer', async () => {
    const response = await describeImage(await fixture('red.png'), { config: { maxOutputTokens: 10 } })
    expect(response.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
    expect(response.text()).toHaveLength(40)
  })

  test.each([
    [
      'an image that cannot be read',
      { mimeType: 'image/png' },
      Buffer.from('no image'),
      400,
      'Unable to process input image',
    ],
    [
      'a type it does not take',
      { mimeType: 'image/gif' },
      Buffer.from('GIF89a'),
      400,
      'Unsupported MIME type: image/gif',
    ],
    ['a misspelt setting', { config: { maxOutputToken: 5 } }, Buffer.from(''), 400, 'maxOutputToken'],
    ['no key', { key: '' }, Buffer.from(''), 403, 'unregistered callers'],
  ])('%s is refused in the shape of the real service', async (_, asked, image, status, message) => {
    const refusal = describeImage(image, asked)
    await expect(refusal).rejects.toMatchObject({ name: 'Error', status, message: expect.stringContaining(message) })
    expect(emulators.calls.counts().gemini.outcomes).toEqual({ refused: 1 })
  })

  test('the key may stand in the address, and the error has Google’s shape', async () => {
    const ask = (query: string) =>
      fetch(`${emulators.geminiBaseUrl}/v1beta/models/any:generateContent${query}`, {
        method: 'POST',
        body: JSON.stringify({ contents: [{ parts: [{ text: 'Hello' }] }] }),
      })
    expect((await ask('?key=any-key')).status).toBe(200)
    const refusal = await ask('')
    expect(await refusal.json()).toMatchObject({ error: { code: 403, status: 'PERMISSION_DENIED' } })
  })
})

describe('the emulated DeepSeek', () => {
  test.each(outputFormats)('its %s fits the schema and is written from the analysis', async (format) => {
    for (const image of ['halves.png', 'red.png', 'photo-like.jpg']) {
      const analysis = await analyse(await fixture(image), { mimeType: mimeTypes[image.split('.')[1] ?? ''] ?? '' })
      const text = contentOf(await writeText(format, analysis))
      const content = JSON.stringify(formats[format].schema.parse(JSON.parse(text)))
      const sells = format === 'social_post' || format === 'product_description'
      if (!sells) expect(content).toContain(analysis.subject)
      expect(content.toLowerCase()).toContain(analysis.palette[0]?.name)
      expect(content).toContain('a spring campaign')
      expect(content.toLowerCase()).toContain(analysis.mood[0])
      if (format === 'social_post') expect(content).toMatch(/"#(Red|Blue|SteelBlue)"/)
    }
  })

  test.each(outputFormats)('two analyses give two different answers in %s', async (format) => {
    const [one, other] = [await analyse(await fixture('red.png')), await analyse(await fixture('halves.png'))]
    const answer = contentOf(await writeText(format, one))
    expect(contentOf(await writeText(format, one))).toBe(answer)
    expect(contentOf(await writeText(format, other))).not.toBe(answer)
  })

  test.each(outputFormats)('the longest analysis that is allowed still gives a %s that fits', async (format) => {
    const long = (length: number) => 'wörd '.repeat(200).slice(0, length).trim()
    const analysis = AnalysisAnswer.parse({
      subject: long(600),
      composition: { layout: long(600), focalPoint: long(160), orientation: 'square' },
      palette: Array.from({ length: 8 }, (_, index) => ({ hex: `#00000${index}`, name: long(160), share: 0.1 })),
      typography: { style: long(600), textSeen: [long(300)] },
      mood: Array.from({ length: 6 }, () => long(160)),
      style: Array.from({ length: 6 }, () => long(160)),
      audience: long(600),
      brandSignals: Array.from({ length: 10 }, () => long(600)),
      suggestions: Array.from({ length: 10 }, () => long(600)),
    })
    const text = contentOf(await writeText(format, analysis, { purpose: long(900), language: 'pt-BR' }))
    formats[format].schema.parse(JSON.parse(text))
  })

  test.each(outputFormats)('%s is in the language that was asked for, and says that it is emulated', async (format) => {
    const analysis = await analyse(await fixture('halves.png'))
    const marks = { en: /emulated/i, de: /emuliert/i, fr: /émulé/i, es: /emulad/i, 'ja-JP': /エミュレート/ }
    for (const [language, mark] of Object.entries(marks)) {
      const text = contentOf(await writeText(format, analysis, { language, purpose: '2026' }))
      expect(isIn(textsIn(JSON.parse(text)).join('\n'), language), `${language}: ${text}`).toBe(true)
      expect(text).toMatch(mark)
    }
    expect(contentOf(await writeText(format, analysis, { language: 'sv' }))).toContain('It is in English, not in sv.')
    expect(contentOf(await writeText(format, analysis, { language: 'en-GB' }))).not.toContain('It is in English')
  })

  test.each(outputFormats)('without an analysis, %s speaks of the lack and still fits', async (format) => {
    const text = contentOf(await writeText(format, undefined))
    formats[format].schema.parse(JSON.parse(text))
    expect(text).toContain('No analysis was given')
  })

  test('a post differs by network, and keeps to what the prompt says of it', async () => {
    const analysis = completeAnalysis(await analyse(await fixture('halves.png')), {})
    const client = new OpenAI({ apiKey: 'k', baseURL: emulators.deepseekBaseUrl, maxRetries: 0 })
    const captions = new Set<string>()
    for (const name of [...platformNames, null]) {
      const { hashtags: range, aim, name: network } = platformOf(name)
      const { instructions, input } = contentRequest({
        analysis,
        purpose: 'Announce the summer sale: 30 % off',
        format: 'social_post',
        language: 'de',
        platform: name,
      })
      const completion = await client.chat.completions.create({
        model: 'm',
        messages: [
          { role: 'system', content: instructions },
          { role: 'user', content: input },
        ],
      })
      const { caption, hashtags } = JSON.parse(contentOf(completion))
      captions.add(caption)
      expect(hashtags.length).toBeLessThanOrEqual(range[1])
      expect(caption).toContain('30 % off')
      expect(caption.length).toBeLessThanOrEqual(Math.max(aim, 200))
      if (name) expect(caption).toContain(network)
    }
    expect(captions.size).toBe(platformNames.length + 1)
  })

  test('instructions that only speak of the tags are not taken for what stands in them', async () => {
    const client = new OpenAI({ apiKey: 'k', baseURL: emulators.deepseekBaseUrl, maxRetries: 0 })
    const content =
      'The purpose is between <purpose> and </purpose>, the analysis between <analysis> and </analysis>. <purpose>a kiosk</purpose> <analysis>{"subject":"A cat"}</analysis> <format>summary</format>'
    const answer = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] })
    expect(JSON.parse(contentOf(answer)).keyPoints).toContain('The occasion: a kiosk.')
  })

  test('an analysis of another shape, an unknown format and no schema are answered too', async () => {
    for (const prompt of [
      '<analysis>{"subject":"A cat"}</analysis> as json',
      '<analysis>not json</analysis><schema>{broken</schema> json',
      '<format>poem</format><analysis>{"subject":"A cat","palette":"blue"}</analysis><schema>{"type":"object","properties":{"caption":{"type":"string"},"verse":{"type":"string"}}}</schema>',
    ]) {
      const client = new OpenAI({ apiKey: 'k', baseURL: `${emulators.deepseekBaseUrl}/v1`, maxRetries: 0 })
      const answer = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: prompt }] })
      expect(JSON.parse(contentOf(answer))).toBeTypeOf('object')
      expect(contentOf(answer)).toMatch(prompt.includes('A cat') ? /A cat/ : /No analysis/)
    }
  })

  test('an answer says that it is emulated, and counts plausible tokens', async () => {
    const analysis = await analyse(await fixture('red.png'))
    const first = await writeText('summary', analysis)
    expect(first).toMatchObject({
      object: 'chat.completion',
      model: 'deepseek-flash-emulated',
      created: clock().getTime() / 1000,
      choices: [{ finish_reason: 'stop', message: { role: 'assistant' } }],
      usage: { prompt_cache_hit_tokens: 0 },
    })
    expect(first.choices[0]?.message).not.toHaveProperty('reasoning_content')
    const second = await writeText('summary', analysis)
    const usage = second.usage as unknown as Record<string, number>
    expect(usage.prompt_cache_hit_tokens).toBeGreaterThan(0)
    expect((usage.prompt_cache_hit_tokens ?? 0) + (usage.prompt_cache_miss_tokens ?? 0)).toBe(usage.prompt_tokens)
    expect(usage.total_tokens).toBe((usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0))
  })

  test('it thinks unless the request says not to', async () => {
    const answer = await writeText('summary', { subject: 'A cat' }, { thinking: { type: 'enabled' } })
    expect(answer.choices[0]?.message).toHaveProperty('reasoning_content')
  })

  test('a limit of output tokens cuts the answer', async () => {
    const answer = await writeText('summary', { subject: 'A cat' }, { max_tokens: 10 })
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(contentOf(answer)).toHaveLength(40)
  })

  test('a request without a key, or in JSON mode without the word, is refused as by the real service', async () => {
    const ask = (headers: Record<string, string>) =>
      fetch(`${emulators.deepseekBaseUrl}/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({
          model: 'm',
          messages: [{ role: 'user', content: 'Hello' }],
          response_format: { type: 'json_object' },
        }),
      })
    const keyless = await ask({})
    expect(keyless.status).toBe(401)
    expect(await keyless.json()).toMatchObject({ error: { type: 'authentication_error' } })
    const wordless = await ask({ authorization: 'Bearer key' })
    expect(wordless.status).toBe(400)
    expect(await wordless.text()).toContain("the word 'json'")
  })
})
