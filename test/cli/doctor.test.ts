import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import {
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3'
import { afterAll, expect } from 'vitest'
import { checkBucketAndRules } from '../../cli/bucket-checks.ts'
import { checkDatabase, checks } from '../../cli/database-checks.ts'
import type { Finding } from '../../cli/finding.ts'
import { operate } from '../../cli/operate.ts'
import { checkProviderKeys } from '../../cli/provider-checks.ts'
import { checkFunctionQuota } from '../../cli/quota-check.ts'
import { type DatabaseOptions, openDatabase } from '../../core/database/client.ts'
import { configureBucket } from '../../core/images/bucket.ts'
import { createS3Client } from '../../core/images/s3.ts'
import { loadDoctorConfig } from '../../core/platform/config/doctor.ts'
import { startProviderEmulators } from '../../dev/emulators/providers/server.ts'
import { listen } from '../../dev/parts/listen.ts'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { test } from '../support/database/test.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestStorage } from '../support/images/storage.ts'
import { awsSignatureOf } from '../support/network/aws-signature.ts'
import { runHere } from './run-command.ts'

let database: TestDatabase
let migrated: Awaited<ReturnType<typeof createEmptyDatabase>>
test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  migrated = await createEmptyDatabase()
  await migrateDatabase(migrated.url)
})
afterAll(async () => {
  await migrated.drop()
})

/** What is not ok, with a connection of these options. */
async function wrongWith(options: Partial<DatabaseOptions> = {}, url = migrated.url, now = Date.now) {
  const opened = openDatabase(url, { connections: 1, random: () => 0.5, ...options })
  try {
    const findings = await checkDatabase(opened, { url, now })
    return Object.fromEntries(findings.filter(({ ok }) => ok === false).map(({ check, found }) => [check, found]))
  } finally {
    await opened.close()
  }
}

const doctor = (url: string, more: readonly string[] = [], env: Record<string, string> = {}) =>
  runHere((args, terminal) => operate(args, terminal, new AbortController().signal), ['doctor', ...more], {
    DATABASE_URL: url,
    DATA_DIR: '/nowhere',
    ...env,
  })

test('nothing is wrong with a database that npm start would use', async () => {
  const { code, output } = await doctor(migrated.url)
  expect([code, output]).toEqual([0, expect.not.stringContaining('WRONG')])
  for (const check of ['tls', 'isolation', 'grants', 'clock', 'time limits', 'migrations']) {
    expect(output).toMatch(new RegExp(`^${check} +ok `, 'm'))
  }
})

test('a database without tables lacks its migrations, and the command says so and exits with 1', async () => {
  const empty = await createEmptyDatabase()
  try {
    const { code, stdout } = await doctor(empty.url, ['--json'])
    const { ok, findings } = JSON.parse(stdout)
    expect([code, ok]).toEqual([1, false])
    expect(findings).toContainEqual({
      check: 'migrations',
      ok: false,
      found: expect.stringContaining('lacks'),
      todo: 'npm run db:migrate',
    })
  } finally {
    await empty.drop()
  }
})

test('another isolation, sessions that idle for long and a clock that is wrong are found', async () => {
  expect(await wrongWith({ isolation: 'REPEATABLE READ' })).toEqual({ isolation: 'REPEATABLE-READ' })
  expect(await wrongWith({ sessionIdleSeconds: 900 })).toEqual({ 'time limits': 'idle sessions end after 900 s' })
  expect(await wrongWith({}, migrated.url, () => Date.now() + 60_000)).toEqual({ clock: '60 s apart' })
  expect(await wrongWith({}, migrated.url, () => Date.now() - 60_000)).toEqual({ clock: '60 s apart' })
})

test('a connection without TLS is wrong where the database is on another machine', async () => {
  const elsewhere = { url: 'mysql://db.example:3306/vision', now: Date.now }
  expect(await checks.tls(database, elsewhere)).toMatchObject({ ok: false, found: 'none' })
  expect(await checks.tls(database, { ...elsewhere, url: migrated.url })).toMatchObject({ ok: true })
})

