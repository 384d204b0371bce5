import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect } from 'vitest'
import { operate } from '../../cli/operate.ts'
import { eraseUser } from '../../core/admin/erase.ts'
import { keepForBooks } from '../../core/admin/keep-for-books.ts'
import { createBrand } from '../../core/brands/brands.ts'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { rowsOf as rowsIn } from '../../core/database/sql.ts'
import { userFolder } from '../../core/images/store.ts'
import { foldersOf } from '../../core/images/uploads.ts'
import { createKey } from '../../core/keys/keys.ts'
import { completeVisionJob, failVisionJob, saveAnalysis } from '../../core/queue/settle/settle.ts'
import { runHere } from '../cli/run-command.ts'
import { createTestApi, job, json, type TestApi } from '../support/api/test-api.ts'
import { analysisOutput, badAnswer, contentOutput, nothingSpent, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import { fixtureUrl, startTestStorage } from '../support/images/storage.ts'

let api: TestApi
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
})
afterAll(() => api.drop())

/** Tables in which nothing is any user's. Whoever adds a table erases its rows, or says so here. */
const nobodys = [
  '__drizzle_migrations',
  'vision_migration_progress',
  'vision_lanes',
  'vision_permits',
  'vision_wakes',
  'vision_workers',
  'vision_worker_minutes',
]
/** Tables in which a user may be named, and whose rows stay. */
const naming = ['vision_operator_actions', 'vision_provider_states']

const erin = 'erin+shop@example.com'
const operator = () => ({ database: api.database, actor: 'cli:root' })
const erase = (
  changes: Partial<Parameters<typeof eraseUser>[3]> = {},
  database: Database = api.database,
  user = erin,
) => eraseUser({ ...operator(), database }, api.services.store, user, { randomBytes, dryRun: false, ...changes })
const post = (as: string, path: string, body: object) => json(api.call('POST', path, { as, body }))

