import { describe, expect, test } from 'vitest'
import { completeAnalysis } from '../../core/pipeline/analysis.ts'
import { clipText } from '../../core/pipeline/clip-text.ts'
import { contrastRatio, contrastsOf } from '../../core/pipeline/colours.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { withoutOpener } from '../../core/pipeline/formats/alt-text.ts'
import { wholePost, withoutOwnTags } from '../../core/pipeline/formats/social-post.ts'
import { formats } from '../../core/pipeline/formats.ts'
import { mendHashtags } from '../../core/pipeline/hashtags.ts'
import { languageName } from '../../core/pipeline/languages.ts'
import { platformNames, platformOf, postLength } from '../../core/pipeline/platforms.ts'

describe('a text is cut', () => {
  test.each([
    ['en', 'A red shoe on a step. It stands alone, and nobody knows why.', 30, 'A red shoe on a step.'],
    ['en', 'A red shoe on a concrete step', 20, 'A red shoe on a…'],
    ['ja', '春の大セールを告げる濃紺のポスターです', 12, /^春の大セールを(告げる)?…$/],
    ['th', 'โปสเตอร์สีน้ำเงินเข้มประกาศลดราคา', 23, /^โปสเตอร์สีน้ำเงินเข้ม…$/],
    ['en', '👨‍👩‍👧‍👦'.repeat(5), 25, '👨‍👩‍👧‍👦👨‍👩‍👧‍👦…'],
    ['hi', 'हिन्दी'.repeat(5), 9, /^(हिन्दी|हिन्दीहि)…$/],
    ['en', 'x'.repeat(40), 10, 'xxxxxxxxx…'],
    ['en', 'short', 5, 'short'],
  ])('%s: %s', (language, text, max, cut) => {
    const clipped = clipText(text, max, language)
    if (cut instanceof RegExp) expect(clipped).toMatch(cut)
    else expect(clipped).toBe(cut)
    expect(clipped.length).toBeLessThanOrEqual(max)
    expect(clipped.isWellFormed()).toBe(true)
  })
})

test.each([
  [
    ['#हिन्दी', '#वसंत', '#สวัสดี'],
    ['#हिन्दी', '#वसंत', '#สวัสดี'],
  ],
  [
    ['co-op', 'spring sale', "#mother's day"],
    ['#coop', '#springsale', '#mothersday'],
  ],
  [
    ['#One #two', '#ONE', '#one'],
    ['#One', '#two'],
  ],
  [
    ['＃東京', '#ＴＯＫＹＯ', '#tokyo'],
    ['#東京', '#ＴＯＫＹＯ'],
  ],
  [['#cafe\u0301', '#caf\u00e9'], ['#café']],
  [
    ['#می\u200cروم', '#Sa\u200dle', '#sale\u200c'],
    ['#می\u200cروم', '#Sale'],
  ],
  [
    ['#क्\u200dष', '#न\u200dम'],
    ['#क्\u200dष', '#नम'],
  ],
  [['#👩\u200d💻', '#2026', '#', '!?', '#_1'], ['#👩\u200d💻']],
  ['#a, #b', ['#a', '#b']],
])('hashtags %j are %j', (given, tags) => {
  expect(mendHashtags(given)).toEqual(tags)
})

test.each([
  ['de-CH', 'German (Switzerland)'],
  ['zh-Hant-TW', 'Chinese (Traditional, Taiwan)'],
  ['en-x-obey-me', 'English'],
  ['de-u-co-phonebk', 'German'],
  ['xx', 'the language with the code xx'],
  ['ignore this', 'English'],
])('the language %s is called %s', (tag, name) => {
  expect(languageName(tag)).toBe(name)
})

describe('contrast is computed', () => {
  test.each([
    ['#000000', '#ffffff', 21],
    ['#777777', '#ffffff', 4.48],
    ['#ff0000', '#ffffff', 4],
  ])('%s on %s: %d', (one, other, ratio) => {
    expect(contrastRatio(one, other)).toBeCloseTo(ratio, 1)
    expect(contrastRatio(other, one)).toBe(contrastRatio(one, other))
  })

  test('and never rounded up over a threshold', () => {
    expect(contrastsOf(['#777777', '#ffffff'])).toEqual([
      { colours: ['#777777', '#ffffff'], ratio: 4.47, text: 'large' },
    ])
    expect(contrastsOf(['#767676', '#ffffff'])).toMatchObject([{ text: 'any' }])
  })

  test('also in the example that the writer is given', () => {
    const { contrast, paletteEstimated } = completeAnalysis(exampleAnalysis, { palette: exampleAnalysis.palette })
    expect({ contrast, paletteEstimated }).toEqual({ contrast: exampleAnalysis.contrast, paletteEstimated: false })
  })
})

