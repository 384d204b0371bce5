import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

const root = resolve(import.meta.dirname, '../..')

/** A vision model with OpenAI's wire, which enforces a schema. */
const adapter = `
import type { Model, ModelOptions } from './model.ts'
import { createOpenAiCompatible } from './openai-compatible.ts'

export function createModel(options: ModelOptions & { readonly settings: { readonly DETAIL: 'low' | 'high' } }): Model {
  return createOpenAiCompatible(options, {
    body: ({ instructions, input, image, schema, maxOutputTokens }) => {
      const url = image && \`data:\${image.type};base64,\${Buffer.from(image.bytes).toString('base64')}\`
      return {
        messages: [
          { role: 'system', content: instructions },
          {
            role: 'user',
            content: [
              ...(url ? [{ type: 'image_url' as const, image_url: { url, detail: options.settings.DETAIL } }] : []),
              { type: 'text', text: input },
            ],
          },
        ],
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { ...schema } } },
        max_tokens: maxOutputTokens,
      }
    },
  })
}
`
const entry = `
  defineProvider({
    name: 'mistral',
    title: 'Mistral',
    seesImages: true,
    wire: 'openai',
    baseUrl: 'https://api.mistral.ai/v1',
    model: 'pixtral-large',
    modelNames: { pattern: /^(mistral|pixtral|ministral)-/, like: 'a model of Mistral, like pixtral-large' },
    models: [{ names: /^pixtral-/, outputTokens: 32_000 }],
    prices: [{ model: 'pixtral-large', from: '2026-01-01', input: 2, cachedInput: 2, output: 6 }],
    rules: commonRules,
    own: { DETAIL: { setting: oneOf('low', 'high').or('high'), about: 'how closely it looks: low or high (high)' } },
    adapter: () => import('./mistral.ts'),
  }),
`
/** Does in the copy what the functions, the API and a deployment do. */
const driver = `
const config = () => import('./core/platform/config/poller.ts')
const given = JSON.parse(process.argv[3] ?? '{}')
const does = {
  /** What is said of each of some environments. */
  complaints: async () => {
    const { loadPollerConfig } = await config()
    return given.map((env: Record<string, string>) => {
      try {
        return loadPollerConfig(env)
      } catch (error) {
        return (error as Error).message
      }
    })
  },
  run: async () => {
    const [{ loadPollerConfig }, { createPoller }, { createMetrics }, { createImageIntake }, { openImageStore }, { createVisionJob }, { getStatus }, { viewStatus }] =
      await Promise.all([
        config(),
        import('./core/worker/create-worker.ts'),
        import('./core/platform/metrics.ts'),
        import('./core/images/intake.ts'),
        import('./core/images/store.ts'),
        import('./core/queue/create.ts'),
        import('./core/admin/status.ts'),
        import('./core/api/admin/view.ts'),
      ])
    const settings = loadPollerConfig(given)
    const lines: unknown[] = []
    const metrics = createMetrics({ service: 'test', write: (line: string) => lines.push(JSON.parse(line)), now: Date.now })
    const poller = createPoller(settings, { log: () => undefined, metrics, allowLoopbackHttp: false })
    const { database } = poller
    const store = openImageStore(settings)
    const taken = await createImageIntake(database, store, { allowLoopbackHttp: false }).take(given.IMAGE, 'ann')
    const { jobId } = await createVisionJob(
      database,
      { ...taken, analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en' },
      { userId: 'ann', maxRetries: 3, inFlightPerUser: 1_000, lifeMs: 86_400_000 },
    )
    await poller.drain({ deadline: performance.now() + 600_000 })
    const { providers } = viewStatus(await getStatus(database))
    await poller.close()
    store.close()
    return { jobId, providers, lines }
  },
  secrets: async () => {
    const made: string[] = []
    class Secret {
      readonly value: string
      constructor(name: string) {
        made.push(name)
        this.value = \`value of \${name}\`
      }
    }
    Object.assign(globalThis, { sst: { Secret } })
    const { readSettings } = await import('./infra/settings.ts')
    const { createSecrets } = await import('./infra/secrets.ts')
    const settings = readSettings({ ...given, DEPLOY_DATABASE: 'url' }, { dev: false })
    return { made, providers: createSecrets(settings).providers, handedOn: settings.environment.poller }
  },
}
process.stdout.write(JSON.stringify(await does[process.argv[2] as keyof typeof does]()))
`