/** Gives a user a row in every table, and something under each folder of the bucket. */
async function fill(user: string): Promise<void> {
  const asOperator = { as: user, scopes: ['operator'] }
  await createKey(api.database, { userId: user, name: 'Shop', scopes: ['read'] }, randomBytes)
  await post(user, '/v1/webhooks', { url: 'https://hooks.example/in' })
  const { id: brandId } = await createBrand(api.database, user, { name: `Brand of ${user}` })
  const { batchId } = await post(user, '/v1/batches', { name: `Batch of ${user}` })
  await post(user, '/v1/estimate', { jobs: [job] })
  await post(user, '/v1/uploads', { contentType: 'image/png', bytes: 100 })
  for (const folder of foldersOf(user)) await api.services.store.put(`${folder}left`, Buffer.from('left'), 'image/png')
  const imageUrl = await fixtureUrl('red.png', 'image/png')
  const { jobs } = await post(user, `/v1/batches/${batchId}/jobs`, {
    jobs: [{ ...job, imageUrl, metadata: { of: user } }],
  })
  const failed = jobs[0].jobId
  await failVisionJob(api.database, await api.claim(failed), { ...badAnswer, detail: `of ${user}` }, nothingSpent)
  const done = await api.create(user, { brandId })
  const run = await api.claim(done)
  await saveAnalysis(api.database, run, analysisOutput, { analysis: spending() })
  await completeVisionJob(api.database, run, contentOutput, { content: spending() })
  await post(user, `/v1/jobs/${done}/texts/1/regenerate`, { instruction: `For ${user}` })
  await api.call('DELETE', `/v1/jobs/${await api.create(user)}`, { as: user })
  await api.database.sql(
    `INSERT INTO vision_job_sessions (user_id, job_id, transport, connected_at, last_seen_at)
      VALUES (?, ?, 'sse', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [user, done],
  )
  await api.claim(await api.create(user))
  // The user is an operator as well, and a pause is theirs.
  await api.call('PUT', `/v1/operator/users/${encodeURIComponent(user)}/limits`, {
    ...asOperator,
    body: { jobsInFlight: 3 },
  })
  const provider = user === erin ? 'gemini' : 'deepseek'
  await api.call('POST', '/v1/operator/pause', {
    ...asOperator,
    body: { provider, reason: `So that ${user} can look` },
  })
}

beforeEach(async () => {
  for (const { table } of await tables())
    if (!table.includes('migration')) await api.database.sql(`DELETE FROM ${table}`)
  for (const user of [erin, 'bob']) await fill(user)
}, 60_000)

interface Table {
  readonly table: string
  readonly columns: readonly string[]
  readonly texts: readonly string[]
}

/** Every table with its columns, as the server has them. */
async function tables(): Promise<readonly Table[]> {
  const rows = await api.database.sql(`SELECT table_name AS t, column_name AS c, data_type AS d
    FROM information_schema.columns WHERE table_schema = DATABASE() AND COALESCE(generation_expression, '') = ''
    ORDER BY table_name, ordinal_position`)
  return [...Map.groupBy(rows, ({ t }) => String(t))].map(([table, columns]) => ({
    table,
    columns: columns.map(({ c }) => String(c)),
    texts: columns.filter(({ d }) => /char|text|json|enum|blob|binary/.test(String(d))).map(({ c }) => String(c)),
  }))
}

type Rows = Record<string, readonly Record<string, unknown>[]>
/** The rows that name a user in any column of text, by table. */
async function rowsNaming(user: string): Promise<Rows> {
  const found: Rows = {}
  for (const { table, texts } of await tables()) {
    if (texts.length === 0) continue
    const rows = await api.database.sql(
      `SELECT * FROM ${table} WHERE ${texts.map((column) => `LOCATE(?, ${column}) > 0`).join(' OR ')} ORDER BY 1, 2`,
      texts.map(() => user),
    )
    if (rows.length > 0) found[table] = rows
  }
  return found
}

/** The rows that are a user's or hang on one that is, by table. */
async function rowsOf(user: string) {
  const ids = async (table: string) =>
    (await api.database.sql(`SELECT id FROM ${table} WHERE user_id = ?`, [user])).map(({ id }) => Number(id))
  const deleted = await api.database.sql('SELECT job_id AS id FROM vision_job_deletions WHERE user_id = ?', [user])
  const owned: Record<string, readonly number[]> = {
    job_id: [...(await ids('vision_jobs')), ...deleted.map(({ id }) => Number(id))],
    batch_id: await ids('vision_batches'),
    brand_id: await ids('vision_brands'),
    endpoint_id: await ids('vision_webhook_endpoints'),
  }
  return { owned, rows: () => hangingOn(user, owned) }
}

async function hangingOn(user: string, owned: Record<string, readonly number[]>): Promise<Rows> {
  const found: Rows = {}
  for (const { table, columns } of await tables()) {
    const conditions = columns.flatMap((column) => {
      if (column === 'user_id') return [`user_id = '${user}'`]
      const ids = owned[column] ?? []
      return ids.length > 0 ? [`${column} IN (${ids.join()})`] : []
    })
    if (conditions.length === 0) continue
    const rows = await api.database.sql(`SELECT * FROM ${table} WHERE ${conditions.join(' OR ')} ORDER BY 1, 2, 3`)
    if (rows.length > 0) found[table] = rows
  }
  return found
}

const keysOf = async (user: string) =>
  (await api.services.store.list('', 1_000)).filter((key) => key.includes(user) || key.includes(userFolder(user)))
/** As if the workers had had their time to report. */
const passTime = () =>
  api.database.sql(`UPDATE vision_job_attempts SET ended_at = ended_at - INTERVAL 1 HOUR
    WHERE NOT EXISTS (SELECT 1 FROM vision_jobs WHERE vision_jobs.id = job_id)`)

test('every table has rows of a user, or is known to have none', async () => {
  const { rows } = await rowsOf(erin)
  const has = new Set([...Object.keys(await rows()), ...nobodys, ...naming])
  expect((await tables()).filter(({ table }) => !has.has(table)).map(({ table }) => table)).toEqual([])
  expect(Object.keys(await rowsNaming(erin))).toEqual(expect.arrayContaining(naming))
  expect(await keysOf(erin)).toHaveLength(3)
})

test('nothing names the user or hangs on what was theirs, and what is another’s is untouched', async () => {
  const others = await rowsOf('bob')
  const before = await others.rows()
  const keys = await keysOf('bob')
  const mine = await rowsOf(erin)
  const [spent] = await api.database.sql('SELECT SUM(cost) AS cost FROM vision_usage WHERE user_id = ?', [erin])

  const first = await erase()
  expect(first).toMatchObject({ more: true, runs: 1, objects: 2, rows: { vision_jobs: 3, vision_brands: 1 } })
  const { pseudonym } = first
  expect(pseudonym).toMatch(/^erased-[0-9a-f]{32}$/)
  expect((await post(erin, '/v1/jobs', job)).code, 'nothing is begun meanwhile').toBe('limit.jobs_per_day')
  await passTime()
  expect(await erase()).toMatchObject({ more: false, runs: 0, pseudonym })

  expect(await rowsNaming(erin)).toEqual({})
  // The last job of each failure is remembered, as it is of deleted jobs.
  const { vision_failures: failures, ...left } = await mine.rows()
  expect(left).toEqual({})
  expect(failures).toMatchObject([{ user_id: pseudonym }])
  expect(await keysOf(erin)).toEqual([])
  expect(await api.database.sql('SELECT SUM(cost) AS cost FROM vision_usage WHERE user_id = ?', [pseudonym])).toEqual([
    spent,
  ])
  expect(await others.rows()).toEqual(before)
  expect(await keysOf('bob')).toEqual(keys)
  const actions = await api.database.sql(
    'SELECT actor, action, parameters FROM vision_operator_actions ORDER BY id DESC LIMIT 1',
  )
  expect(actions).toEqual([{ actor: 'cli:root', action: 'erase', parameters: JSON.stringify({ pseudonym }) }])
})

test('killed after any statement it is run again and comes to its end', async () => {
  const mine = await rowsOf(erin)
  let runs = 0
  for (let most = 2; ; most += 4, runs++) {
    const killed = killedAfter(most)
    const result = await erase({}, killed).catch((error: Error) => error)
    if (result instanceof Error) expect(result.message).toBe('killed')
    else if (!result.more) break
    await passTime()
  }
  expect(runs).toBeGreaterThan(5)
  const names = await api.database.sql(`SELECT DISTINCT JSON_VALUE(parameters, '$.pseudonym') AS name
    FROM vision_operator_actions WHERE action = 'erase'`)
  expect(names, 'one name in the books').toHaveLength(1)
  expect(await rowsNaming(erin)).toEqual({})
  const { vision_failures: _, ...left } = await mine.rows()
  expect(left).toEqual({})
  expect(await keysOf(erin)).toEqual([])
}, 60_000)

/** Copies rows of bob into a table, as those of `user`, SQL; ids that they hang on are others', too. */
async function copyRows(user: string, from = '(SELECT 0 AS n) AS numbers', only?: readonly string[]): Promise<void> {
  const shifted = new Set(['job_id', 'batch_id', 'brand_id', 'endpoint_id'])
  for (const { table, columns } of await tables()) {
    if (only ? !only.includes(table) : !columns.some((name) => name === 'user_id' || shifted.has(name))) continue
    const copied = columns.filter((name) => name !== 'id')
    const values = copied.map((name) => {
      if (name === 'user_id') return user
      if (shifted.has(name) && only === undefined) return `${name} + 1000 * (n + 1)`
      return name === 'hash' ? 'LEFT(SHA2(CONCAT(hash, n), 256), LENGTH(hash))' : name
    })
    await api.database.sql(`INSERT INTO ${table} (${copied.join()})
      SELECT ${values.join()} FROM ${table}, ${from} WHERE ${columns.includes('user_id') ? "user_id = 'bob'" : 'TRUE'}`)
  }
}

test('the books may have rows of the pseudonym already, and nothing is lost or counted twice', async () => {
  const books = async (user: string) =>
    api.database.sql(
      `SELECT (SELECT COUNT(*) FROM vision_usage WHERE user_id = ?) AS days, (SELECT SUM(cost) FROM vision_usage
        WHERE user_id = ?) AS cost, (SELECT SUM(jobs) FROM vision_failures WHERE user_id = ?) AS jobs`,
      [user, user, user],
    )
  const [before] = await books('bob')
  await copyRows("'erased-1'", undefined, ['vision_usage', 'vision_failures'])
  await keepForBooks(api.database, 'bob', 'erased-1', undefined)
  expect(await books('bob')).toEqual([{ days: 0, cost: null, jobs: null }])
  const doubled = { cost: String(2 * Number(before?.cost)), jobs: String(2 * Number(before?.jobs)) }
  expect(Number(before?.cost)).toBeGreaterThan(0)
  expect(await books('erased-1')).toEqual([{ days: before?.days, ...doubled }])
})

test('an erasure reads the rows of its user, however many others there are', async () => {
  await passTime()
  const readsOf = async (user: string) => {
    const one = openDatabase(api.database.url, { connections: 1, random: Math.random })
    const count = async () =>
      one.run(async (on) => {
        const rows = await rowsIn<{ Value: string }>(on, sql`SHOW SESSION STATUS LIKE 'Handler\\_read%'`)
        return rows.reduce((sum, { Value }) => sum + Number(Value), 0)
      })
    try {
      const before = await count()
      expect(await erase({}, one, user)).toMatchObject({ rows: { vision_jobs: 3, vision_webhook_endpoints: 1 } })
      await passTime()
      expect(await erase({}, one, user)).toMatchObject({ more: false })
      return (await count()) - before
    } finally {
      await one.close()
    }
  }
  const few = await readsOf(erin)
  await copyRows(
    "CONCAT('user-', n)",
    `(WITH RECURSIVE s AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 299) SELECT n FROM s) AS numbers`,
  )
  // A server counts the rows of its tables anew in the background: it plans by the counts from before for some seconds.
  for (const { table } of await tables()) await api.database.sql(`ANALYZE TABLE ${table}`)
  const many = await readsOf('bob')
  expect(few).toBeGreaterThan(100)
  expect(many - few).toBeLessThan(100)
})

/** The database for a process that dies before its next transaction. */
function killedAfter(most: number): Database {
  let count = 0
  const dies = () => {
    if (++count > most) throw new Error('killed')
  }
  return new Proxy(api.database, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      if (name !== 'run' && name !== 'transact') return value
      return async (...args: unknown[]) => {
        dies()
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}

test('the call counts unless told to erase, does what its time allows and says whether something is left', async () => {
  const ask = (body: object) =>
    json(
      api.call('POST', `/v1/operator/users/${encodeURIComponent(erin)}/erase`, {
        as: 'olga',
        scopes: ['operator'],
        body,
      }),
    )
  const before = await rowsNaming(erin)
  const counted = { dryRun: true, pseudonym: null, rows: { vision_jobs: 3 }, objects: 0, runs: 0, more: false }
  expect(await ask({})).toMatchObject(counted)
  expect(await rowsNaming(erin)).toEqual(before)
  const cut = await erase({ signal: AbortSignal.abort() })
  expect(cut).toMatchObject({ more: true, objects: 0, rows: { vision_jobs: 3 } })
  const { pseudonym } = cut
  const jobs = { vision_jobs: 3 }
  expect(await ask({ dryRun: false }), 'none were erased without time').toMatchObject({
    dryRun: false,
    pseudonym,
    rows: jobs,
    objects: 2,
    runs: 1,
    more: true,
  })
  await passTime()
  expect(await ask({ dryRun: false })).toMatchObject({ pseudonym, rows: { vision_jobs: 0 }, runs: 0, more: false })
  expect(await rowsNaming(erin)).toEqual({})
  const acts = await api.database.sql(
    "SELECT actor FROM vision_operator_actions WHERE action = 'erase' AND dry_run = 0",
  )
  expect(acts.map(({ actor }) => actor)).toEqual(['cli:root', 'olga', 'olga'])
})

test('the command counts, and with --yes it does it; a dry run does not say whom it was about', async () => {
  const storage = await startTestStorage()
  try {
    const before = await rowsNaming(erin)
    const env = { ...storage.settings, DATABASE_URL: api.database.url, DATA_DIR: '/nowhere' }
    const ops = (...args: string[]) =>
      runHere((given, terminal) => operate(given, terminal, new AbortController().signal), ['erase', ...args], env)
    const dry = await ops('--user', erin)
    expect(dry.output).toMatch(/^vision_jobs +3$/m)
    expect(dry.output).toMatch(/--yes does it/)
    expect(await rowsNaming(erin)).toEqual(before)
    expect((await ops()).code).toBe(2)
    const done = JSON.parse((await ops('--user', erin, '--yes', '--json')).stdout)
    expect(done).toMatchObject({ dryRun: false, runs: 1, more: true, pseudonym: expect.stringMatching(/^erased-/) })
    await passTime()
    expect((await ops('--user', erin, '--yes')).output).toMatch(/^Erased, with 0 objects/m)
    expect((await ops('--user', erin, '--yes')).output).toBe('Nothing of this user is stored.\n')
  } finally {
    await storage.stop()
  }
})
