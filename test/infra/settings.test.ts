import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { appRouter, resources } from '../../core/api/router.ts'
import { operationsOf } from '../../core/http/operations.ts'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { configKeys } from '../../core/platform/config/keys.ts'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { deployKeys, readSettings, SettingsError, settableKeys } from '../../infra/settings.ts'
import { deploy, secrets } from './support/deployment.ts'
import { all, environmentOf, functionOf, one, permissionsOf } from './support/look.ts'
import { root } from './support/platform.ts'

const DEPLOY_DATABASE = 'url'

function refusal(env: Record<string, string>): string {
  try {
    readSettings({ DEPLOY_DATABASE, ...env }, { dev: false })
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

describe('what does not agree is refused, and told in full', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'a poller whose time ends before its last job does',
      { DEPLOY_POLLER_SECONDS: '140' },
      'DEPLOY_POLLER_SECONDS must be at least 150',
    ],
    [
      'steps that take longer than the poller has',
      { STEP_TIMEOUT_SECONDS: '150' },
      'DEPLOY_POLLER_SECONDS must be at least 330',
    ],
    [
      'a lease that outlives its worker',
      { JOB_LEASE_SECONDS: '300' },
      'JOB_LEASE_SECONDS must be less than DEPLOY_POLLER_SECONDS',
    ],
    [
      'a lease that is renewed too late',
      { JOB_LEASE_SECONDS: '30' },
      'JOB_RENEW_SECONDS must be at most half of JOB_LEASE_SECONDS',
    ],
    ['a stream that outlives its function', { STREAM_SECONDS: '900' }, 'STREAM_SECONDS must be at most 885'],
    ['more jobs than memory', { POLLER_CONCURRENCY: '100' }, 'DEPLOY_POLLER_MEMORY must be at least 1030'],
    ['more images than memory', { POLLER_IMAGE_MEGABYTES: '200' }, 'DEPLOY_POLLER_MEMORY must be at least 1635'],
    [
      'a key of a provider sent in the clear',
      { GEMINI_BASE_URL: 'http://gemini.example' },
      'GEMINI_BASE_URL must be https',
    ],
    ['tokens that nobody can check', { AUTH_JWKS_URL: 'https://id.example/jwks' }, 'AUTH_ISSUER is missing'],
    ['a time that no function has', { DEPLOY_POLLER_SECONDS: '901' }, 'DEPLOY_POLLER_SECONDS'],
    ['an origin that no browser sends', { DEPLOY_ORIGINS: 'https://app.example/' }, 'DEPLOY_ORIGINS must be origins'],
    [
      'a page that others can change on its way',
      { DEPLOY_ORIGINS: 'https://app.example,http://admin.example' },
      'DEPLOY_ORIGINS must be origins',
    ],
    [
      'keys to check tokens with that others can change on their way',
      { AUTH_JWKS_URL: 'http://id.example/jwks', AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' },
      'AUTH_JWKS_URL must be https',
    ],
    [
      'keys on the machine of whoever deploys',
      { AUTH_JWKS_URL: 'http://127.0.0.1:3000/jwks', AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' },
      'AUTH_JWKS_URL must be https',
    ],
    [
      'a ceiling of the storage below which it cannot grow',
      { DEPLOY_DATABASE_MAX_GIGABYTES: '20' },
      'DEPLOY_DATABASE_MAX_GIGABYTES',
    ],
    ['a budget that nobody is told about', { DEPLOY_BUDGET_DOLLARS: '300' }, 'DEPLOY_ALARM_EMAIL is missing'],
    ['a database that nobody chose', { DEPLOY_DATABASE: '' }, 'DEPLOY_DATABASE must be rds'],
  ])('%s', (_what, env, message) => {
    expect(refusal(env)).toContain(message)
  })

  test.each([
    [
      'DEPLOY_DATABASE',
      'oracle',
      'must be rds (a private MySQL of its own) or url (the secret DatabaseUrl) (got: oracle)',
    ],
    ['DEPLOY_NAT', 'none', 'must be one of ec2, managed (got: none)'],
    ['DEPLOY_API_RATE', 'many', 'must be a whole number of 1 or more (got: many)'],
    [
      'DEPLOY_POLLER_SECONDS',
      '901',
      'must be a whole number from 1 to 900, the longest that Lambda runs a function (got: 901)',
    ],
    [
      'DEPLOY_LOG_RETENTION',
      '1 day',
      'must be one of 1 week, 2 weeks, 1 month, 3 months, 6 months, 1 year, forever (got: 1 day)',
    ],
    ['DEPLOY_DOMAIN', 'https://a.example', 'must be a domain name like api.example.com'],
    ['DEPLOY_ALARM_EMAIL', 'ops', 'must be one email address like ops@example.com'],
    [
      'UPLOAD_RETENTION_DAYS',
      '2',
      'must be a whole number of 7 or more, since a job may be retried days after its image was uploaded',
    ],
  ])('%s says what to set instead of %s', (key, value, why) => {
    expect(refusal({ [key]: value })).toContain(`  ${key} ${why}`)
  })

  test('everything at once', () => {
    const message = refusal({
      DEPLOY_DATABASE: 'oracle',
      DEPLOY_NAT: 'none',
      JOB_LEASE_SECONDS: '-1',
      STREAM_SECONDS: 'x',
    })
    for (const key of ['DEPLOY_DATABASE', 'DEPLOY_NAT', 'JOB_LEASE_SECONDS', 'STREAM_SECONDS']) {
      expect(message).toContain(key)
    }
  })

  test('what just agrees is taken', () => {
    const settings = { DEPLOY_POLLER_SECONDS: '225', STREAM_SECONDS: '885', POLLER_IMAGE_MEGABYTES: '88' }
    expect(readSettings({ DEPLOY_DATABASE, ...settings }, { dev: false }).DEPLOY_POLLER_SECONDS).toBe(225)
  })

  test('a line of .env that is empty but for its comment sets nothing, though SST reads the comment as its value', () => {
    const env = { DEPLOY_DATABASE, DEPLOY_NAT: '# ec2, or managed (ec2)', JOB_LEASE_SECONDS: '# how long (60)' }
    const settings = readSettings(env, { dev: false })
    expect(settings.DEPLOY_NAT).toBe('ec2')
    expect(settings.environment.poller).toEqual({})
  })

  test('before anything is made', async () => {
    const deployed = await deploy({ env: { DEPLOY_DATABASE, JOB_LEASE_SECONDS: '300' } })
    expect(deployed.errors.join()).toContain('JOB_LEASE_SECONDS must be less than')
    expect(deployed.resources.map(({ type }) => type)).toEqual(['pulumi:pulumi:Stack'])
  })
})

