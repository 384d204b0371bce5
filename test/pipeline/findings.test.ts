import { describe, expect, test } from 'vitest'
import type { BrandAnalysis } from '../../core/pipeline/analysis.ts'
import type { BrandProfile, Facts } from '../../core/pipeline/brand.ts'
import { exampleAnalysis, examplePurpose } from '../../core/pipeline/example.ts'
import { factFindings } from '../../core/pipeline/findings/facts.ts'
import type { Origin } from '../../core/pipeline/findings/finding.ts'
import { numberFindings } from '../../core/pipeline/findings/numbers.ts'
import { paletteFindings } from '../../core/pipeline/findings/palette.ts'
import { wordFindings } from '../../core/pipeline/findings/words.ts'
import { findingsIn } from '../../core/pipeline/findings.ts'
import { type Content, formats, outputFormats } from '../../core/pipeline/formats.ts'

const fieldOf = (text: string, pointer = '/caption') => [{ pointer, text, schema: {} }]

describe('banned words', () => {
  test.each([
    ['cheap', 'Cheap shoes', true],
    ['cheap', 'CHEAP!', true],
    ['cheap', 'a cheap-looking shoe', true],
    ['cheap', 'cheaper shoes', false],
    ['cheap', 'dirtcheap', false],
    ['cheap*', 'cheaper shoes', true],
    ['cheap*', 'dirtcheap', false],
    ['cheap', '#CheapDeals', true],
    ['deals', '#cheap_deals', true],
    ['cheap', 'che\u00adap', true],
    ['cheap', 'che\u200bap', true],
    ['best in class', 'Best-in-class', true],
    ['best-in-class', 'best in\u00a0class', true],
    ['best in class', 'bestinclass', false],
    ["don't", 'You don’t need it', true],
    ['Größe', 'GRÖSSE', true],
    ['groß', 'GROSS', true],
    ['café', 'CAFE\u0301', true],
    ['café', 'cafes', false],
    ['ÇILGIN', 'çılgın', true],
    ['indirim', 'İNDİRİM', true],
    ['λόγος', 'ΛΌΓΟΣ', true],
    ['дешево', 'ДЕШЕВО!', true],
    ['дешево', 'недешево', false],
    ['激安', 'この靴は激安です', true],
    ['安い', '安くない', false],
    ['ถูก', 'รองเท้าราคาถูกมาก', true],
    ['세일', '오늘은 세일입니다', true],
    ['सस्ता', 'सबसे सस्ता जूता', true],
    ['सस्ता', 'सस्ताई', false],
    ['C++', 'written in C++.', true],
    ['C++', 'C+ or C', false],
    ['(new)', 'the (NEW) one', true],
    ['.*', 'anything', false],
    ['100 %', 'to 100 %', true],
    ['!!', 'Now!!', true],
    ['ﬁne', 'a fine day', true],
  ])('%s in “%s”: %s', (word, text, found) => {
    const findings = wordFindings(fieldOf(text), [word])
    expect(findings.map(({ code, severity, field, about }) => [code, severity, field, about])).toEqual(
      found ? [['banned_word', 'warning', '/caption', word]] : [],
    )
  })

  test('are told once a field, and not of what says what not to do', () => {
    const texts = [...fieldOf('cheap, cheap'), ...fieldOf('cheap', '/donts/1'), ...fieldOf('cheap', '/dontsay')]
    expect(wordFindings(texts, ['cheap', 'cheap*'], ['/donts']).map(({ field, about }) => [field, about])).toEqual([
      ['/caption', 'cheap'],
      ['/caption', 'cheap*'],
      ['/dontsay', 'cheap'],
      ['/dontsay', 'cheap*'],
    ])
  })
})

const bare: BrandAnalysis = {
  ...exampleAnalysis,
  subject: 'A shoe.',
  palette: [{ hex: '#14213d', name: 'navy', share: 0.68 }],
  typography: { style: 'none', textSeen: [] },
  brandSignals: [],
  suggestions: [],
  contrast: [],
}

