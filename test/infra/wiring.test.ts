import { beforeAll, describe, expect, test } from 'vitest'
import { functionKeys } from '../../core/platform/config/keys.ts'
import { stackSettings } from '../../dev/settings/stack-settings.ts'
import { settableKeys } from '../../infra/settings.ts'
import { type Deployment, deploy, secrets } from './support/deployment.ts'
import { environmentOf } from './support/look.ts'

// What `npm start` runs and what is deployed is one wiring, also in what each is given: see test/wiring.test.ts.

/** The keys of a storage and of providers that are emulated: dev/parts. */
const storage = { BUCKET_NAME: 'b', S3_ENDPOINT: 'e', S3_ACCESS_KEY_ID: 'i', S3_SECRET_ACCESS_KEY: 's' }
const providers = { GEMINI_API_KEY: 'k', GEMINI_BASE_URL: 'u', DEEPSEEK_API_KEY: 'k', DEEPSEEK_BASE_URL: 'u' }
/** Settings that a person may set for either, each for the functions that read it. */
const chosen = {
  LOG_LEVEL: 'warn',
  JOB_IN_FLIGHT_PER_USER: '7',
  JOB_LEASE_SECONDS: '50',
  STREAM_SECONDS: '30',
  USER_JOBS_PER_DAY: '9',
  WAITS_PER_USER: '2',
  POLLER_CONCURRENCY: '12',
  GEMINI_REQUESTS_PER_MINUTE: '100',
}

let deployed: Deployment
const local = stackSettings(chosen, { databaseUrl: 'd', authSecret: 'a', storage, providers })
beforeAll(async () => {
  deployed = await deploy({ env: { DEPLOY_DATABASE: 'url', ...chosen }, secrets })
})

const functions = { api: 'ApiHandler', stream: 'Stream', poller: 'PollerHandler' } as const

describe.each(['api', 'stream', 'poller'] as const)('%s', (name) => {
  const read: readonly string[] = functionKeys[name]
  const given = () => Object.keys(environmentOf(deployed, functions[name]))
  const here = Object.keys(local).filter((key) => read.includes(key))
  /** What the function finds out by itself: its names on Lambda. */
  const unread = () => given().filter((key) => !read.includes(key))

  test('is given what it reads and nothing else', () => {
    expect(unread()).toEqual([])
  })

  test('is given by npm start what the deployment gives it, but for what only Lambda has', () => {
    const less = {
      // Workers are rung by a bell, and streams are of the same process; links are signed by AUTH_SECRET.
      api: ['POLLER_FUNCTION', 'POLLER_MAX', 'POWERTOOLS_SERVICE_NAME', 'STREAM_SECRET', 'STREAM_URL'],
      stream: ['POWERTOOLS_SERVICE_NAME', 'STREAM_SECRET'],
      poller: ['POLLER_MAX', 'POWERTOOLS_SERVICE_NAME'],
    }
    expect(
      given()
        .filter((key) => !here.includes(key))
        .toSorted(),
    ).toEqual(less[name])
  })

  test('is given nothing else by npm start but where the emulators are, and what one process for all needs', () => {
    const s3 = ['S3_ACCESS_KEY_ID', 'S3_ENDPOINT', 'S3_SECRET_ACCESS_KEY']
    const more = {
      api: ['API_DATABASE_CONNECTIONS', ...s3],
      stream: [],
      poller: ['DEEPSEEK_BASE_URL', 'GEMINI_BASE_URL', 'POLLER_IDLE_SECONDS', ...s3],
    }
    const keys = given()
    expect(here.filter((key) => !keys.includes(key)).toSorted()).toEqual(more[name])
  })

  test('has each setting that a person chose in both, as it was chosen', () => {
    const both = Object.entries(chosen).filter(([key]) => read.includes(key))
    expect(both.length).toBeGreaterThan(1)
    for (const [key, value] of both) {
      expect([key, settableKeys.includes(key)]).toEqual([key, true])
      expect([key, environmentOf(deployed, functions[name])[key], local[key]]).toEqual([key, value, value])
    }
  })
})