describe('what is set', () => {
  test('reaches the functions that it is for, and no others', async () => {
    const deployed = await deploy({
      env: {
        DEPLOY_DATABASE,
        DEPLOY_POLLER_MAX: '5',
        DEPLOY_STREAM_CONCURRENCY: '50',
        DEPLOY_POLLER_MEMORY: '2048',
        DEPLOY_LOG_RETENTION: '1 week',
        DEPLOY_ORIGINS: 'https://app.example, https://admin.example',
        DEPLOY_ALARM_OLDEST_MINUTES: '3',
        STREAM_SECONDS: '120',
        POLLER_CONCURRENCY: '10',
        AUTH_JWKS_URL: 'https://id.example/jwks',
        AUTH_ISSUER: 'https://id.example',
        AUTH_AUDIENCE: 'vision',
        // None of these is for what is deployed.
        DATABASE_URL: 'mysql://root@127.0.0.1/vision',
        S3_ENDPOINT: 'http://127.0.0.1:9000',
        GEMINI_API_KEY: 'of-a-laptop',
      },
      // With a JWKS there is no secret that signs tokens, so the tickets have one of their own.
      secrets: {
        GeminiApiKey: 'gemini-key',
        DeepseekApiKey: 'deepseek-key',
        DatabaseUrl: 'mysql://user:hidden@planetscale.example/vision?ssl={"rejectUnauthorized":true}',
        StreamSecret: 'a stream secret of at least thirty-two bytes',
      },
    })
    expect(deployed.errors).toEqual([])
    expect(functionOf(deployed, 'PollerHandler')).toMatchObject({ reservedConcurrentExecutions: 5, memorySize: 2048 })
    expect(functionOf(deployed, 'Stream')).toMatchObject({ reservedConcurrentExecutions: 50, timeout: 135 })
    expect(functionOf(deployed, 'ApiHandler').reservedConcurrentExecutions).toBeUndefined()
    expect(all(deployed, 'aws:cloudwatch/logGroup:LogGroup').map(({ inputs }) => inputs.retentionInDays)).toEqual([
      7, 7, 7, 7, 7,
    ])
    const jwks = {
      AUTH_JWKS_URL: 'https://id.example/jwks',
      AUTH_ISSUER: 'https://id.example',
      AUTH_AUDIENCE: 'vision',
    }
    expect(environmentOf(deployed, 'Stream')).toMatchObject({ ...jwks, STREAM_SECONDS: '120' })
    expect(environmentOf(deployed, 'ApiHandler')).toMatchObject(jwks)
    expect(environmentOf(deployed, 'ApiHandler')).not.toHaveProperty('AUTH_SECRET')
    expect(() => loadApiConfig(environmentOf(deployed, 'ApiHandler'))).not.toThrow()
    expect(() => loadStreamConfig(environmentOf(deployed, 'Stream'))).not.toThrow()
    const poller = environmentOf(deployed, 'PollerHandler')
    expect(poller).toMatchObject({ POLLER_CONCURRENCY: '10', GEMINI_API_KEY: 'gemini-key' })
    for (const key of ['AUTH_JWKS_URL', 'S3_ENDPOINT', 'STREAM_SECONDS']) expect(poller).not.toHaveProperty(key)
    expect(poller.DATABASE_URL).toContain('planetscale.example')
    expect(one(deployed, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'OldestDue').inputs.threshold).toBe(180)
    expect(permissionsOf(deployed, 'Stream').may.filter((may) => !may.includes('xray:'))).toEqual([])

    const origins = ['https://app.example', 'https://admin.example']
    // Pages of those may call whatever there is, with every header that a call takes.
    const operations = operationsOf(appRouter, resources)
    const methods = [...new Set(operations.map(({ method }) => method))]
    const taken = operations.flatMap(({ meta }) => [
      ...(meta.conditional ? ['if-match'] : []),
      ...(meta.versioned ? ['if-none-match'] : []),
      ...(meta.idempotent ? ['idempotency-key'] : []),
      ...(meta.waits ? ['prefer'] : []),
    ])
    const { corsConfiguration } = one(deployed, 'aws:apigatewayv2/api:Api').inputs
    expect(corsConfiguration).toMatchObject({
      allowOrigins: origins,
      allowMethods: expect.arrayContaining(methods),
      allowHeaders: expect.arrayContaining([...new Set(taken)]),
    })
    expect(one(deployed, 'aws:lambda/functionUrl:FunctionUrl').inputs.cors).toMatchObject({
      allowOrigins: origins,
      allowMethods: ['GET'],
    })
    expect(one(deployed, 'aws:s3/bucketCorsConfiguration:BucketCorsConfiguration').inputs.corsRules).toMatchObject([
      { allowedOrigins: origins, allowedMethods: ['GET', 'HEAD', 'POST'] },
    ])
  })

  test('a domain is the address of the API', async () => {
    const deployed = await deploy({ env: { DEPLOY_DATABASE, DEPLOY_DOMAIN: 'api.example.com' } })
    expect(deployed.errors).toEqual([])
    expect(one(deployed, 'aws:apigatewayv2/domainName:DomainName').inputs.domainName).toBe('api.example.com')
    expect(deployed.outputs.api).toBe('https://api.example.com')
  })

  test('while the secret that signs tokens is being rotated, the API and the stream know the one before', async () => {
    const previous = 'the one before, of at least thirty-two bytes'
    const deployed = await deploy({ secrets: { ...secrets, AuthSecretPrevious: previous } })
    for (const name of ['ApiHandler', 'Stream']) {
      expect(environmentOf(deployed, name)).toMatchObject({ AUTH_SECRET_PREVIOUS: previous })
    }
    expect(environmentOf(deployed, 'PollerHandler')).not.toHaveProperty('AUTH_SECRET_PREVIOUS')
  })

  test('a secret without a value stops the deployment with the command that sets it', async () => {
    const deployed = await deploy({ secrets: {} })
    expect(deployed.errors.join()).toContain('sst secret set GeminiApiKey')
  })
})

