import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AnalysisAnswer, type BrandAnalysis, completeAnalysis } from '../../../../core/pipeline/analysis.ts'
import type { BrandProfile } from '../../../../core/pipeline/brand.ts'
import { findingsIn } from '../../../../core/pipeline/findings.ts'
import { type Content, formats, type OutputFormat, outputFormats } from '../../../../core/pipeline/formats.ts'
import { platformNames } from '../../../../core/pipeline/platforms.ts'
import { contentRequest } from '../../../../core/pipeline/prompts.ts'
import { translateColour } from '../../../../dev/emulators/providers/colour-names.ts'
import { writeAnalysis } from '../../../../dev/emulators/providers/described-image.ts'
import { lookAt } from '../../../../dev/emulators/providers/look.ts'
import { phrases } from '../../../../dev/emulators/providers/phrases.ts'
import { type ProviderEmulators, startProviderEmulators } from '../../../../dev/emulators/providers/server.ts'
import type { Source } from '../../../../dev/emulators/providers/text-material.ts'
import { draftContent } from '../../../../dev/emulators/providers/written-content.ts'

// What the pipeline finds in emulated texts, asked for as the pipeline asks.

let emulators: ProviderEmulators
let analysis: BrandAnalysis
beforeAll(async () => {
  emulators = await startProviderEmulators()
  const image = await readFile(new URL('../../../../samples/poster.png', import.meta.url))
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

/** A text as a table asks for it, without a server. */
function draft(format: OutputFormat, { language = 'en', ...source }: Partial<Source> = {}) {
  const { draft } = draftContent({ analysis, purpose, language, network: undefined, ...source }, format)
  return draft as Record<string, string & string[]>
}

describe('the words of a text', () => {
  const wordsOf = (text: string) => text.toLowerCase().match(/\p{L}{4,}/gu) ?? []
  const said = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : Object.values(value as object).flatMap(said)
  const colours = () => analysis.palette.map(({ name }) => name)
  const vocabulary = (language: (typeof languages)[number]) =>
    new Set([...said(phrases[language]), ...colours().map((name) => translateColour(name, language))].flatMap(wordsOf))

  test.each(languages)('are those of %s alone', (language) => {
    const own = vocabulary(language)
    const foreign = new Set(languages.flatMap((other) => [...vocabulary(other)]).filter((word) => !own.has(word)))
    expect(foreign.size).toBeGreaterThan(400)
    for (const format of outputFormats) {
      // Material of the user and of the image is in whatever language it is.
      const plain = { ...analysis, typography: { style: '', textSeen: [] } }
      const text = said(draft(format, { language, analysis: plain, purpose: '2026' })).join(' ')
      const roles = ['primary', 'secondary', 'accent', 'background', 'text', 'informative']
      const strange = wordsOf(text).filter((word) => foreign.has(word) && !roles.includes(word))
      expect([format, strange]).toEqual([format, []])
    }
  })

  test.each(languages)('have those of the image, in %s', (language) => {
    const [first, second, third] = lettering.map((line) => phrases[language].quotes.replace('…', line))
    expect(draft('summary', { language }).summary).toContain(first)
    expect(draft('alt_text', { language })).toMatchObject({
      imageRole: 'text',
      altText: expect.stringMatching(`${first}.*${second}`),
    })
    // What the post is about is not told twice.
    expect(draft('social_post', { language }).caption).toContain(third)
    expect(draft('social_post', { language }).caption).not.toContain(first)
    const unlettered = { ...analysis, typography: { style: 'No lettering was found.', textSeen: [] } }
    expect(draft('brand_guidelines', { language, analysis: unlettered }).typography).toBe(phrases[language].unlettered)
    expect(draft('alt_text', { language, analysis: unlettered }).imageRole).toBe('informative')
  })

  test.each(languages)('name colours and where the subject stands, in %s', (language) => {
    const [main = ''] = colours().map((name) => translateColour(name, language))
    expect(draft('alt_text', { language }).altText?.toLowerCase()).toContain(main.toLowerCase())
    expect(draft('alt_text', { language }).longDescription).toContain(phrases[language].places[5])
  })

  test.each([
    ['informal', /Schau|Finde|Komm/, /dich/],
    ['formal', /Sie/, /Sie/],
  ])('address readers %sly where the brand wants it', (formality, action, question) => {
    const network = { name: 'Facebook', aim: 400, hashtags: 3 }
    const post = draft('social_post', { language: 'de', network, brand: { formality } })
    expect(post.callToAction).toMatch(action)
    expect(post.caption).toMatch(question)
  })

  test('have nothing that the brand bans, in no field', () => {
    const banned = ['petrol', 'Pellmere', 'Mood*', 'meet', 'look']
    for (const format of outputFormats) {
      const { donts: _, colours: __, ...text } = draft(format, { brand: { bannedWords: banned } })
      const found = said(text).filter((one) =>
        banned.some((word) => one.toLowerCase().includes(word.slice(0, 4).toLowerCase())),
      )
      expect([format, found]).toEqual([format, []])
    }
  })

  test('follow the rules of the brand', () => {
    const guidelines = draft('brand_guidelines', {
      brand: { name: 'Fernhill', voice: 'Dry and calm', do: ['Name the workshop'], dont: ['Exclamation marks'] },
    })
    expect(guidelines.dos).toContain('Name the workshop')
    expect(guidelines.donts).toContain('Exclamation marks')
    expect(guidelines.tone).toMatchObject({ voice: expect.stringContaining('Dry and calm') })
  })
})

test('another variant begins otherwise, and the same material gives the same text', () => {
  const captions = ['', '1', '2', '3', '4', '5'].map((variant) => draft('social_post', { variant }).caption)
  expect(new Set(captions).size).toBeGreaterThan(1)
  expect(draft('social_post', { variant: '3' }).caption).toBe(captions[3])
})

test('a picture that only adorns has no alternative text', () => {
  expect(draft('alt_text', { purpose: 'Decoration beside the menu' })).toMatchObject({
    imageRole: 'decorative',
    altText: '',
  })
})

test('each kind of text is of its kind', () => {
  const [alt, post, product] = [
    draft('alt_text', { facts }),
    draft('social_post', { facts }),
    draft('product_description', { facts }),
  ]
  // One says what is to be seen, and sells nothing; the others name what is sold, and what it costs.
  expect(alt.altText).toMatch(/^Trail 7 on the right, on petrol/)
  expect(alt.longDescription).not.toContain('129.00')
  expect(post.caption).toMatch(/^(Meet|Here it is:|A closer look at) Trail 7\..*129\.00 €/)
  expect(product.features).toContain('Price: 129.00 €')
  expect(post.caption).not.toBe(product.description)
  expect(draft('detailed_analysis').weaknesses).not.toEqual([])
})