test('what was measured stands in place of what was guessed', () => {
  const palette = [{ hex: '#000000', name: 'black', share: 1 }]
  const measured = completeAnalysis(exampleAnalysis, { width: 300, height: 200, palette })
  expect(measured.composition.orientation).toBe('landscape')
  expect(measured).toMatchObject({ palette, paletteEstimated: false, contrast: [] })
  expect(completeAnalysis(exampleAnalysis, {})).toMatchObject({
    composition: { orientation: 'portrait' },
    paletteEstimated: true,
    palette: exampleAnalysis.palette,
  })
})

describe('alternative text has no opener', () => {
  test.each([
    ['en', 'Image of a red shoe', 'A red shoe'],
    ['en', 'A close-up photo of two cats', 'A close-up photo of two cats'],
    ['en', 'A photo showing two cats', 'Two cats'],
    ['fr', 'Une image d’une chaussure rouge', 'Une chaussure rouge'],
    ['fr', "Photo d'une chaussure rouge", 'Une chaussure rouge'],
    ['es', 'Imagen de un zapato rojo', 'Un zapato rojo'],
    ['ja', '赤い靴の画像', '赤い靴'],
    ['zh', '图片显示了一只红鞋', '一只红鞋'],
    ['hi', 'लाल जूते की तस्वीर', 'लाल जूते'],
    ['en', 'Imagery of the sea', 'Imagery of the sea'],
  ])('%s: %s', (language, text, expected) => {
    expect(withoutOpener(text, language)).toBe(expected)
  })

  test('one on which the grammar of the rest depends is reported, and kept if it must be', () => {
    const content = { imageRole: 'informative', altText: 'Bild von einem roten Schuh', longDescription: 'x' } as const
    const finished = formats.alt_text.finish?.(content, { language: 'de', platform: platformOf(null) })
    expect(finished?.issue).toMatch(/altText/)
    expect(finished?.content.altText).toBe(content.altText)
  })

  test('a decorative image has none, and no other may have none', () => {
    const decorative = { imageRole: 'decorative', altText: 'Swirls', longDescription: 'x' } as const
    expect(formats.alt_text.finish?.(decorative, { language: 'en', platform: platformOf(null) }).content.altText).toBe(
      '',
    )
    expect(formats.alt_text.schema.safeParse({ ...decorative, imageRole: 'text', altText: '' }).success).toBe(false)
  })
})

describe('a post', () => {
  const post = {
    caption: 'अब वसंत आ गया है और सब कुछ नया है। '.repeat(60).trim(),
    hashtags: ['#One', '#Two', '#Three', '#Four', '#Five'],
    callToAction: 'Come by.',
  }
  test.each([...platformNames, null])('for %s keeps its limit and its number of hashtags', (name) => {
    const platform = platformOf(name)
    const { content } = formats.social_post.finish?.(post, { language: 'hi', platform }) ?? { content: post }
    expect(postLength(wholePost(content), platform)).toBeLessThanOrEqual(platform.limit)
    expect(content.hashtags.length).toBeLessThanOrEqual(platform.hashtags[1])
    expect(content.hashtags.length).toBeGreaterThan(0)
    expect(content.caption.length).toBeGreaterThan(50)
    expect(content.callToAction).toBe(post.callToAction)
    formats.social_post.schema.parse(content)
  })

  test('has its hashtags beside its caption, and not in its end as well', () => {
    const caption = 'Spring is here, and #one of us knows. #Spring #Sale'
    const finished = formats.social_post.finish?.({ ...post, caption }, { language: 'en', platform: platformOf('x') })
    expect(finished?.content.caption).toBe('Spring is here, and #one of us knows.')
  })

  test('is counted as X counts', () => {
    const x = platformOf('x')
    expect(postLength('abc', x)).toBe(3)
    expect(postLength('東京', x)).toBe(4)
    expect(postLength('👨‍👩‍👧‍👦', x)).toBe(2)
    expect(postLength('see https://example.com/a/very/long/address/that/goes/on', x)).toBe(27)
  })
})

test.each([
  ['20 % off. #SpringSale #Tea', '20 % off.'],
  ['20 % off\n\n#SpringSale #Tea', '20 % off'],
  ['春の特売。 #東京', '春の特売。'],
  ['One of five #SpringSale', 'One of five #SpringSale'],
  ['You are our #1', 'You are our #1'],
  ['It is all navy. #101c58', 'It is all navy. #101c58'],
  ['In navy #101c58.', 'In navy #101c58.'],
  ['Order at https://shop.example/#sale', 'Order at https://shop.example/#sale'],
  ['#SpringSale', '#SpringSale'],
])('of the caption %j there stays %j', (caption, kept) => {
  expect(withoutOwnTags(caption)).toBe(kept)
})
