import { asc, getTableColumns, sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { insertRows } from '../../core/database/insert-rows.ts'
import { type Select, selectOnce } from '../../core/database/select-once.ts'
import { visionApiKeys, visionJobAttempts, visionJobOutputs, visionJobs } from '../../drizzle/schema.ts'
import { test } from '../support/database/test.ts'

const at = new Date('2026-11-27T12:34:56.789Z')
const odd = `it's "ö" ? \\ \0 🍋`
const outputs = [
  { jobId: 1, kind: 'analysis', model: 'm', body: { odd: [odd, null, 1.5, true] }, createdAt: at },
  {
    jobId: 2,
    kind: 'content',
    text: 2,
    revision: 3,
    attempt: 2_000_000_000,
    model: "it's ?",
    prompt: 'alt_text@1',
    body: [odd],
    findings: [odd],
    instruction: odd,
    author: 'user',
    version: 7,
    createdAt: sql`UTC_TIMESTAMP(3) + INTERVAL ${1_000} MICROSECOND`,
  },
] as const

const all = {
  outputs: selectOnce(getTableColumns(visionJobOutputs), (select) =>
    select
      .from(visionJobOutputs)
      .where(sql`${visionJobOutputs.jobId} IN (${sql.placeholder('ids')})`)
      .orderBy(asc(visionJobOutputs.jobId)),
  ),
  jobs: selectOnce(getTableColumns(visionJobs), (select) => select.from(visionJobs)),
  attempts: selectOnce(getTableColumns(visionJobAttempts), (select) => select.from(visionJobAttempts)),
  keys: selectOnce(getTableColumns(visionApiKeys), (select) => select.from(visionApiKeys)),
}

test('lists of ids and rows with every kind of value are read as drizzle reads them', async ({ db }) => {
  await db.run((on) => insertRows(on, visionJobOutputs, outputs))
  const ours = await db.run((on) => all.outputs(on, { ids: [1, 2, 3] }))
  expect(ours).toEqual(await db.run((on) => on.select().from(visionJobOutputs).orderBy(asc(visionJobOutputs.jobId))))
  expect(ours).toMatchObject([
    { body: { odd: [odd, null, 1.5, true] }, prompt: null, createdAt: at },
    { findings: [odd], instruction: odd },
  ])
  expect(await db.run((on) => all.outputs(on, { ids: [2] }))).toEqual(ours.slice(1))
})

test('every column of the large tables is read as drizzle reads it', async ({ db }) => {
  await db.run((on) =>
    insertRows(on, visionJobs, [
      {
        userId: 'ann',
        status: 'pending',
        imageUrl: 'https://images.example/a?b',
        analysisPurpose: odd,
        outputFormat: 'alt_text',
        language: 'de',
        facts: { odd },
        metadata: { odd: true },
        availableAt: at,
        createdAt: at,
        updatedAt: sql`UTC_TIMESTAMP(3)`,
        expiresAt: at,
        maxRetries: 3,
      },
    ]),
  )
  await db.run((on) =>
    insertRows(on, visionJobAttempts, [{ jobId: 1, attempt: 1, workerId: 'w', step: 'analysis', startedAt: at }]),
  )
  const { outputs: _, ...others } = all
  const tables = { jobs: visionJobs, attempts: visionJobAttempts, keys: visionApiKeys }
  for (const [name, read] of Object.entries<Select<unknown>>(others)) {
    const table = tables[name as keyof typeof tables]
    expect(await db.run((on) => read(on, {})), name).toEqual(await db.run((on) => on.select().from(table as never)))
  }
  expect((await db.run((on) => all.jobs(on, {})))[0]).toMatchObject({
    analysisPurpose: odd,
    availableAt: at,
    facts: { odd },
  })
})

test('a statement is built once, however often it is sent and by which connection', async ({ db }) => {
  let built = 0
  const one = selectOnce({ id: visionJobs.id }, (select) => {
    built++
    return select.from(visionJobs).where(sql`${visionJobs.userId} = ${sql.placeholder('userId')}`)
  })
  for (const userId of ['ann', "o'neil", 'ann']) expect(await db.run((on) => one(on, { userId }))).toEqual([])
  expect(built).toBe(1)
})
