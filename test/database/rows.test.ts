import { eq, sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { insertRows } from '../../core/database/insert-rows.ts'
import { rowsOf } from '../../core/database/sql.ts'
import { updateRows } from '../../core/database/update-rows.ts'
import { increments } from '../../core/usage/merge-counts.ts'
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

test('a row whose key stands is added to it', async ({ db }) => {
  const row = {
    userId: 'ann',
    day: '2026-11-27',
    model: "m'",
    status: 'completed' as const,
    cost: 9_007_199_254_740_000,
    calls: 2,
  }
  for (let times = 0; times < 2; times++) {
    await db.run((on) =>
      insertRows(
        on,
        visionUsage,
        [{ ...row, cost: times === 0 ? row.cost : 991 }],
        increments(visionUsage, ['cost', 'calls']),
      ),
    )
  }
  const found = await db.run((on) =>
    rowsOf(on, sql`SELECT CAST(cost AS CHAR) AS cost, calls, jobs FROM vision_usage WHERE model = ${"m'"}`),
  )
  expect(found).toEqual([{ cost: '9007199254740991', calls: 4, jobs: 0 }])
})

test.for([Number.NaN, Number.POSITIVE_INFINITY])('%s is refused before it is sent', async (value, { db }) => {
  const update = { key: { id: 1 }, columns: { version: value } }
  await expect(db.run((on) => updateRows(on, outputs, [update]))).rejects.toThrow(`No column can hold ${value}`)
})