test('a certificate of any name is wrong where the database is on another machine', async () => {
  // What the server says of a connection with TLS; the rest is in the URL.
  const encrypted = { run: async () => [{ Value: 'TLS_AES_256_GCM_SHA384' }] } as unknown as TestDatabase
  const tls = (ssl: object, host = 'db.example') =>
    checks.tls(encrypted, { url: `mysql://${host}:3306/vision?ssl=${JSON.stringify(ssl)}`, now: Date.now })
  expect(await tls({})).toMatchObject({ ok: true, found: 'TLS_AES_256_GCM_SHA384' })
  for (const ssl of [{ verifyIdentity: false }, { rejectUnauthorized: false }]) {
    expect(await tls(ssl)).toMatchObject({ ok: false, todo: expect.stringContaining('DATABASE_URL') })
    expect(await tls(ssl, '127.0.0.1')).toMatchObject({ ok: true })
  }
})

const named = (findings: readonly Finding[]) => Object.fromEntries(findings.map(({ check, ...rest }) => [check, rest]))

test('a bucket that is not there, one without its rules and one that is set up are told apart', async () => {
  const storage = await startTestStorage()
  const config = (changes: object = {}) => loadDoctorConfig({ ...storage.settings, ...changes })
  const client = createS3Client(storage.settings)
  try {
    expect(named(await checkBucketAndRules(config({ BUCKET_NAME: 'no-such-bucket' })))).toEqual({
      bucket: { ok: false, found: expect.stringContaining('there is none of that name'), todo: expect.any(String) },
    })
    expect(named(await checkBucketAndRules(config({ S3_SECRET_ACCESS_KEY: 'another' }))).bucket).toMatchObject({
      ok: false,
      found: expect.stringContaining('credentials'),
    })
    expect(named(await checkBucketAndRules(config()))).toEqual({
      bucket: { ok: true, found: 'test-images is there', todo: null },
      'bucket rules': {
        ok: false,
        found: expect.stringMatching(/Public access.*not encrypted.*No rule/),
        todo: 'npm run bucket:setup',
      },
      'bucket versions': { ok: true, found: expect.stringContaining('none'), todo: null },
      'bucket CORS': { ok: true, found: expect.stringContaining('no page'), todo: null },
    })
    await configureBucket(client, storage.settings.BUCKET_NAME, { uploadDays: 7 })
    expect(named(await checkBucketAndRules(config()))['bucket rules']).toMatchObject({ ok: true })
    expect(named(await checkBucketAndRules(config({ UPLOAD_RETENTION_DAYS: '9' })))['bucket rules']).toMatchObject({
      ok: false,
      found: expect.stringContaining('after 9 days'),
    })
    expect(await checkBucketAndRules(loadDoctorConfig({}))).toMatchObject([{ check: 'bucket', ok: null }])
  } finally {
    client.destroy()
    await storage.stop()
  }
})

