import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AnalysisAnswer, type BrandAnalysis, completeAnalysis } from '../../../../core/pipeline/analysis.ts'
import type { BrandProfile } from '../../../../core/pipeline/brand.ts'
import { findingsIn } from '../../../../core/pipeline/findings.ts'
import { type Content, formats, type OutputFormat, outputFormats } from '../../../../core/pipeline/formats.ts'
import { platformNames } from '../../../../core/pipeline/platforms.ts'
import { contentRequest } from '../../../../core/pipeline/prompts.ts'
import { writeAnalysis } from '../../../../dev/emulators/providers/described-image.ts'
import { lookAt } from '../../../../dev/emulators/providers/look.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../../../dev/emulators/providers/server.ts'

// What the pipeline finds in emulated texts, asked for as the pipeline asks.

let emulators: ProviderEmulators
let analysis: BrandAnalysis
beforeAll(async () => {
  emulators = await startProviderEmulators()
  const image = await readFile(new URL('../../../../dev/sample/poster.png', import.meta.url))
  const answer = writeAnalysis({ look: await lookAt(image), lettering }, purpose, undefined)
  analysis = completeAnalysis(AnalysisAnswer.parse(JSON.parse(answer)), {})
})
afterAll(() => emulators.stop())

const lettering = ['Pellmere', 'cloudy lemonade', 'Pressed at noon.']
const purpose = 'the spring sale of a coffee roaster'
const facts = {
  name: 'Trail 7',
  price: '129.00 €',
  material: ['recycled nylon', 'cork'],
  waterproof: true,
  secret: false,
}
const brand: BrandProfile = {
  name: 'Fernhill',
  preferredWords: ['grounded', 'slowly made'],
  bannedWords: ['cheap'],
}
const languages = ['en', 'de', 'fr', 'es', 'ja'] as const
const posts = [null, ...platformNames]
const wanted = languages.flatMap((language) =>
  outputFormats.flatMap((format) =>
    (format === 'social_post' ? posts : [null]).map((platform) => ({ language, format, platform })),
  ),
)

async function write(
  asked: Partial<Parameters<typeof contentRequest>[0]> & { format: OutputFormat; language: string },
) {
  const { instructions, input } = contentRequest({ analysis, purpose, platform: null, ...asked })
  const reply = await fetch(`${emulators.deepseekBaseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer any', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'm',
      messages: [
        { role: 'system', content: instructions },
        { role: 'user', content: input },
      ],
    }),
  })
  const body = (await reply.json()) as { choices: { message: { content: string } }[] }
  return formats[asked.format].schema.parse(JSON.parse(body.choices[0]?.message.content ?? '')) as Content
}

describe.each(languages)('in %s', (language) => {
  test('it keeps its lengths, has the facts, invents no number, and says that it is emulated', async () => {
    for (const one of wanted.filter((each) => each.language === language)) {
      const content = await write({ ...one, facts, brand })
      const { format, platform } = one
      const found = findingsIn(content, { format, analysis, purpose, platform, facts, brand })
      expect([one, found.map(({ code, field, message }) => `${code} ${field} ${message}`), content]).toEqual([
        one,
        [],
        content,
      ])
      expect(JSON.stringify(content)).toMatch(/emulated|emuliert|émulé|emulad|エミュレート/i)
    }
  })

  test('it has the words of the brand, and none without one', async () => {
    const text = JSON.stringify(await write({ format: 'product_description', language, facts, brand }))
    for (const part of ['Fernhill', 'grounded', 'slowly made', 'Trail 7', '129.00 €', 'recycled nylon', 'cork']) {
      expect(text).toContain(part)
    }
    expect(text).not.toMatch(/secret/i)
    const plain = JSON.stringify(await write({ format: 'product_description', language }))
    expect(plain).not.toMatch(/Fernhill|grounded|Trail/)
  })

  test('its sentences begin with capitals', async () => {
    for (const one of wanted.filter((each) => each.language === language && language !== 'ja')) {
      const text = JSON.stringify(await write({ ...one, facts, brand }))
      expect(text).not.toMatch(/[.!?] \p{Ll}/u)
      expect(text).not.toMatch(/undefined|\{\w+\}|\.\.|: \./)
    }
  })
})

test('it leaves out what the brand has banned, where it can', async () => {
  const banning = { name: 'Fernhill', bannedWords: ['mood'] }
  const content = await write({ format: 'summary', language: 'en', brand: banning })
  expect(JSON.stringify(content)).not.toMatch(/mood/i)
})

test('facts of any length and number fit', async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`fact ${n}`, `${'long '.repeat(15)}${n}`]))
  for (const format of outputFormats) await write({ format, language: 'en', facts: many })
})
