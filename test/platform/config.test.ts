import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { callTokens } from '../../core/domain/call-tokens.ts'
import { formats } from '../../core/pipeline/formats.ts'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { loadBucketConfig } from '../../core/platform/config/bucket.ts'
import { configKeys } from '../../core/platform/config/keys.ts'
import { ConfigError } from '../../core/platform/config/load.ts'
import { loadMigrationConfig } from '../../core/platform/config/migrate.ts'
import { loadPollerConfig, type PollerConfig } from '../../core/platform/config/poller.ts'
import { keyOf } from '../../core/platform/config/providers.ts'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { providerNames, registry } from '../../core/providers/registry.ts'
import { userLimits } from '../../core/usage/quotas.ts'

const example = await readFile(new URL('../../.env.example', import.meta.url), 'utf8')
const secret = 'a secret of at least 32 bytes, as it must be'
const tls = '?ssl={"rejectUnauthorized":true,"verifyIdentity":true}'
const storage = { DATABASE_URL: `mysql://ann:hidden-password@db.example/vision${tls}`, BUCKET_NAME: 'images' }
const api = { ...storage, AUTH_SECRET: secret }
const poller = { ...storage, GEMINI_API_KEY: 'g', DEEPSEEK_API_KEY: 'd' }

const seeing = registry.filter(({ seesImages }) => seesImages).map(({ name }) => name)

/** Where the providers are, under the keys that say so. */
const baseUrls = ({ providers }: PollerConfig) =>
  Object.fromEntries(Object.entries(providers).map(([name, { baseUrl }]) => [keyOf(name, 'BASE_URL'), baseUrl]))