let copy: string
let database: TestDatabase
let services: TestServices
let wire: WireServer

beforeAll(async () => {
  // What a provider needs is told by what is touched here: one file, one entry.
  copy = await mkdtemp(join(tmpdir(), 'third-provider-'))
  for (const part of ['core', 'drizzle', 'functions', 'infra', 'cli', 'dev', 'docs', 'package.json', 'tsconfig.json'])
    await cp(join(root, part), join(copy, part), { recursive: true })
  for (const example of ['.env.example', '.env.deploy.example']) await cp(join(root, example), join(copy, example))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await writeFile(join(copy, 'core/providers/mistral.ts'), adapter)
  const registry = join(copy, 'core/providers/registry.ts')
  const text = await readFile(registry, 'utf8')
  await writeFile(registry, text.replace('registry: readonly ProviderEntry[] = [', `$&${entry}`))
  await writeFile(join(copy, 'driver.ts'), driver)
  database = await createTestDatabase()
  services = await startTestServices()
  wire = await startWireServer()
})
afterAll(async () => {
  await wire.stop()
  await services.stop()
  await database.drop()
  await rm(copy, { recursive: true, force: true })
})

const settings = (changes: Readonly<Record<string, string>> = {}) => ({
  ...services.settings(database.url),
  ANALYSIS_PROVIDER: 'mistral',
  MISTRAL_API_KEY: 'the-key-of-mistral',
  MISTRAL_BASE_URL: wire.url,
  ...changes,
})

/** Runs a program of the copy. */
function node(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string }> {
  const quick = ['--import', join(root, 'dev/boot/quick-imports.mjs')]
  return promisify(execFile)(process.execPath, [...quick, ...args], { cwd: copy, env })
}

async function driven(what: string, given: unknown) {
  return JSON.parse((await node(['driver.ts', what, JSON.stringify(given)])).stdout)
}

const runOne = async (changes: Readonly<Record<string, string>> = {}) => {
  const image = await fixtureUrl('halves.png', 'image/png')
  const { jobId, ...seen } = await driven('run', settings({ IMAGE: image, ...changes }))
  const [job] = await database.sql(`SELECT status, error_code AS code FROM vision_jobs WHERE id = ${jobId}`)
  return { job, jobId, ...seen }
}