describe('numbers', () => {
  const from = (purpose: string, changes: Partial<Origin> = {}) => ({ analysis: bare, purpose, ...changes })
  test.each<[text: string, purpose: string, invented: string[]]>([
    // The same number in the ways of other languages.
    ['Nur 1.299,00 €', 'It costs 1,299.00', []],
    ['Only $1,299', 'Der Preis: 1.299,00 €', []],
    ['1 299,00 €', '1299', []],
    ['1\u202f299 €', 'EUR 1299', []],
    ['CHF 1’299.–', '1299', []],
    ['₹1,00,000', '100000', []],
    ['١٬٢٩٩٫٥ ر.س', '1299.5', []],
    ['१२९९', '1299', []],
    ['１２９９円', '1,299', []],
    ['٢٠٪', '20 %', []],
    ['20 % off', '20% off', []],
    ['20 percent', '20 %', []],
    ['1,5 l', '1.5 l', []],
    ['%20 indirim', '20 %', []],
    // Dates and times.
    ['am 31.05.2026', 'until 31 May 2026, the 5th month', []],
    ['2026-05-31', '31.5.2026', []],
    ['ab 18:00 Uhr', 'from 6 pm', []],
    ['from 6 p.m.', 'ab 18:00 Uhr', []],
    ['18:30', '6:30 pm', []],
    ['19:30', '6:30 pm', ['19:30']],
    // What is invented.
    ['Only 999 €', 'It costs 1,299.00', ['999']],
    ['Nur 1.299,50 €', 'It costs 1,299.00', ['1.299,50']],
    ['25 % off', '20 % off', ['25']],
    ['129', '1299', ['129']],
    ['Since 1887', 'a purpose', ['1887']],
    ['2 years', 'a purpose', ['2']],
    ['999 and 999', 'a purpose', ['999']],
    ['am 30.05.2026', '31.05.2026', ['30.05.2026']],
    // What is no number of its own.
    ['in #ff6f61 and 12 m² of CO₂', '12', []],
    ['one to 1', 'a purpose', []],
    ['Size A4', 'a4 sheets', []],
    // By what the image was found to show.
    ['68 % navy', 'a purpose', []],
    ['70 % navy', 'a purpose', []],
    ['60 % navy', 'a purpose', ['60']],
  ])('%s, from “%s”: %j', (text, purpose, invented) => {
    expect(numberFindings(fieldOf(text), from(purpose)).map(({ about }) => about)).toEqual(invented)
  })

  test('are known from the facts, the brand and the analysis as well, and from nowhere else', () => {
    const text = '10 20 30 40.5 15.2 50 60'
    const origin = from('10', {
      facts: { pieces: 20, 'size 30': true },
      brand: { name: 'Shop', facts: { since: '40,5' }, defaults: { languages: ['x-50'] } },
      analysis: { ...bare, contrast: exampleAnalysis.contrast, subject: '60 shoes' },
    })
    expect(numberFindings(fieldOf(text.replaceAll(' ', '; ')), origin).map(({ about }) => about)).toEqual(['50'])
  })

  test('a price is not rounded, and a small number is no warning: it may have been counted', () => {
    const found = numberFindings(fieldOf('130 €, 3 shoes, 5 %'), from('129.95'))
    expect(found.map(({ about, severity }) => [about, severity])).toEqual([
      ['130', 'warning'],
      ['3', 'info'],
      ['5', 'warning'],
    ])
  })
})

describe('facts that a text does not have', () => {
  test.each<[fact: Facts[string], text: string, missing: boolean]>([
    ['Tulip “Ann”', 'The tulip “Ann” is here', false],
    ['Tulip Ann', 'Ann, a tulip', false],
    ['Oslo', 'The OSLO chair', false],
    ['Oslo', 'The chair', true],
    ['129,00 €', 'for €129.00', false],
    ['129 EUR', 'für 129,00 €', false],
    ['129 EUR', 'für 139,00 €', true],
    [1299.5, 'nur 1.299,50 €', false],
    [1299.5, 'nur 1.299 €', true],
    [12, '112 or 12.5', true],
    ['20 % until 31 May', 'bis 31. Mai 20 %', false],
    ['40 x 60 cm', '40 × 60 cm', false],
    ['オーク材', 'このオーク材の椅子', false],
    [true, 'nothing', false],
    [['red', 'blue'], 'red and blue', false],
    [['red', 'blue'], 'red', true],
    ['solid oak', 'an oak chair', true],
    ['—', 'nothing', true],
  ])('%j in “%s”: %s', (fact, text, missing) => {
    expect(factFindings(fieldOf(text), { price: fact })).toEqual(
      missing
        ? [
            expect.objectContaining({
              code: 'fact_missing',
              severity: 'info',
              field: null,
              about: 'price',
            }),
          ]
        : [],
    )
  })
})

