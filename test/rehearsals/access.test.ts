import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, vi } from 'vitest'
import { openDatabase } from '../../core/database/client.ts'
import { createKeyCheck, keyCacheMs } from '../../core/keys/check.ts'
import { createKey } from '../../core/keys/keys.ts'
import { createAuthenticator, InvalidToken } from '../../core/platform/auth.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps } from '../../core/worker/options.ts'
import { analysisOutput, contentOutput, jobRow, makeJob, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'
import { commandsOf, rehearse, withValues } from './runbook.ts'

// Rotating what lets somebody in, by the very lines of docs/deploying.md: the database's user, an API key, an issuer's key.

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

test('the user of the database is rotated without a call that is refused', async () => {
  const [whence] = await database.sql('SELECT USER() AS me')
  const host = String(whence?.me).replace(/^.*@/, '')
  const nameOf = (which: string) => `${which}_${randomUUID().slice(0, 8)}`
  const [oldUser, newUser] = [nameOf('old'), nameOf('new')]
  const users = { OLD_USER: `'${oldUser}'@'${host}'`, NEW_USER: `'${newUser}'@'${host}'` }
  const urlOf = (user: string) => Object.assign(new URL(database.url), { username: user, password: `of-${user}` }).href
  const NAME = new URL(database.url).pathname.slice(1)
  const env = { ...users, NAME, NEW_PASSWORD: `of-${newUser}`, NEW_URL: urlOf(newUser) }
  await database.sql(`CREATE USER ${users.OLD_USER} IDENTIFIED BY 'of-${oldUser}'`)
  await database.sql(`GRANT ALL ON ${NAME}.* TO ${users.OLD_USER}`)
  const functions = [urlOf(oldUser)]
  const open = new Map<string, ReturnType<typeof openDatabase>>()
  // Each function with the connections that it has, and one that has just started.
  const works = async (url: string) => {
    const mine = open.get(url) ?? openDatabase(url, { connections: 1, random: Math.random })
    open.set(url, mine)
    const fresh = openDatabase(url, { connections: 1, random: Math.random })
    for (const one of [mine, fresh]) expect(await statusOf(database, await makeJob(one))).toBe('pending')
    await fresh.close()
  }
  try {
    let secret = functions[0] ?? ''
    for (const command of commandsOf('rotate DatabaseUrl')) {
      const [, statement] = /^mysql --defaults-file=admin\.cnf -e "(.*)"$/.exec(command) ?? []
      const [, value] = /^npx sst secret set DatabaseUrl "(.*)" --stage production$/.exec(command) ?? []
      // A quarter of an hour later the last deployment's functions are the only ones.
      if (statement?.startsWith('DROP')) functions.splice(0, functions.length - 1)
      if (statement) await database.sql(withValues(statement, env))
      else if (value) secret = withValues(value, env)
      else {
        expect(command).toBe('npx sst deploy --stage production')
        functions.push(secret)
      }
      // While a deployment replaces one function after the other, both users are in use.
      for (const url of functions) await works(url)
    }
    expect(functions).toEqual([env.NEW_URL])
    const late = openDatabase(urlOf(oldUser), { connections: 1, random: Math.random })
    await expect(makeJob(late)).rejects.toMatchObject({ code: 'database.unavailable' })
    await late.close()
  } finally {
    for (const one of open.values()) await one.close()
    for (const user of Object.values(users)) await database.sql(`DROP USER IF EXISTS ${user}`)
  }
})

test('the password of RDS is rotated by a second user: jobs that run go on, and the old one is refused at the end', async () => {
  const [whence] = await database.sql('SELECT USER() AS me')
  const host = String(whence?.me).replace(/^.*@/, '')
  // The server of the tests has other databases and users.
  const nameOf = (user: string) => `${user}_${randomUUID().slice(0, 8)}`
  const names: Readonly<Record<string, string>> = { vision_a: nameOf('a'), vision_b: nameOf('b') }
  const passwords: Record<string, string> = { vision_a: 'the former password' }
  const urlOf = (user: string) =>
    Object.assign(new URL(database.url), { username: names[user], password: passwords[user] }).href
  const NAME = new URL(database.url).pathname.slice(1)
  const env = {
    NAME,
    OLD_USER: `'${names.vision_a}'@'${host}'`,
    NEW_USER: `'${names.vision_b}'@'${host}'`,
    NEW_PASSWORD: 'the next password',
    OTHER_PASSWORD: 'known to nobody',
  }
  await database.sql(`CREATE USER ${env.OLD_USER} IDENTIFIED BY '${passwords.vision_a}'`)
  await database.sql(`GRANT ALL ON ${NAME}.* TO ${env.OLD_USER}`)
  // What it had when it was last in use, which is over.
  await database.sql(`CREATE USER ${env.NEW_USER} IDENTIFIED BY 'an earlier one'`)
  const oldUrl = urlOf('vision_a')
  const before = openDatabase(oldUrl, { connections: 2, random: Math.random })
  const [analysing, rotated] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const jobs = [await makeJob(database)]
  const steps: Steps = {
    analysis: async () => {
      analysing.resolve()
      await rotated.promise
      return analysisOutput
    },
    content: async () => contentOutput,
  }
  // One after the other, so that those which are created meanwhile wait for it.
  const running = drain(workerOptions(before, steps, { concurrency: 1, callMs: 20_000 }), inAMinute())
  await analysing.promise
  let user = 'vision_a'
  const functions = [oldUrl]
  try {
    for (const command of commandsOf('rotate the RDS password')) {
      const [, statement] = /^mysql --defaults-file=admin\.cnf -e "(.*)"$/.exec(command) ?? []
      const [, slot, value] = /^npx sst secret set RdsPassword(\w) "(.*)" --stage production$/.exec(command) ?? []
      const [, chosen] = /^echo 'DEPLOY_DATABASE_USER=(\w+)' >> \.env\.production$/.exec(command) ?? []
      if (statement?.includes('$OTHER_PASSWORD')) {
        // A quarter of an hour later the functions of before have ended.
        rotated.resolve()
        expect(await running).toMatchObject({ completed: jobs.length, retried: 0, released: 0, lost: 0 })
        await before.close()
        functions.splice(0, functions.length - 1)
      }
      if (statement) await database.sql(withValues(statement, env))
      else if (slot && value) passwords[`vision_${slot.toLowerCase()}`] = withValues(value, env)
      else if (chosen) user = chosen
      else {
        expect(command).toBe('npx sst deploy --stage production')
        functions.push(urlOf(user))
      }
      // Those of before open new connections, and those that a deployment has just started work as well.
      for (const url of functions) {
        const fresh = openDatabase(url, { connections: 1, random: Math.random })
        jobs.push(await makeJob(fresh))
        await fresh.close()
      }
    }
    expect([functions, passwords.vision_b]).toEqual([[urlOf('vision_b')], env.NEW_PASSWORD])
    const after = openDatabase(urlOf('vision_b'), { connections: 2, random: Math.random })
    expect(await drain(workerOptions(after, steps), inAMinute())).toMatchObject({ retried: 0, lost: 0 })
    await after.close()
    for (const jobId of jobs) {
      expect(await jobRow(database, jobId)).toMatchObject({ status: 'completed', attempt: 1, failures: 0 })
    }
    const late = openDatabase(oldUrl, { connections: 1, random: Math.random })
    await expect(makeJob(late)).rejects.toMatchObject({ code: 'database.unavailable' })
    await late.close()
  } finally {
    rotated.resolve()
    await running
    for (const one of [env.OLD_USER, env.NEW_USER]) await database.sql(`DROP USER IF EXISTS ${one}`)
  }
})

test('an API key is rotated: both are valid until the old one is revoked, and it is refused half a minute later', async () => {
  let now = Date.parse('2027-01-01T00:00:00Z')
  const owner = { userId: 'shop', name: 'shop', scopes: ['read', 'write'] } as const
  const old = await createKey(database, owner, randomBytes)
  const env = { DATABASE_URL: database.url, OLD_ID: String(old.row.id) }
  // A function that has cached the old key.
  const check = createKeyCheck(database, { now: () => now })
  const keys = [old.key]
  const accepted = async () => {
    for (const key of keys) expect(await check(key)).toMatchObject({ userId: 'shop' })
  }
  await accepted()
  await rehearse('rotate an API key', { folder: '.', env }, async (output) => {
    // Nothing that was cached before.
    now += keyCacheMs
    if (output.startsWith('Revoked')) return
    const [made] = /^vpk_\S+$/m.exec(output) ?? []
    if (made !== undefined) keys.push(made)
    await accepted()
  })
  expect(keys).toHaveLength(2)
  await expect(check(old.key)).rejects.toThrow(InvalidToken)
  keys.shift()
  await accepted()
})

test('the key of an issuer is rotated: its tokens are good until it is withdrawn and every cache is ten minutes old', async () => {
  const published: object[] = []
  const server = createServer((_, response) => response.end(JSON.stringify({ keys: published })))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const config = {
    AUTH_JWKS_URL: `http://127.0.0.1:${port}/`,
    AUTH_ISSUER: 'https://issuer.example',
    AUTH_AUDIENCE: 'vision',
  }
  const pairs = { old: await generateKeyPair('ES256'), new: await generateKeyPair('ES256') }
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2027-01-01T00:00:00Z') })
  const minutesPass = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000)
  const publish = async (...kids: (keyof typeof pairs)[]) => {
    published.length = 0
    for (const kid of kids)
      published.push({ ...(await exportJWK(pairs[kid].publicKey)), kid, alg: 'ES256', use: 'sig' })
  }
  // A function from before, which has cached the keys, and one that has just started.
  const before = createAuthenticator(config, Date.now)
  const call = async (authenticate: typeof before, kid: keyof typeof pairs) => {
    const token = await new SignJWT({ sub: 'ann', iss: 'https://issuer.example', aud: 'vision' })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setExpirationTime(Math.floor(Date.now() / 1000) + 3600)
      .sign(pairs[kid].privateKey)
    const headers = { authorization: `Bearer ${token}` }
    return authenticate(new Request('http://api.example', { headers }), undefined)
  }
  try {
    await publish('old')
    await call(before, 'old')
    await publish('old', 'new')
    minutesPass(10)
    for (const kid of ['old', 'new'] as const) {
      for (const one of [before, createAuthenticator(config, Date.now)]) {
        expect(await call(one, kid)).toMatchObject({ userId: 'ann' })
      }
    }
    await publish('new')
    await call(before, 'old')
    minutesPass(11)
    await expect(call(before, 'old')).rejects.toMatchObject({ code: 'request.unauthenticated' })
    expect(await call(before, 'new')).toMatchObject({ userId: 'ann' })
  } finally {
    vi.useRealTimers()
    await new Promise((closed) => server.close(closed))
  }
})
