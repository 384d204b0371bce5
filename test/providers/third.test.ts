// @module-tag long
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect } from 'vitest'
import { exampleJob } from '../../core/api/jobs/examples.ts'
import { compileCache } from '../dev/child-processes.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { startWireServer, type WireServer } from '../support/providers/wire.ts'

const root = resolve(import.meta.dirname, '../..')

const part = (name: string) => readFile(join(root, 'test/fixtures/third-provider', `${name}.txt`), 'utf8')

let copy: string
let database: TestDatabase
let services: TestServices
let wire: WireServer

test.beforeAll(async ({ workerDatabase }) => {
  // What a provider needs is told by what is touched here: one file, one entry.
  copy = await mkdtemp(join(tmpdir(), 'third-provider-'))
  for (const part of ['core', 'drizzle', 'functions', 'infra', 'cli', 'dev', 'docs', 'package.json', 'tsconfig.json'])
    await cp(join(root, part), join(copy, part), { recursive: true })
  for (const example of ['.env.example', '.env.deploy.example']) await cp(join(root, example), join(copy, example))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await writeFile(join(copy, 'core/providers/adapters/mistral.ts'), await part('mistral.ts'))
  const registry = join(copy, 'core/providers/registry.ts')
  const text = await readFile(registry, 'utf8')
  const entry = await part('entry.ts')
  await writeFile(registry, text.replace('registry: readonly ProviderEntry[] = [', `$&\n${entry}`))
  await writeFile(join(copy, 'driver.ts'), await part('driver.ts'))
  database = workerDatabase
  services = await startTestServices()
  wire = await startWireServer()
})
afterAll(async () => {
  await wire.stop()
  await services.stop()
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
  return promisify(execFile)(process.execPath, [...quick, ...args], { cwd: copy, env: { ...compileCache(), ...env } })
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
      usage: { prompt_tokens: 900, completion_tokens: 300, prompt_tokens_details: { cached_tokens: 0 } },
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
  expect(
    providers.map(({ provider, callsLastMinute }: Record<string, unknown>) => [provider, callsLastMinute]),
  ).toEqual([
    ['mistral', 1],
    ['gemini', 0],
    ['deepseek', 0],
  ])
})

test('its failures are its own: the metrics tell them, and an operator can pause it', async () => {
  wire.answer({ status: 401, body: { error: { message: 'Unauthorized', code: 'invalid_api_key' } } })
  const { job, providers, lines } = await runOne()
  expect(job).toEqual({ status: 'scheduled', code: 'analysis.misconfigured' })
  expect(providers).toMatchObject([
    { provider: 'mistral', circuit: 'open', openCode: 'analysis.misconfigured' },
    { provider: 'gemini', circuit: 'closed' },
    { provider: 'deepseek', circuit: 'closed' },
  ])
  expect(lines).toContainEqual(expect.objectContaining({ provider: 'mistral', ProviderPaused: 1 }))
  expect(lines).toContainEqual(expect.objectContaining({ provider: 'gemini', ProviderPaused: 0 }))
  const { stdout } = await node(['cli/ops.ts', 'pause', '--provider', 'mistral'], { DATABASE_URL: database.url })
  expect(stdout).toMatch(/mistral +paused/)
})

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
})

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
})

test('its types fit, and npm run docs writes its settings down', async () => {
  // What knows the kinds of providers; all of the project would take the compiler three times as long.
  const compilerOptions = { incremental: false, tsBuildInfoFile: null }
  const project = { extends: './tsconfig.json', compilerOptions, include: ['core/providers', 'core/platform/config'] }
  await writeFile(join(copy, 'types.json'), JSON.stringify(project))
  await node(['node_modules/typescript/bin/tsc', '--project', 'types.json'])
  await node(['dev/docs/write-reference-docs.ts'])
  for (const page of ['.env.example', 'docs/configuration.md']) {
    const text = await readFile(join(copy, page), 'utf8')
    expect(text, page).toContain('MISTRAL_API_KEY')
    expect(text, page).toContain('how closely it looks: low or high')
  }
}, 240_000)
