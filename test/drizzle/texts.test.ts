import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'

let url: string
let drop: () => Promise<void>
let connection: Connection
let folder: string
beforeEach(async () => {
  ;({ url, drop } = await createEmptyDatabase())
  connection = await mysql.createConnection(url)
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
})
afterEach(async () => {
  await connection.end()
  await drop()
  rmSync(folder, { recursive: true, force: true })
})

async function query(sql: string): Promise<RowDataPacket[]> {
  return (await connection.query<RowDataPacket[]>(sql))[0]
}

/** The first of the project's migrations, copied into a folder. */
function firstMigrations(into: string, count: number): string {
  cpSync(join(import.meta.dirname, '../../drizzle/migrations'), into, { recursive: true })
  const path = join(into, 'meta', '_journal.json')
  const journal = JSON.parse(readFileSync(path, 'utf8')) as { entries: unknown[] }
  writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }))
  return into
}

test('the migration to several texts gives every job its one text, as far as it has come, and keeps every output', async () => {
  await migrateDatabase(url, { folder: firstMigrations(folder, 12) })
  for (const status of ['completed', 'pending', 'failed']) {
    await connection.query(
      `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language, created_at,
         updated_at, expires_at)
       VALUES ('u', ?, 3, '', '', 'summary', 'de', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [status],
    )
  }
  await connection.query('UPDATE vision_jobs SET brand_id = 7, brand_version = 2')
  await connection.query("UPDATE vision_jobs SET next_step = 'content' WHERE id <> 3")
  await connection.query("UPDATE vision_jobs SET answer_issue = 'too long' WHERE id IN (2, 3)")
  for (const [job, kind, version] of [
    [1, 'analysis', 3],
    [1, 'content', 4],
    [2, 'analysis', 3],
  ]) {
    await connection.query(
      `INSERT INTO vision_job_outputs (job_id, kind, version, model, body, created_at)
       VALUES (?, ?, ?, 'm', '{"a":1}', '2026-01-02 03:04:05.678')`,
      [job, kind, version],
    )
  }
  await connection.query(
    `INSERT INTO vision_job_attempts (job_id, attempt, worker_id, step, possibly_billed, started_at)
     VALUES (1, 1, 'w', 'content', 'content', '2026-01-01'), (1, 2, 'w', 'content', NULL, '2026-01-01')`,
  )
  await migrateDatabase(url)
  const texts = `SELECT job_id, text, output_format, language, brand_id, brand_version, variant, status, revision, version, answer_issue
    FROM vision_job_texts ORDER BY job_id`
  const text = { text: 1, output_format: 'summary', language: 'de', brand_id: 7, brand_version: 2, variant: 1 }
  expect(await query(texts)).toEqual([
    { job_id: 1, ...text, status: 'completed', revision: 1, version: 4, answer_issue: null },
    { job_id: 2, ...text, status: 'waiting', revision: 0, version: 1, answer_issue: 'too long' },
    { job_id: 3, ...text, status: 'waiting', revision: 0, version: 1, answer_issue: null },
  ])
  expect(await query('SELECT texts, texts_completed, answer_issue FROM vision_jobs ORDER BY id')).toEqual([
    { texts: 1, texts_completed: 1, answer_issue: null },
    { texts: 1, texts_completed: 0, answer_issue: null },
    { texts: 1, texts_completed: 0, answer_issue: 'too long' },
  ])
  expect(await query('SELECT job_id, kind, text, revision, author FROM vision_job_outputs ORDER BY id')).toEqual([
    { job_id: 1, kind: 'analysis', text: 0, revision: 1, author: 'model' },
    { job_id: 1, kind: 'content', text: 1, revision: 1, author: 'model' },
    { job_id: 2, kind: 'analysis', text: 0, revision: 1, author: 'model' },
  ])
  expect(await query('SELECT possibly_billed_calls AS calls FROM vision_job_attempts ORDER BY attempt')).toEqual([
    { calls: 1 },
    { calls: 0 },
  ])
})