test('by one adapter and one entry another provider is configured, called, paid for, limited and watched', async () => {
  wire.answer({
    body: {
      model: 'pixtral-large-2601',
      choices: [{ message: { content: JSON.stringify(exampleJob.outputs.analysis?.result) }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 900, completion_tokens: 300 },
    },
  })
  const { job, jobId, providers } = await runOne({ MISTRAL_REQUESTS_PER_MINUTE: '2', MISTRAL_DETAIL: 'low' })
  expect(job).toEqual({ status: 'completed', code: null })
  const { url, detail } = JSON.parse(wire.requests[0] ?? '').messages[1].content[0].image_url
  expect(url).toMatch(/^data:image\/png;base64,/)
  expect(detail).toBe('low')
  expect(services.providers.calls.counts().gemini.total).toBe(0)
  // Nano-dollars: 900 tokens in at 2 dollars a million, 300 out at 6.
  expect(
    await database.sql(`SELECT analysis_model, analysis_cost FROM vision_job_attempts WHERE job_id = ${jobId}`),
  ).toEqual([{ analysis_model: 'pixtral-large-2601', analysis_cost: 3_600_000 }])
  // Its limit counts the call, and nobody else's does.
  expect(await database.sql('SELECT provider, tokens FROM vision_permits')).toEqual([
    { provider: 'mistral', tokens: 1_200 },
  ])
  expect(providers.map(({ name, callsLastMinute }: Record<string, unknown>) => [name, callsLastMinute])).toEqual([
    ['mistral', 1],
    ['gemini', 0],
    ['deepseek', 0],
  ])
}, 120_000)

test('its trouble is its own: the metrics tell it, and an operator can stop it', async () => {
  wire.answer({ status: 401, body: { error: { message: 'Unauthorized', code: 'invalid_api_key' } } })
  const { job, providers, lines } = await runOne()
  expect(job).toEqual({ status: 'scheduled', code: 'analysis.misconfigured' })
  expect(providers).toMatchObject([
    { name: 'mistral', state: 'paused', pauseCode: 'analysis.misconfigured' },
    { name: 'gemini', state: 'open' },
    { name: 'deepseek', state: 'open' },
  ])
  expect(lines).toContainEqual(expect.objectContaining({ provider: 'mistral', ProviderPaused: 1 }))
  expect(lines).toContainEqual(expect.objectContaining({ provider: 'gemini', ProviderPaused: 0 }))
  const { stdout } = await node(['cli/ops.ts', 'pause', '--provider', 'mistral'], { DATABASE_URL: database.url })
  expect(stdout).toMatch(/mistral +stopped/)
}, 120_000)

test('the configuration refuses what it cannot do, by the same words', async () => {
  const refused = [
    [
      'a name that is not registered',
      { CONTENT_PROVIDER: 'claude' },
      'CONTENT_PROVIDER must be one of mistral, gemini, deepseek (got: claude)',
    ],
    [
      'a provider without eyes for the analysis',
      { ANALYSIS_PROVIDER: 'deepseek' },
      'ANALYSIS_PROVIDER must be one of mistral, gemini: deepseek sees no images',
    ],
    ['no key of a provider that serves', { MISTRAL_API_KEY: '' }, 'MISTRAL_API_KEY is missing'],
    [
      'a model of somebody else',
      { MISTRAL_BASE_URL: '', MISTRAL_MODEL: 'gpt-5' },
      'MISTRAL_MODEL must be a model of Mistral, like pixtral-large (got: gpt-5)',
    ],
    ['a setting of its own', { MISTRAL_DETAIL: 'auto' }, 'MISTRAL_DETAIL must be one of low, high (got: auto)'],
    [
      'a model without a price where money is limited',
      { MISTRAL_MODEL: 'mistral-next', USER_DOLLARS_PER_DAY: '1' },
      'PRICES must have the model of MISTRAL_MODEL, mistral-next',
    ],
  ] as const
  const said = await driven(
    'complaints',
    refused.map(([, changes]) => settings(changes)),
  )
  for (const [index, [what, , why]] of refused.entries()) expect(said[index], what).toContain(why)
}, 120_000)

test('a deployment has its secret, and asks for none of a provider that serves no step', async () => {
  const env = {
    ANALYSIS_PROVIDER: 'mistral',
    MISTRAL_MODEL: 'pixtral-12b',
    AUTH_JWKS_URL: 'https://id.example/keys',
    AUTH_ISSUER: 'i',
    AUTH_AUDIENCE: 'a',
  }
  const { made, providers, handedOn } = await driven('secrets', env)
  expect(made).toEqual(expect.arrayContaining(['MistralApiKey', 'DeepseekApiKey']))
  expect(made).not.toContain('GeminiApiKey')
  expect(providers.MISTRAL_API_KEY).toEqual({ value: 'value of MistralApiKey' })
  expect(handedOn).toEqual({ ANALYSIS_PROVIDER: 'mistral', MISTRAL_MODEL: 'pixtral-12b' })
}, 120_000)

test('its types fit, and npm run docs writes its settings down', async () => {
  await node([join(root, 'node_modules/typescript/bin/tsc'), '--incremental', 'false'], {})
  await node(['dev/docs/write-reference-docs.ts'], {})
  for (const page of ['.env.example', 'docs/configuration.md']) {
    const text = await readFile(join(copy, page), 'utf8')
    expect(text, page).toContain('MISTRAL_API_KEY')
    expect(text, page).toContain('how closely it looks: low or high')
  }
}, 240_000)
