import { randomBytes } from 'node:crypto'
import { afterAll, expect } from 'vitest'
import { createBrandLoader } from '../../core/brands/load.ts'
import type { Run } from '../../core/domain/run.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { formats, type OutputFormat } from '../../core/pipeline/formats.ts'
import { createSteps } from '../../core/pipeline/steps.ts'
import { addTexts, regenerateText } from '../../core/queue/change/change-texts.ts'
import { promoteDueVisionJobs } from '../../core/queue/claim/promote.ts'
import { releaseVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { drain } from '../../core/worker/loop.ts'
import { claimOne, hour, makeJob, noBackoff, noCap, nothingSpent, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo, modelOf } from '../support/providers/access.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

// What goes out to the provider for each text of a job, from the rows of the queue through the worker to the wire.

let database: TestDatabase
let deepseek: WireServer
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  deepseek = await startWireServer()
})
afterAll(async () => {
  await deepseek.stop()
})

interface Asked {
  readonly instructions: string
  readonly material: string
}

/** Lets a worker make what waits, and what it asked for. */
async function work(): Promise<readonly Asked[]> {
  deepseek.answer(({ body }) => {
    const format = (/<format>\\"(\w+)\\"<\/format>/.exec(body)?.[1] ?? 'summary') as OutputFormat
    const message = { role: 'assistant', content: JSON.stringify(formats[format].example) }
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    const choices = [{ index: 0, message, finish_reason: 'stop' }]
    return { body: { id: 'x', object: 'chat.completion', created: 1, model: 'deepseek-test', choices, usage } }
  })
  const model = modelOf('deepseek', { baseUrl: deepseek.url, model: 'deepseek-test' })
  const image = async () => Promise.reject(new Error('the analysis is there'))
  const load = { image, brand: createBrandLoader(database) }
  await drain(
    {
      database,
      steps: createSteps<Run>(load, { analysis: model, content: model }, randomBytes),
      workerId: 'worker-1',
      providers: accessTo(database, { workerId: 'worker-1' }),
      concurrency: 1,
      textsAtOnce: 2,
      inFlightPerUser: noCap,
      leaseMs: 60_000,
      renewMs: 20_000,
      idleMs: 0,
      pollMs: 20,
      callMs: 30_000,
      providerWaitMs: 0,
      stepMs: { analysis: 30_000, content: 30_000 },
      retry: noBackoff,
      log: () => undefined,
      now: () => performance.now(),
    },
    { deadline: performance.now() + 120_000 },
  )
  return deepseek.requests.map((request) => {
    const { messages } = JSON.parse(request) as { messages: { role: string; content: string }[] }
    const said = (role: string) => messages.find((message) => message.role === role)?.content ?? ''
    return { instructions: said('system'), material: said('user') }
  })
}

test('each variant, each language and network, what is wanted of a revision, and the text as it is, go out', async () => {
  const jobId = await makeJob(database, {
    outputFormat: undefined,
    language: undefined,
    outputs: [
      { outputFormat: 'summary', language: 'en', variants: 3 },
      { outputFormat: 'alt_text', language: 'de-CH' },
      { outputFormat: 'social_post', language: 'fr', platform: 'pinterest' },
    ],
  })
  const run = await claimOne(database)
  await saveAnalysis(database, run, { model: 'm', body: exampleAnalysis }, nothingSpent)
  await releaseVisionJob(database, run, 'content', nothingSpent)

  const first = await work()
  expect(await statusOf(database, jobId)).toBe('completed')
  expect(first).toHaveLength(5)
  const of = (format: string) => first.filter(({ material }) => material.includes(`<format>"${format}"</format>`))
  const numbers = of('summary').map(({ instructions }) =>
    /It is number (\d) of (\d) different texts/.exec(instructions),
  )
  expect(numbers.map((found) => found?.slice(1).join(' of ')).sort()).toEqual(['1 of 3', '2 of 3', '3 of 3'])
  for (const { instructions } of [...of('alt_text'), ...of('social_post')]) {
    expect(instructions).not.toContain('different texts for the same use')
  }
  expect(of('alt_text')[0]?.material).toContain('"tag":"de-CH"')
  expect(of('social_post')[0]?.material).toContain('"tag":"fr"')
  expect(of('social_post')[0]?.instructions).toContain('Write a post for Pinterest')
  for (const { material } of first) expect(material).not.toMatch(/<instruction>|<current_text>/)

  const owned = { jobId, userId: 'user-1' }
  const again = async (instruction?: string): Promise<Asked> => {
    await regenerateText(database, { ...owned, text: 4 }, instruction, { lifeMs: hour })
    await promoteDueVisionJobs(database, noCap)
    const asked = await work()
    expect(asked).toHaveLength(1)
    return asked[0] as Asked
  }
  const wanted = await again('Mention the handwriting, in fewer words than a haiku')
  expect(wanted.material).toContain('<instruction>"Mention the handwriting, in fewer words than a haiku"</instruction>')
  expect(wanted.material).toContain(`<current_text>${JSON.stringify(formats.alt_text.example)}</current_text>`)
  expect(wanted.instructions, 'whatever a user wants, it is material').not.toContain('haiku')
  const other = await again()
  expect(other.material).not.toContain('<instruction>')
  expect(other.instructions).toContain('write another one')

  await addTexts(database, owned, [{ outputFormat: 'summary', language: 'en' }], { lifeMs: hour })
  await promoteDueVisionJobs(database, noCap)
  const [fourth] = await work()
  expect(fourth?.instructions).toContain('It is number 4 of 4 different texts')
})
