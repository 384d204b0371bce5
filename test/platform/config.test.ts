import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { loadBucketConfig } from '../../core/platform/config/bucket.ts'
import { configKeys } from '../../core/platform/config/keys.ts'
import { ConfigError } from '../../core/platform/config/load.ts'
import { loadMigrationConfig } from '../../core/platform/config/migrate.ts'
import { loadPollerConfig } from '../../core/platform/config/poller.ts'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { userLimits } from '../../core/usage/quotas.ts'

const example = await readFile(new URL('../../.env.example', import.meta.url), 'utf8')
const secret = 'a secret of at least 32 bytes, as it must be'
const tls = '?ssl={"rejectUnauthorized":true,"verifyIdentity":true}'
const storage = { DATABASE_URL: `mysql://ann:hidden-password@db.example/vision${tls}`, BUCKET_NAME: 'images' }
const api = { ...storage, AUTH_SECRET: secret }
const poller = { ...storage, GEMINI_API_KEY: 'g', DEEPSEEK_API_KEY: 'd' }

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
    POLLER_CONCURRENCY: 25,
    POLLER_IDLE_SECONDS: 75,
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

describe('without a way to check tokens nothing starts', () => {
  test.each([
    [{}, /AUTH_SECRET is missing/],
    [{ AUTH_SECRET: '' }, /AUTH_SECRET is missing/],
    [{ AUTH_SECRET: 'too short' }, /AUTH_SECRET must be at least 32 bytes/],
    [{ AUTH_JWKS_URL: 'https://id.example/keys' }, /AUTH_ISSUER is missing(.|\n)*AUTH_AUDIENCE is missing/],
    [{ AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example' }, /AUTH_AUDIENCE is missing/],
    [{ AUTH_SECRET_PREVIOUS: secret }, /AUTH_SECRET is missing/],
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

  test('is looked at by name, unless somebody has decided otherwise', () => {
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
    ['GEMINI_BASE_URL', (url: string) => loadPollerConfig({ ...poller, GEMINI_BASE_URL: url })],
    ['DEEPSEEK_BASE_URL', (url: string) => loadPollerConfig({ ...poller, DEEPSEEK_BASE_URL: url })],
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
