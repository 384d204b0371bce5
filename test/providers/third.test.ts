import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { createImageIntake } from '../../core/images/intake.ts'
import { ConfigError, loadPollerConfig } from '../../core/platform/config.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { readGates, serveSteps } from '../../core/providers/circuit-breaker.ts'
import { commonRules, createOpenAiCompatible } from '../../core/providers/openai-compatible.ts'
import { createPrices } from '../../core/providers/prices.ts'
import { type ProviderEntry, registry, servingBy } from '../../core/providers/registry.ts'
import { createVisionJob } from '../../core/queue/create.ts'
import { createPoller } from '../../core/worker/create-worker.ts'
import type { ProviderScope } from '../../drizzle/schema.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

let database: TestDatabase
let services: TestServices
let wire: WireServer

beforeAll(async () => {
  database = await createTestDatabase()
  services = await startTestServices()
  wire = await startWireServer()
})
afterAll(async () => {
  serveSteps({ analysis: 'gemini', content: 'deepseek' })
  await wire.stop()
  await services.stop()
  await database.drop()
})

/** A vision model with OpenAI's wire, which enforces a schema. */
const mistral = (baseUrl: string): ProviderEntry => ({
  name: 'mistral',
  seesImages: true,
  limits: () => ({ requestsInFlight: 1 }),
  create: (_, common) =>
    createOpenAiCompatible(
      { ...common, apiKey: 'the-key-of-mistral', baseUrl, model: 'pixtral-test' },
      {
        rules: commonRules,
        body: ({ instructions, input, image, schema, maxOutputTokens }) => ({
          messages: [
            { role: 'system', content: instructions },
            {
              role: 'user',
              content: [
                ...(image
                  ? [
                      {
                        type: 'image_url' as const,
                        image_url: {
                          url: `data:${image.type};base64,${Buffer.from(image.bytes).toString('base64')}`,
                        },
                      },
                    ]
                  : []),
                { type: 'text', text: input },
              ],
            },
          ],
          response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { ...schema } } },
          max_tokens: maxOutputTokens,
        }),
      },
    ),
})

const settings = () => ({ ...services.settings(database.url), ANALYSIS_PROVIDER: 'mistral', MISTRAL_API_KEY: 'x' })

async function run(): Promise<{ readonly status: string; readonly code: string | null }> {
  const poller = createPoller(loadPollerConfig(settings()), {
    log: () => undefined,
    metrics: createMetrics({ service: 'test', write: () => undefined, now: Date.now }),
    allowLoopbackHttp: false,
    providers: [...registry, mistral(wire.url)],
  })
  const taken = await createImageIntake(database, services.store, { allowLoopbackHttp: false }).take(
    await fixtureUrl('halves.png', 'image/png'),
    'ann',
  )
  const { jobId } = await createVisionJob(
    database,
    { ...taken, analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en' },
    { userId: 'ann', maxRetries: 3, inFlightPerUser: 1_000, lifeMs: 86_400_000 },
  )
  await poller.drain({ deadline: performance.now() + 600_000 })
  await poller.close()
  const [job] = await database.sql(`SELECT status, error_code AS code FROM vision_jobs WHERE id = ${jobId}`)
  return job as { readonly status: string; readonly code: string | null }
}

test('another provider takes a step over by its entry alone, and its trouble is its own', async () => {
  const gemini = services.providers.calls.counts().gemini.total
  wire.answer({
    body: {
      model: 'pixtral-test-2601',
      choices: [{ message: { content: JSON.stringify(exampleJob.outputs.analysis?.result) }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 900, completion_tokens: 300 },
    },
  })
  expect(await run()).toEqual({ status: 'completed', code: null })
  expect(JSON.parse(wire.requests[0] ?? '').messages[1].content[0].image_url.url).toMatch(/^data:image\/png;base64,/)
  expect(services.providers.calls.counts().gemini.total).toBe(gemini)
  expect(await database.sql('SELECT analysis_model, analysis_cost FROM vision_job_attempts')).toEqual([
    { analysis_model: 'pixtral-test-2601', analysis_cost: null },
  ])

  wire.answer({ status: 401, body: { error: { message: 'Unauthorized', code: 'invalid_api_key' } } })
  expect(await run()).toEqual({ status: 'scheduled', code: 'analysis.misconfigured' })
  const states = await database.run(readGates)
  expect(states['mistral' as ProviderScope]).toMatchObject({ pauseCode: 'analysis.misconfigured' })
  expect(states['mistral' as ProviderScope].pausedMs).toBeGreaterThan(0)
  expect(states.gemini.pausedMs).toBe(0)
})

test.each([
  [
    'a name that is not registered',
    { ANALYSIS_PROVIDER: 'claude', CLAUDE_API_KEY: 'x' },
    /must be one of gemini, deepseek/,
  ],
  ['a provider without eyes for the analysis', { ANALYSIS_PROVIDER: 'deepseek' }, /deepseek sees no images/],
  ['no key of a provider that serves', { ANALYSIS_PROVIDER: 'claude' }, /CLAUDE_API_KEY is missing/],
])('the configuration refuses %s', (_, changes, why) => {
  const serve = () => {
    const config = loadPollerConfig({ ...services.settings(database.url), ...changes })
    return servingBy(config, { prices: createPrices([], Date.now), timeoutMs: 1_000, now: Date.now })
  }
  expect(serve).toThrow(why)
  expect(serve).toThrow(ConfigError)
})