describe('lengths', () => {
  const post = (changes: object) =>
    ({ caption: 'x'.repeat(300), hashtags: ['#a', '#b', '#c'], callToAction: 'Come by.', ...changes }) as Content
  const lengthsOf = (content: Content, platform?: string) =>
    findingsIn(content, { format: 'social_post', analysis: bare, purpose: 'Sell', platform }).map(
      ({ code, severity, field, about }) => [code, severity, field, about],
    )
  test.each<[changes: object, platform: string | undefined, found: unknown[]]>([
    [{}, undefined, []],
    [{ caption: 'x'.repeat(360) }, undefined, []],
    [{ caption: 'x'.repeat(361) }, undefined, [['length_missed', 'info', '/caption', '361']]],
    [{ caption: 'x'.repeat(451) }, undefined, [['length_missed', 'warning', '/caption', '451']]],
    [{ caption: 'x'.repeat(149) }, undefined, [['length_missed', 'info', '/caption', '149']]],
    [{ caption: 'x'.repeat(150) }, undefined, []],
    [{ caption: '春'.repeat(80) }, undefined, []],
    [{ caption: '春'.repeat(70) }, undefined, [['length_missed', 'info', '/caption', '70']]],
    // The network's own target, by its own count.
    [{}, 'linkedin', [['length_missed', 'info', '/caption', '300']]],
    [{ caption: `${'x'.repeat(150)} https://example.com/${'x'.repeat(99)}`, hashtags: ['#a'] }, 'x', []],
    [{ hashtags: ['#a'] }, 'instagram', [['length_missed', 'info', '/hashtags', '1']]],
    [{ callToAction: 'x'.repeat(73) }, undefined, [['length_missed', 'info', '/callToAction', '73']]],
  ])('%j on %s', (changes, platform, found) => {
    expect(lengthsOf(post(changes), platform)).toEqual(found)
  })

  test('of entries are told by their place', () => {
    const content = { headline: 'A', summary: 'B', keyPoints: ['C', 'x'.repeat(301)] } as Content
    const [finding, ...others] = findingsIn(content, { format: 'summary', analysis: bare, purpose: 'Sell' })
    expect(finding).toEqual({
      code: 'length_missed',
      severity: 'warning',
      message: 'It has 301 characters; the target is at most 200.',
      field: '/keyPoints/1',
      about: '301',
    })
    expect(others).toEqual([])
  })
})

describe('colours', () => {
  const swatch = (hex: string, share = 0.5) => ({ hex, name: 'coral', share })
  test.each<[image: [hex: string, share?: number][], brand: string[], found: [string, string][]]>([
    [[['#ff6f61']], [], []],
    [[['#ff6f61']], ['#ff6f61'], []],
    [[['#ff6f61']], ['#fd7060'], []],
    [[['#ff6f61']], ['#14213d'], [['#ff6f61', 'warning']]],
    [[['#ff6f61'], ['#14213d']], ['#14213d'], [['#ff6f61', 'info']]],
    [[['#ff6f61', 0.09], ['#14213d']], ['#14213d'], []],
    // A ground of white, grey or black belongs to every brand.
    [[['#f8f9fa'], ['#111111'], ['#808080']], ['#ff6f61'], []],
  ])('%j for %j: %j', (image, brand, found) => {
    const findings = paletteFindings(
      image.map(([hex, share]) => swatch(hex, share)),
      brand.map((hex) => ({ hex })),
    )
    expect(findings.map(({ about, severity }) => [about, severity])).toEqual(found)
    expect(findings.every(({ code, field }) => code === 'palette_distant' && field === null)).toBe(true)
  })

  test('are told with how far they are from which', () => {
    const [finding] = paletteFindings([swatch('#ff6f61', 0.18)], [{ hex: '#14213d', name: 'navy' }, { hex: '#ffd166' }])
    expect(finding?.message).toBe(
      'Coral #ff6f61, 18 % of the image, is 37.9 (CIEDE2000) from the nearest colour of the brand, #ffd166.',
    )
  })
})

test.each(outputFormats)('nothing is found in the example of %s, but what it lacks of its brand', (format) => {
  const origin: Origin = { format, analysis: exampleAnalysis, purpose: examplePurpose, platform: 'facebook' }
  const content = formats[format].example as Content
  const unexpected = findingsIn(content, origin).filter(({ code }) => code !== 'length_missed')
  expect(unexpected).toEqual([])
  const brand: BrandProfile = {
    name: 'Other',
    bannedWords: ['navy', 'tulips'],
    palette: [{ hex: '#00ff00' }],
  }
  const found = new Set(findingsIn(content, { ...origin, brand, facts: { code: 'X-77' } }).map(({ code }) => code))
  expect(found).toContain('banned_word')
  expect(found).toContain('palette_distant')
  expect(found.has('fact_missing')).toBe(['social_post', 'product_description'].includes(format))
})

test('findings have a bound, and so has what they are about', () => {
  const caption = Array.from({ length: 400 }, (_, index) => `1${index}0`).join('; ')
  const content = { caption, hashtags: ['#a'], callToAction: `${'7'.repeat(190)}${'8'.repeat(190)}` } as Content
  const findings = findingsIn(content, { format: 'social_post', analysis: bare, purpose: 'Sell' })
  expect(findings).toHaveLength(50)
  const long = findingsIn({ ...content, caption: 'a' } as Content, {
    format: 'social_post',
    analysis: bare,
    purpose: '',
  })
  expect(Math.max(...long.map(({ about }) => about.length))).toBe(200)
  expect(Math.max(...long.map(({ message }) => message.length))).toBeLessThan(500)
})