test('versions that are kept for ever, and pages that may not use the bucket, are found', async () => {
  const storage = await startTestStorage()
  const client = createS3Client(storage.settings)
  const Bucket = storage.settings.BUCKET_NAME
  const look = async (check: string, origins?: string) => {
    const config = loadDoctorConfig({ ...storage.settings, ...(origins && { STREAM_ORIGINS: origins }) })
    return named(await checkBucketAndRules(config))[check]
  }
  const versions = async (prefix?: string) => {
    const rule = { ID: 'versions', Status: 'Enabled', Filter: { Prefix: prefix ?? '' } } as const
    const Rules = [{ ...rule, NoncurrentVersionExpiration: { NoncurrentDays: 30 } }]
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
    return look('bucket versions')
  }
  const allow = async (AllowedOrigins: string[], AllowedMethods: string[]) => {
    const CORSRules = [{ AllowedOrigins, AllowedMethods }]
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }))
  }
  try {
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
    const kept = { ok: false, found: expect.stringContaining('for ever'), todo: expect.stringContaining('Noncurrent') }
    expect(await look('bucket versions')).toEqual(kept)
    expect(await versions('uploads/'), 'not those of images').toEqual(kept)
    expect(await versions()).toEqual({ ok: true, found: 'enabled, and kept for 30 days', todo: null })

    const page = 'https://app.example'
    const refused = { ok: false, found: expect.stringContaining(page), todo: expect.stringContaining('DEPLOY_ORIGINS') }
    expect(await look('bucket CORS', page)).toEqual(refused)
    await allow(['https://other.example', 'https://*.app.example'], ['GET', 'HEAD', 'POST'])
    expect(await look('bucket CORS', page)).toEqual(refused)
    await allow(['https://*.example'], ['GET', 'HEAD'])
    expect(await look('bucket CORS', page), 'no uploads').toEqual(refused)
    await allow(['https://*.example'], ['GET', 'HEAD', 'POST'])
    expect(await look('bucket CORS', page)).toMatchObject({ ok: true, found: 'pages of https://*.example may use it' })
  } finally {
    client.destroy()
    await storage.stop()
  }
})

