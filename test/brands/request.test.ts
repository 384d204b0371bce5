import { randomBytes } from 'node:crypto'
import { afterAll, expect } from 'vitest'
import { createBrand } from '../../core/brands/brands.ts'
import { createBrandLoader } from '../../core/brands/load.ts'
import type { Run } from '../../core/domain/run.ts'
import type { BrandProfile } from '../../core/pipeline/brand.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { formats } from '../../core/pipeline/formats.ts'
import { createSteps } from '../../core/pipeline/steps.ts'
import { completeVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { analysisOutput, claimOne, makeJob, outputRows } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { modelOf } from '../support/providers/access.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

let database: TestDatabase
let deepseek: WireServer
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  deepseek = await startWireServer()
})
afterAll(async () => {
  await deepseek.stop()
})

const brand: BrandProfile = {
  name: 'Fernhill Nursery',
  voice: 'Calm and plain, with a dry humour',
  audience: 'People who own one balcony',
  formality: 'formal',
  do: ['Name the greenhouse'],
  dont: ['Exclamation marks'],
  preferredWords: ['nursery'],
  bannedWords: ['cheap*', 'tulips'],
  facts: { founded: 1987, returns: 'within a month' },
  palette: [{ hex: '#0b6e4f', name: 'bottle green' }],
  defaults: { outputFormats: ['social_post'], languages: ['de-CH'], platforms: ['pinterest'] },
}
const facts = { product: 'Tulip Ann', price: 4.5, organic: true, colours: ['apricot', 'vermilion'] }
const metadata = { sku: 'SKU-998877', note: 'for the eyes of accounting', nested: { deep: ['unspeakable'] } }

/** Runs the second step of a job against a server that speaks DeepSeek's wire, and saves what comes of it. */
async function write(run: Run, answer: unknown): Promise<string> {
  deepseek.answer({
    body: {
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'deepseek-test',
      choices: [{ index: 0, message: { role: 'assistant', content: JSON.stringify(answer) }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    },
  })
  const model = modelOf('deepseek', { baseUrl: deepseek.url, model: 'deepseek-test' })
  const image = { bytes: new Uint8Array([1]), type: 'image/png', release: () => undefined }
  const load = { image: async () => image, brand: createBrandLoader(database) }
  const steps = createSteps<Run>(load, { analysis: model, content: model }, randomBytes)
  const meter = {
    imageLoaded: () => undefined,
    sent: async () => undefined,
    answered: () => undefined,
    again: async () => false,
    failed: () => undefined,
  }
  const content = await steps.content(run, exampleAnalysis, { signal: new AbortController().signal, meter })
  await saveAnalysis(database, run, analysisOutput, {})
  await completeVisionJob(database, run, content, {})
  expect(deepseek.requests).toHaveLength(1)
  const [request = ''] = deepseek.requests
  return request
}

/** Every value in a brand or in facts, and the name of every fact. */
function saidIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Array.isArray(value) ? value.flatMap(saidIn) : Object.values(value).flatMap(saidIn)
}

test('each field of a brand and each fact is in the request that goes out, and nothing of the metadata', async () => {
  const { id: brandId } = await createBrand(database, 'user-1', brand)
  const jobId = await makeJob(database, { outputFormat: undefined, language: undefined, brandId, facts, metadata })
  const request = await write(await claimOne(database), formats.social_post.example)
  const { messages } = JSON.parse(request) as { messages: { role: string; content: string }[] }
  const material = messages.find(({ role }) => role === 'user')?.content ?? ''
  const { defaults, ...said } = brand
  for (const name of [...Object.keys(said), ...Object.keys(brand.facts ?? {}), ...Object.keys(facts)]) {
    expect(material).toContain(`"${name}":`)
  }
  for (const value of [...saidIn(said), ...saidIn(facts)]) expect(material).toContain(value)
  // What it is made with by default has decided what is written.
  expect(material).toContain(`<format>"${defaults?.outputFormats?.[0]}"</format>`)
  expect(material).toContain('"tag":"de-CH"')
  expect(request).toContain('Write a post for Pinterest')
  for (const value of [...saidIn(metadata), 'sku', 'nested', 'unspeakable']) expect(request).not.toContain(value)

  const rows = await outputRows(database, jobId)
  const [analysis, content] = rows.map(({ findings }) => (findings === null ? null : JSON.parse(String(findings))))
  expect(analysis).toBeNull()
  expect(content).toContainEqual({
    code: 'banned_word',
    severity: 'warning',
    message: 'The brand does not use “tulips”.',
    field: '/caption',
    about: 'tulips',
  })
  const codes = new Set(content.map(({ code }: { code: string }) => code))
  expect(codes).toEqual(new Set(['banned_word', 'fact_missing', 'palette_distant']))
})

test('without a brand no voice is asked for, and no word is banned', async () => {
  const jobId = await makeJob(database, { outputFormat: 'summary', metadata })
  const request = await write(await claimOne(database), formats.summary.example)
  expect(request).not.toMatch(/<brand>|<facts>|voice|bannedWords/)
  for (const value of saidIn(metadata)) expect(request).not.toContain(value)
  const [, content] = await outputRows(database, jobId)
  // It is the example of what the analysis is the example of.
  expect(content?.findings).toBe('[]')
})