describe('.env.deploy.example', () => {
  const example = parseEnv(readFileSync(join(root, '.env.deploy.example'), 'utf8'))

  test('has every key of a deployment with a line of its own, and as it is it sets none', () => {
    expect(Object.keys(example).toSorted()).toEqual(deployKeys.toSorted())
    expect(Object.values(example).filter((value) => value !== '')).toEqual([])
  })

  test('every key of the functions can be set for a deployment, but for what it finds out itself and the secrets', () => {
    const known = [
      'DATABASE_URL',
      'BUCKET_NAME',
      'AWS_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_ENDPOINT_URL_LAMBDA',
      'AWS_LAMBDA_FUNCTION_NAME',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'POLLER_FUNCTION',
      'POLLER_MAX',
      'STREAM_URL',
      'STREAM_ORIGINS',
      'POWERTOOLS_SERVICE_NAME',
    ]
    const secret = [
      'GEMINI_API_KEY',
      'DEEPSEEK_API_KEY',
      'AUTH_SECRET',
      'AUTH_SECRET_PREVIOUS',
      'STREAM_SECRET',
      'STREAM_SECRET_PREVIOUS',
    ]
    const elsewhere = ['S3_ENDPOINT', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY']
    const others = configKeys.filter((key) => !settableKeys.includes(key))
    expect(others.toSorted()).toEqual([...known, ...secret, ...elsewhere].toSorted())
  })
})