test('how many functions run at once is asked with a signature; who may not ask is told how to look it up', async () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  let answer: readonly [status: number, body: object, kind?: string] = [200, {}]
  const server = await listen(
    createServer((request, response) => {
      const { method = '', url: path = '', headers } = request
      const signature = awsSignatureOf({ method, path, headers, body: '' }, credentials)
      const isSigned = headers.authorization?.endsWith(`Signature=${signature}`)
      const [status, body, kind] = isSigned && path === '/2016-08-19/account-settings/' ? answer : [400, {}]
      response.writeHead(status, kind ? { 'x-amzn-errortype': kind } : {}).end(JSON.stringify(body))
    }),
    0,
  )
  const ask = (changes: Record<string, string> = {}) =>
    checkFunctionQuota(
      loadDoctorConfig({
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_REGION: 'eu-central-1',
        AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${server.port}`,
        ...changes,
      }),
    )
  const limits = (total: number, free: number) =>
    [200, { AccountLimit: { ConcurrentExecutions: total, UnreservedConcurrentExecutions: free } }] as const
  const how = expect.stringContaining('aws lambda get-account-settings')
  try {
    answer = limits(1_000, 880)
    expect(await ask()).toMatchObject({ ok: true, found: '1000 in eu-central-1, 120 of them reserved' })
    expect(await ask({ AWS_SECRET_ACCESS_KEY: 'another' })).toMatchObject({ ok: null, found: how })
    answer = limits(10, 10)
    expect(await ask()).toMatchObject({ ok: false, todo: expect.stringContaining('Service Quotas') })
    answer = [403, { Message: 'no' }, 'AccessDeniedException:http://internal.amazon.com/']
    expect(await ask()).toMatchObject({ ok: null, found: expect.stringContaining('lambda:GetAccountSettings') })
    answer = [200, {}]
    expect(await ask()).toMatchObject({ ok: null, found: how })
  } finally {
    await server.stop()
  }
  expect(await ask(), 'nobody answers').toMatchObject({ ok: null, found: how })
  expect(await checkFunctionQuota(loadDoctorConfig({}))).toMatchObject({ ok: null, found: how })
})

test('a provider’s key that is refused, a model that it lacks, and a provider that is away are told apart, at no cost', async () => {
  const emulators = await startProviderEmulators()
  const secret = 'the-key-itself'
  const config = (changes: object = {}) =>
    loadDoctorConfig({
      GEMINI_API_KEY: secret,
      GEMINI_BASE_URL: emulators.geminiBaseUrl,
      DEEPSEEK_API_KEY: secret,
      DEEPSEEK_BASE_URL: emulators.deepseekBaseUrl,
      ...changes,
    })
  const ask = async (changes: object = {}) => {
    const findings = await checkProviderKeys(config(changes).providers)
    expect(JSON.stringify(findings)).not.toContain(secret)
    return named(findings)
  }
  const keys = ['key of Gemini', 'key of DeepSeek'] as const
  try {
    for (const check of keys) expect((await ask())[check]).toMatchObject({ ok: true, todo: null })
    emulators.faults.add({ provider: 'gemini', kind: 'unauthorized', times: 1 })
    emulators.faults.add({ provider: 'deepseek', kind: 'unauthorized', times: 1 })
    const refused = await ask()
    expect(refused['key of Gemini']).toMatchObject({ ok: false, todo: expect.stringContaining('GEMINI_API_KEY') })
    expect(refused['key of DeepSeek']).toMatchObject({ ok: false, todo: expect.stringContaining('DEEPSEEK_API_KEY') })
    emulators.faults.add({ provider: 'gemini', kind: 'unknown_model', times: 1 })
    const lacking = await ask({ DEEPSEEK_MODEL: 'deepseek-none' })
    expect(lacking['key of Gemini']).toMatchObject({ ok: false, todo: expect.stringContaining('GEMINI_MODEL') })
    expect(lacking['key of DeepSeek']).toMatchObject({ ok: false, todo: expect.stringContaining('DEEPSEEK_MODEL') })
    for (const provider of ['gemini', 'deepseek'] as const) {
      emulators.faults.add({ provider, kind: 'insufficient_balance', times: 1 })
    }
    const unpaid = await ask()
    for (const [check, status, provider] of [
      ['key of Gemini', 403, 'gemini'],
      ['key of DeepSeek', 402, 'deepseek'],
    ] as const) {
      expect(unpaid[check]).toMatchObject({
        ok: false,
        found: `accepts the key, and wants to be paid (${status})`,
        todo: expect.stringMatching(new RegExp(`^Top up the balance, .* resume --provider ${provider}\\.$`)),
      })
    }
    emulators.faults.add({ provider: 'gemini', kind: 'unavailable', times: 1 })
    expect((await ask())['key of Gemini']).toMatchObject({ ok: false, found: 'it answers 503' })
    expect(await ask({ GEMINI_API_KEY: undefined })).toMatchObject({ 'key of Gemini': { ok: null, todo: null } })
  } finally {
    await emulators.stop()
  }
  expect(emulators.calls.log, 'nothing was generated').toEqual([])
  expect((await ask())['key of Gemini']).toMatchObject({ ok: false })
})

test('grants that are missing are named', async () => {
  // MariaDB grants everything on databases whose names begin with test_ to everybody.
  const name = `doctor_${randomBytes(6).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  // A server with an anonymous user of its own host would take that one first.
  const users = ['%', 'localhost'].map((host) => `${name}@'${host}'`)
  await database.sql(`CREATE DATABASE ${name}`)
  try {
    await database.sql(`CREATE TABLE ${name}.vision_users LIKE vision_users`)
    for (const user of users) {
      await database.sql(`CREATE USER ${user} IDENTIFIED BY '${password}'`)
      await database.sql(`GRANT SELECT, INSERT ON ${name}.* TO ${user}`)
    }
    const url = Object.assign(new URL(database.url), { username: name, password, pathname: `/${name}` })
    await using opened = new AsyncDisposableStack()
    const limited = openDatabase(url.href, { connections: 1, random: () => 0.5 })
    opened.defer(() => limited.close())
    expect(await checks.grants(limited)).toMatchObject({ ok: false, found: 'without UPDATE, DELETE' })
    expect(await checks.grants(database)).toMatchObject({ ok: true })
  } finally {
    await database.sql(`DROP DATABASE ${name}`)
    for (const user of users) await database.sql(`DROP USER IF EXISTS ${user}`)
  }
})
