import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  ConfigError,
  configKeys,
  loadApiConfig,
  loadBucketConfig,
  loadMigrationConfig,
  loadPollerConfig,
  loadStreamConfig,
} from '../core/config.ts'
import { userLimits } from '../core/jobs/allowance.ts'

const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
const secret = 'a secret of at least 32 bytes, as it must be'
const storage = { DATABASE_URL: 'mysql://ann:hidden-password@db.example/vision', BUCKET_NAME: 'images' }
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
