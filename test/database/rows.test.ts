import { eq, type SQL, sql } from 'drizzle-orm'
import { MySqlDialect } from 'drizzle-orm/mysql-core'
import { expect } from 'vitest'
import { insertRows } from '../../core/database/insert-rows.ts'
import { type Queryable, rowsOf } from '../../core/database/sql.ts'
import { updateRows } from '../../core/database/update-rows.ts'
import { type Counter, counters } from '../../core/usage/ledger.ts'
import { addCounts } from '../../core/usage/merge-counts.ts'
import { visionJobOutputs, visionUsage } from '../../drizzle/schema.ts'
import { test } from '../support/database/test.ts'

const hard = ["it's", '"', '\\', "\\'; DROP TABLE vision_users; -- ", '?', ':a', '\u0000', '\n', '👍🏽', '']
const outputs = { table: 'vision_job_outputs', index: 'job_text' }

test('rows that are inserted hold what they were given, and a default where they were given nothing', async ({
  db,
}) => {
  const createdAt = new Date('2026-11-27T12:00:00.123Z')
  const rows = hard.map((text, at) => ({
    jobId: 7,
    kind: 'content' as const,
    text: at + 1,
    model: text,
    instruction: text,
    body: { [text]: [text, 1.5, null, true] },
    findings: at % 2 === 0 ? null : undefined,
    // One row of a statement sets it.
    ...(at === 3 && { revision: 4 }),
    createdAt,
  }))
  await db.run((on) => insertRows(on, visionJobOutputs, rows))
  const found = await db.run((on) =>
    on.select().from(visionJobOutputs).where(eq(visionJobOutputs.jobId, 7)).orderBy(visionJobOutputs.text),
  )
  expect(found).toEqual(
    hard.map((text, at) => ({
      id: expect.any(Number),
      jobId: 7,
      kind: 'content',
      text: at + 1,
      revision: at === 3 ? 4 : 1,
      attempt: 0,
      version: 0,
      author: 'model',
      requestedBy: null,
      instruction: text,
      model: text,
      prompt: null,
      body: { [text]: [text, 1.5, null, true] },
      findings: null,
      createdAt,
    })),
  )
})

test('rows that are updated hold what they were given, each its own', async ({ db }) => {
  const body = {}
  const rows = hard.map((_, at) => ({
    jobId: 8,
    kind: 'content' as const,
    text: at + 1,
    model: 'm',
    body,
    createdAt: sql`UTC_TIMESTAMP(3)`,
  }))
  const first = await db.run((on) => insertRows(on, visionJobOutputs, rows))
  const updates = hard.map((text, at) => ({
    key: { id: first + at },
    columns: {
      instruction: text,
      version: Math.min(at * 1e9, 4e9),
      prompt: at === 0 ? null : sql`LOWER(${`P${at}'`})`,
    },
  }))
  const matched = await db.run((on) =>
    updateRows(on, { ...outputs, index: 'PRIMARY' }, updates, sql`t.model = ${"it's"}`, sql`t.author = ${'model'}`),
  )
  expect(matched).toBe(hard.length)
  const found = await db.run((on) =>
    on.select().from(visionJobOutputs).where(eq(visionJobOutputs.jobId, 8)).orderBy(visionJobOutputs.text),
  )
  expect(found.map(({ instruction, version, prompt, model }) => [instruction, version, prompt, model])).toEqual(
    hard.map((text, at) => [text, Math.min(at * 1e9, 4e9), at === 0 ? null : `p${at}'`, "it's"]),
  )
})

test('a row whose key stands is added to it, and only what it changes is sent', async ({ db }) => {
  const zero = Object.fromEntries(counters.map((counter) => [counter, 0])) as Record<Counter, number>
  const key = { userId: 'ann', day: '2026-11-27', status: 'completed' as const }
  const sent: string[] = []
  const add = (rows: readonly Partial<Record<Counter, number>>[]) =>
    db.run((on) =>
      addCounts(
        watched(on, sent),
        visionUsage,
        counters,
        rows.map((row, at) => ({ ...zero, ...row, ...key, model: `m'${at}` })),
      ),
    )
  await add([{ cost: 9_007_199_254_740_000, calls: 2 }, { jobs: 3 }])
  await add([{ cost: 991, calls: -1 }])
  expect(sent.map((text) => counters.filter((counter) => text.includes(`\`${visionUsage[counter].name}\``)))).toEqual([
    ['jobs', 'calls', 'cost'],
    ['calls', 'cost'],
  ])
  const found = await db.run((on) =>
    rowsOf(on, sql`SELECT CAST(cost AS CHAR) AS cost, calls, jobs, runs FROM vision_usage WHERE user_id = 'ann'`),
  )
  expect(found).toEqual([
    { cost: '9007199254740991', calls: 1, jobs: 0, runs: 0 },
    { cost: '0', calls: 0, jobs: 3, runs: 0 },
  ])
})

test('a column that is NULL in every row is not sent', async ({ db }) => {
  const sent: string[] = []
  const row = { jobId: 9, kind: 'content' as const, model: 'm', body: {}, createdAt: sql`UTC_TIMESTAMP(3)` }
  await db.run((on) =>
    insertRows(watched(on, sent), visionJobOutputs, [
      { ...row, text: 1, prompt: null, instruction: null },
      { ...row, text: 2, prompt: 'p', instruction: null },
    ]),
  )
  expect(sent).toEqual([expect.stringContaining('`prompt`')])
  expect(sent).toEqual([expect.not.stringContaining('`instruction`')])
  const found = await db.run((on) =>
    rowsOf(on, sql`SELECT prompt, instruction FROM vision_job_outputs WHERE job_id = 9 ORDER BY text`),
  )
  expect(found).toEqual([
    { prompt: null, instruction: null },
    { prompt: 'p', instruction: null },
  ])
})

/** A connection whose statements are noted. */
function watched(on: Queryable, sent: string[]): Queryable {
  return Object.assign(Object.create(on), {
    execute: (query: SQL) => {
      sent.push(new MySqlDialect().sqlToQuery(query).sql)
      return on.execute(query)
    },
  })
}

test.for([Number.NaN, Number.POSITIVE_INFINITY])('%s is refused before it is sent', async (value, { db }) => {
  const update = { key: { id: 1 }, columns: { version: value } }
  await expect(db.run((on) => updateRows(on, outputs, [update]))).rejects.toThrow(`No column can hold ${value}`)
})
