import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ciede2000, labOf } from '../../core/pipeline/ciede2000.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { outputFormats } from '../../core/pipeline/formats.ts'
import { quickImports } from '../../dev/boot/prepare.mjs'
import { type ProviderEmulators, startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { type Case, cases } from '../../eval/cases.ts'
import { checkAnalysis, checkContent } from '../../eval/checks.ts'
import { describeFindings, evaluate, table } from '../../eval/evaluate.ts'
import { isIn } from '../../eval/language.ts'
import { readOptions } from '../../eval/options.ts'
import { modelOf } from '../support/providers/access.ts'

let emulators: ProviderEmulators
beforeAll(async () => {
  emulators = await startProviderEmulators()
})
afterAll(() => emulators.stop())

const some = (...names: string[]) => cases.filter(({ name }) => names.includes(name))
const models = () => {
  return {
    analysis: modelOf('gemini', { timeoutMs: 20_000, baseUrl: emulators.geminiBaseUrl }),
    content: modelOf('deepseek', { timeoutMs: 20_000, baseUrl: emulators.deepseekBaseUrl }),
  }
}

test('the emulated models pass on images of every kind, in every format', async () => {
  const results = await evaluate(some('sale-de', 'mug-fr', 'haru-ja', 'hostile-en', 'face-sv'), { models: models() })
  expect(describeFindings(results)).toEqual([])
  expect(results).toHaveLength(5 * (1 + outputFormats.length))
  expect(results.every(({ calls }) => calls === 1)).toBe(true)
  expect(table(results)).toMatch(/^social_post +5 +0 +0 +5\/5 +4\/4 +5\/5 +5\/5 +5\/5$/m)
})

test('what fails is told', async () => {
  emulators.faults.add({ provider: 'deepseek', kind: 'malformed', times: 'unlimited' })
  const results = await evaluate(some('sale-en'), { models: models(), formats: ['summary'] })
  emulators.faults.clear()
  expect(describeFindings(results)).toEqual(['sale-en summary: content.invalid_answer'])
  expect(results[1]?.calls).toBe(2)
})

test.each([
  ['--formats', 'haiku,summary', /haiku.*detailed_analysis, summary, social_post/s],
  ['--cases', 'sale-en,sale-xx', /sale-xx.*sale-en, sale-de/s],
])('%s %s is refused, and what there is is listed', (option, value, message) => {
  expect(() => readOptions([option, value])).toThrow(message)
})

test('an option that there is not ends the command with 2 and its usage', async () => {
  const run = promisify(execFile)(process.execPath, [
    ...quickImports,
    join(import.meta.dirname, '../../eval/run.ts'),
    '--format',
  ])
  await expect(run).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/--format.*--formats/s),
  })
})

test('there are 30 images, of every kind, and no two alike', () => {
  expect(cases).toHaveLength(30)
  expect(new Set(cases.map(({ name }) => name)).size).toBe(30)
  expect(new Set(cases.map(({ kind }) => kind)).size).toBe(4)
  for (const { facts, purpose } of cases) for (const fact of facts) expect(purpose).toContain(fact)
})

describe('the checks find', () => {
  const [of] = some('sale-en') as [Case]
  const look = (content: object, emulated = false) =>
    checkContent(of, 'social_post', content, exampleAnalysis, { emulated })
  const post = {
    caption: 'The summer sale is on, with 30 % off until 31 August. Use the code SUN30 in the shop.',
    hashtags: ['#Summer', '#Sale', '#Shop'],
    callToAction: 'Come in and see.',
  }
  test('nothing in a good post', () => {
    expect(Object.values(look(post)).flat()).toEqual([])
  })
  test.each([
    [
      'facts',
      { ...post, caption: 'The summer sale is on in the shop, with the code SUN30, until 31 August.' },
      '30 is lost',
    ],
    ['numbers', { ...post, callToAction: 'Call us on 555 123.' }, '555 is invented'],
    ['fits', { ...post, hashtags: [] }, 'hashtags'],
    ['phrases', { ...post, callToAction: 'Unleash your garden.' }, 'Unleash'],
    ['phrases', { ...post, callToAction: 'Visit Fernhill Nursery.' }, 'example'],
    [
      'language',
      { ...post, caption: 'Der Ausverkauf ist da und die Preise sind niedrig: 30 %, 31., SUN30', callToAction: 'Komm' },
      'not in en',
    ],
  ] as const)('%s', (check, content, finding) => {
    // Of a fact that is a part of another, only the other is there.
    const found =
      check === 'facts' ? look({ ...content, caption: content.caption.replace('SUN30', 'SUN') }) : look(content)
    expect(found[check]?.join()).toContain(finding)
  })

  test('a colour that is not there', () => {
    expect(checkAnalysis(of, exampleAnalysis).palette?.join()).toContain('#fca311')
  })
})

test.each([
  ['Das ist ein Schuh und nicht für dich', 'de-CH', true],
  ['This is a shoe and it is not for you', 'de-CH', false],
  ['C’est une chaussure pour les enfants', 'fr', true],
  ['春の大感謝祭、全品お買い得です', 'ja', true],
  ['春节大促销', 'ja', false],
  ['यह एक जूता है', 'hi', true],
  ['', 'en', false],
])('%s is in %s: %s', (text, tag, is) => {
  expect(isIn(text, tag)).toBe(is)
})

// From the authors' own test data.
test.each([
  [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
  [[50, -1, 2], [50, 0, 0], 2.3669],
  [[50, 2.5, 0], [50, 0, -2.5], 4.3065],
  [[50, 2.5, 0], [73, 25, -18], 27.1492],
  [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
] as const)('%j and %j are %d apart', (one, other, distance) => {
  expect(ciede2000(one, other)).toBeCloseTo(distance, 3)
  expect(ciede2000(other, one)).toBeCloseTo(distance, 3)
})

test('white and black are as far apart as can be', () => {
  expect(ciede2000(labOf('#ffffff'), labOf('#000000'))).toBeCloseTo(100, 2)
})