const messageOf = (load: () => unknown): string => {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

test('.env.example has every key with a line of its own, and as it is it sets none', () => {
  expect(Object.keys(parseEnv(example)).toSorted()).toEqual([...configKeys, 'DATA_DIR', 'PORT'].toSorted())
  expect(Object.values(parseEnv(example)).filter((value) => value !== '')).toEqual([])
})

test('each entry point asks for what it uses and nothing else', () => {
  expect(loadApiConfig(api)).toMatchObject({ JOB_MAX_RETRIES: 3, JOB_EXPIRES_HOURS: 24 })
  expect(loadPollerConfig(poller)).toMatchObject({
    POLLER_CONCURRENCY: 50,
    POLLER_IDLE_SECONDS: 0,
    JOB_LEASE_SECONDS: 60,
    JOB_RENEW_SECONDS: 20,
  })
  expect(loadStreamConfig({ ...api, BUCKET_NAME: '' })).toMatchObject({
    STREAM_SECONDS: 60,
    STREAM_SESSIONS_PER_USER: 10,
  })
  expect(loadApiConfig({ ...api, ...poller })).not.toHaveProperty('GEMINI_API_KEY')
  expect(loadMigrationConfig(storage)).toEqual({ DATABASE_URL: storage.DATABASE_URL })
})

test('everything that is missing or wrong is named at once, and no value is told', () => {
  const message = messageOf(() =>
    loadPollerConfig({
      DATABASE_URL: 'postgres://x:hidden-password@y/z',
      JOB_LEASE_SECONDS: '-3',
      GEMINI_BASE_URL: 'no',
    }),
  )
  for (const key of [
    'DATABASE_URL',
    'BUCKET_NAME',
    'GEMINI_API_KEY',
    'DEEPSEEK_API_KEY',
    'JOB_LEASE_SECONDS',
    'GEMINI_BASE_URL',
  ]) {
    expect(message).toContain(key)
  }
  expect(message).not.toContain('hidden-password')
})

test('a key that was copied with a line break is taken without it, and one that no header can carry is refused', () => {
  const keys = { ...poller, GEMINI_API_KEY: 'AIza-key\n', S3_ACCESS_KEY_ID: 'id ', S3_SECRET_ACCESS_KEY: 'a secret' }
  const read = loadPollerConfig(keys)
  expect([read.providers.gemini?.apiKey, read.S3_ACCESS_KEY_ID, read.S3_SECRET_ACCESS_KEY]).toEqual([
    'AIza-key',
    'id',
    'a secret',
  ])
  for (const wrong of [' ', 'sk-one sk-two', 'sk-one\nsk-two', 'sk\u200b-one', '„sk-one“']) {
    const message = messageOf(() => loadPollerConfig({ ...poller, DEEPSEEK_API_KEY: wrong }))
    expect(message).toMatch(/DEEPSEEK_API_KEY must be the key and nothing else/)
    expect(message).not.toContain('one')
  }
})

describe('without a way to check tokens nothing starts', () => {
  test.each([
    [{}, /AUTH_SECRET is missing/],
    [{ AUTH_SECRET: '' }, /AUTH_SECRET is missing/],
    [{ AUTH_SECRET: 'too short' }, /AUTH_SECRET must be at least 32 bytes/],
    [{ AUTH_JWKS_URL: 'https://id.example/keys' }, /AUTH_ISSUER is missing(.|\n)*AUTH_AUDIENCE is missing/],
    [{ AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example' }, /AUTH_AUDIENCE is missing/],
    [{ AUTH_SECRET_PREVIOUS: secret }, /AUTH_SECRET is missing/],
    [{ AUTH_SECRET: secret, STREAM_SECRET_PREVIOUS: secret }, /STREAM_SECRET is missing/],
  ])('%o', (given, expected) => {
    expect(messageOf(() => loadApiConfig({ ...storage, ...given }))).toMatch(expected)
  })
})

describe('a database', () => {
  const load = (url: string) => loadMigrationConfig({ DATABASE_URL: url }).DATABASE_URL
  const sslOf = (url: string) => JSON.parse(new URL(load(url)).searchParams.get('ssl') ?? 'null')

  test.each([
    'mysql://ann:hidden-password@db.example/vision',
    'mysql://ann:hidden-password@10.0.0.7/vision',
    'mysql://ann:hidden-password@127.0.0.1.example/vision',
    'mysql://ann:hidden-password@db.example/vision?charset=utf8mb4',
  ])('off this machine has TLS, and the message says what to add: %s', (url) => {
    const message = messageOf(() => load(url))
    expect(message).toContain(`add ${tls}`)
    expect(message).not.toContain('hidden-password')
  })

  test.each(['true', 'Amazon%20RDS', '%5B%5D', '{"rejectUnauthorized"'])('has no ssl=%s', (ssl) => {
    expect(messageOf(() => load(`mysql://ann@db.example/vision?ssl=${ssl}`))).toContain('object in JSON')
  })

  test('is checked by name, unless that is switched off', () => {
    const at = 'mysql://ann:p%40ss@db.example/vision?charset=utf8mb4&ssl='
    expect(sslOf(`${at}{"rejectUnauthorized":true}`)).toEqual({ rejectUnauthorized: true, verifyIdentity: true })
    expect(sslOf(`${at}{"ca":"a"}`)).toEqual({ ca: 'a', verifyIdentity: true })
    expect(load(`${at}{"ca":"a"}`)).toMatch(/^mysql:\/\/ann:p%40ss@db\.example\/vision\?charset=utf8mb4&ssl=/)
    for (const decided of ['{"verifyIdentity":false}', '{"rejectUnauthorized":false}']) {
      expect(load(at + decided)).toBe(at + decided)
    }
  })

  test.each([
    'mysql://root@127.0.0.1:3306/vision',
    'mysql://root@127.0.0.2/vision',
    'mysql://root@localhost/vision',
    'mysql://root@[::1]/vision',
    'mysql://root@db/vision?socketPath=/run/mysqld.sock',
  ])('on this machine needs none: %s', (url) => {
    expect(load(url)).toBe(url)
  })
})

describe('what is sent over the web is not sent in the clear', () => {
  const keys = { AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }
  test.each([
    ['AUTH_JWKS_URL', (url: string) => loadApiConfig({ ...storage, ...keys, AUTH_JWKS_URL: url })],
    ['AUTH_JWKS_URL', (url: string) => loadStreamConfig({ ...api, ...keys, AUTH_JWKS_URL: url })],
    ['STREAM_URL', (url: string) => loadApiConfig({ ...api, STREAM_URL: url })],
    ['S3_ENDPOINT', (url: string) => loadBucketConfig({ ...storage, S3_ENDPOINT: url })],
    ['GEMINI_BASE_URL', (url: string) => baseUrls(loadPollerConfig({ ...poller, GEMINI_BASE_URL: url }))],
    ['DEEPSEEK_BASE_URL', (url: string) => baseUrls(loadPollerConfig({ ...poller, DEEPSEEK_BASE_URL: url }))],
  ])('%s', (key, load) => {
    for (const url of [
      'http://id.example/x',
      'http://127.0.0.1.example',
      'http://10.0.0.7',
      'ftp://id.example',
      'no',
    ]) {
      expect(messageOf(() => load(url))).toContain(`${key} must be`)
    }
    for (const url of ['https://id.example/x', 'http://127.0.0.1:3000', 'http://localhost/x', 'http://[::1]:3000']) {
      expect(load(url)).toHaveProperty(key, url)
    }
  })
})

test('tickets need a secret, where there are streams', () => {
  const jwks = { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example', AUTH_AUDIENCE: 'api' }
  const stream = { ...storage, ...jwks }
  expect(messageOf(() => loadStreamConfig(stream))).toMatch(/STREAM_SECRET is missing/)
  expect(loadStreamConfig({ ...stream, STREAM_SECRET: secret })).toBeDefined()
  expect(loadApiConfig(stream)).toBeDefined()
  expect(messageOf(() => loadApiConfig({ ...stream, STREAM_URL: 'https://a.example' }))).toMatch(
    /STREAM_SECRET is missing/,
  )
  expect(loadApiConfig({ ...api, STREAM_URL: 'https://a.example' })).toBeDefined()
})

test('a lease must have room for two renewals', () => {
  expect(messageOf(() => loadPollerConfig({ ...poller, JOB_LEASE_SECONDS: '30' }))).toMatch(/JOB_RENEW_SECONDS/)
  expect(loadPollerConfig({ ...poller, JOB_LEASE_SECONDS: '30', JOB_RENEW_SECONDS: '15' })).toBeDefined()
})

test('uploads are kept for seven whole days or more', () => {
  expect(loadBucketConfig(storage)).toEqual({
    BUCKET_NAME: 'images',
    AWS_REGION: 'us-east-1',
    UPLOAD_RETENTION_DAYS: 7,
  })
  expect(loadBucketConfig({ ...storage, UPLOAD_RETENTION_DAYS: '30' }).UPLOAD_RETENTION_DAYS).toBe(30)
  for (const days of ['6', '0', '7.5', 'a week']) {
    expect(messageOf(() => loadBucketConfig({ ...storage, UPLOAD_RETENTION_DAYS: days }))).toMatch(
      /UPLOAD_RETENTION_DAYS/,
    )
  }
})

describe('prices', () => {
  const price = { model: 'a-model', from: '2026-11-01', input: 1, cachedInput: 0.1, output: 2.5 }
  const load = (text: string) => loadPollerConfig({ ...poller, PRICES: text }).PRICES

  test('are a list in JSON, or none', () => {
    expect(loadPollerConfig(poller).PRICES).toEqual([])
    const peak = { hours: [[1, 4]], input: 2, cachedInput: 0.2, output: 5 }
    expect(load(JSON.stringify([price, { ...price, peak }]))).toEqual([price, { ...price, peak }])
  })

  test.each([
    ['not json', /PRICES must be a list of prices in JSON: it is no JSON/],
    [JSON.stringify(price), /PRICES must be a list/],
    [JSON.stringify([{ ...price, output: undefined }]), /PRICES must be a list.*output/],
    [JSON.stringify([{ ...price, input: -1 }]), /PRICES must be a list.*input/],
    [JSON.stringify([{ ...price, from: 'today' }]), /PRICES must be a list.*from/],
    [JSON.stringify([{ ...price, currency: 'EUR' }]), /PRICES must be a list.*currency/],
  ])('%s is refused at the start', (text, expected) => {
    expect(messageOf(() => load(text))).toMatch(expected)
  })
})

test('a user’s limits are counted in jobs and whole nano-dollars', () => {
  expect(userLimits(loadApiConfig(api))).toEqual({ jobsPerDay: 10_000, jobsWaiting: 10_000, costPerDay: undefined })
  const given = { USER_JOBS_PER_DAY: '5', USER_JOBS_WAITING: '3', USER_DOLLARS_PER_DAY: '0.07' }
  expect(userLimits(loadApiConfig({ ...api, ...given }))).toEqual({
    jobsPerDay: 5,
    jobsWaiting: 3,
    costPerDay: 70_000_000,
  })
  expect(messageOf(() => loadApiConfig({ ...api, USER_DOLLARS_PER_DAY: '0' }))).toMatch(/USER_DOLLARS_PER_DAY/)
})

describe('a message says what is wrong with a value, and what the value is where it is no secret', () => {
  test.each([
    [{ JOB_LEASE_SECONDS: '-3' }, 'JOB_LEASE_SECONDS must be a number above 0 (got: -3)'],
    [{ POLLER_CONCURRENCY: '2.5' }, 'POLLER_CONCURRENCY must be a whole number from 1 to 100 (got: 2.5)'],
    [{ POLLER_CONCURRENCY: 'many' }, 'POLLER_CONCURRENCY must be a whole number from 1 to 100 (got: many)'],
    [{ JOB_IN_FLIGHT_PER_USER: '0' }, 'JOB_IN_FLIGHT_PER_USER must be a whole number of 1 or more (got: 0)'],
    [
      { POLLER_IMAGE_MEGABYTES: '39' },
      'must be a whole number of 40 or more, the largest images of two users (got: 39)',
    ],
    [{ POLLER_IDLE_SECONDS: ' ' }, 'POLLER_IDLE_SECONDS must be a number of 0 or more'],
    [{ GEMINI_TEMPERATURE: '3' }, 'GEMINI_TEMPERATURE must be a number from 0 to 2 (got: 3)'],
    [{ LOG_LEVEL: 'verbose' }, 'LOG_LEVEL must be one of debug, info, warn, error (got: verbose)'],
    [{ CONTENT_PROVIDER: 'claude' }, `CONTENT_PROVIDER must be one of ${providerNames.join(', ')} (got: claude)`],
    [
      { CONTENT_PROVIDER: 'constructor' },
      `CONTENT_PROVIDER must be one of ${providerNames.join(', ')} (got: constructor)`,
    ],
    [
      { ANALYSIS_PROVIDER: 'deepseek' },
      `ANALYSIS_PROVIDER must be one of ${seeing.join(', ')}: deepseek sees no images`,
    ],
    [{ GEMINI_API_KEY: '' }, 'GEMINI_API_KEY is missing'],
    [
      { GEMINI_SAFETY: 'AIzaSy-a-key-that-went-astray-0123456789' },
      'GEMINI_SAFETY must be one of off, none, few, some, most',
    ],
    [{ DATABASE_URL: 'postgres://x:hidden-password@y/z' }, 'DATABASE_URL must be a URL like mysql://'],
  ])('%o', (given, expected) => {
    const message = messageOf(() => loadPollerConfig({ ...poller, ...given }))
    expect(message).toContain(expected)
    expect(message).not.toMatch(/hidden-password|AIza/)
    expect(message.split('\n')).toHaveLength(2)
  })

  test('a secret is not told, however short', () => {
    expect(messageOf(() => loadApiConfig({ ...storage, AUTH_SECRET: 'tooshort' }))).not.toContain('tooshort')
  })
})

describe('the models, limits and prices of the providers that serve a step are checked at the start', () => {
  const load = (given: Readonly<Record<string, string>>) => loadPollerConfig({ ...poller, ...given })

  test.each([
    [{ GEMINI_MODEL: 'gpt-5' }, 'GEMINI_MODEL must be a model of Gemini, like gemini-3.5-flash-lite (got: gpt-5)'],
    [{ GEMINI_MODEL: 'models/gemini-3.5-flash-lite' }, 'GEMINI_MODEL must be a model of Gemini'],
    [{ DEEPSEEK_MODEL: 'DeepSeek V4' }, 'DEEPSEEK_MODEL must be a model of DeepSeek, like deepseek-flash'],
    [
      { GEMINI_THINKING: 'much' },
      'GEMINI_THINKING must be one of minimal, low, medium, high, or tokens from -1 to 32768 (got: much)',
    ],
    [
      { GEMINI_MODEL: 'gemini-3-pro-preview', GEMINI_THINKING: 'medium' },
      'GEMINI_THINKING must be one of low, high for gemini-3-pro-preview (got: medium)',
    ],
    [
      { GEMINI_MODEL: 'gemini-2.5-flash', GEMINI_THINKING: 'low' },
      'GEMINI_THINKING must be tokens from 1 to 24576, 0 for none, or -1',
    ],
    [
      { GEMINI_MODEL: 'gemini-2.5-pro', GEMINI_THINKING: '0' },
      'GEMINI_THINKING must be tokens from 128 to 32768, or -1',
    ],
    [
      { GEMINI_MODEL: 'gemini-2.0-flash', GEMINI_THINKING: 'high' },
      'GEMINI_MODEL must be a model that may answer with 20480 tokens, or less in GEMINI_THINKING: gemini-2.0-flash ends at 8192',
    ],
    [
      { GEMINI_TOKENS_PER_MINUTE: '1000' },
      'GEMINI_TOKENS_PER_MINUTE must be 7096 or more, what one call may take (got: 1000)',
    ],
    [{ GEMINI_TOKENS_PER_MINUTE: '8000', GEMINI_THINKING: 'medium' }, 'GEMINI_TOKENS_PER_MINUTE must be 15288 or more'],
    [
      { USER_DOLLARS_PER_DAY: '1', DEEPSEEK_MODEL: 'deepseek-next' },
      'PRICES must have the model of DEEPSEEK_MODEL, deepseek-next: USER_DOLLARS_PER_DAY cannot be kept without its price',
    ],
    [
      { USER_DOLLARS_PER_DAY: '1', GEMINI_MODEL: 'gemini-9', DEEPSEEK_MODEL: 'deepseek-next' },
      'GEMINI_MODEL, gemini-9, and DEEPSEEK_MODEL, deepseek-next',
    ],
  ])('%o', (given, expected) => {
    expect(messageOf(() => load(given))).toContain(expected)
  })

  test('those of one that serves none are not', () => {
    const changes = {
      ANALYSIS_PROVIDER: 'gemini',
      CONTENT_PROVIDER: 'gemini',
      DEEPSEEK_MODEL: 'gpt-5',
      DEEPSEEK_API_KEY: '',
    }
    expect(load({ ...changes, DEEPSEEK_TOKENS_PER_MINUTE: '1' }).warnings).toEqual([])
  })

  test('a model that is newer than what is known passes, and what could not be checked is said', () => {
    expect(load({}).warnings).toEqual([])
    expect(load({ GEMINI_MODEL: 'gemini-9-ultra', GEMINI_THINKING: 'high' }).warnings).toEqual([
      expect.stringContaining('GEMINI_MODEL, gemini-9-ultra: its limits are assumed'),
      expect.stringContaining('The price of the model of GEMINI_MODEL, gemini-9-ultra, is not known'),
    ])
    const price = { model: 'gemini-9-ultra', from: '2026-01-01', input: 1, cachedInput: 1, output: 1 }
    const limited = { GEMINI_MODEL: 'gemini-9-ultra', USER_DOLLARS_PER_DAY: '1', PRICES: JSON.stringify([price]) }
    expect(load(limited).warnings).toEqual([expect.stringContaining('its limits are assumed')])
  })

  test('elsewhere than at the provider’s own API a model may have any name', () => {
    const proxy = { GEMINI_BASE_URL: 'https://proxy.example', GEMINI_MODEL: 'google/gemini-3.5-flash' }
    expect(load(proxy).providers.gemini).toMatchObject({
      model: 'google/gemini-3.5-flash',
      baseUrl: 'https://proxy.example',
    })
  })

  test('a price holds from its day on, by the clock that is given', () => {
    const price = { model: 'deepseek-next', from: '2030-01-01', input: 1, cachedInput: 1, output: 1 }
    const given = {
      ...poller,
      USER_DOLLARS_PER_DAY: '1',
      DEEPSEEK_MODEL: 'deepseek-next',
      PRICES: JSON.stringify([price]),
    }
    expect(messageOf(() => loadPollerConfig(given, () => Date.parse('2029-12-31')))).toContain('PRICES must have')
    expect(loadPollerConfig(given, () => Date.parse('2030-01-02'))).toBeDefined()
  })

  test('what a call is said to take is what calls ask for', () => {
    const outputs = Object.values(formats).map(({ maxOutputTokens }) => maxOutputTokens)
    expect(Math.max(...outputs)).toBe(callTokens.content.output)
  })
})
