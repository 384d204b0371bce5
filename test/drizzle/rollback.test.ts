import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context, ScheduledEvent } from 'aws-lambda'
import mysql from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createImageIntake } from '../../core/images/intake.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { getVisionJob } from '../../core/queue/read/read.ts'
import { checkMigrations, migrateDatabase } from '../../drizzle/migrate.ts'
import { noCap } from '../support/database/jobs.ts'
import { contractions, readSchema } from '../support/database/schema-changes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'

// Going back: the code of today on the tables of a release to come, whose migration is made up.

let database: TestDatabase
let services: TestServices
let folder: string
beforeAll(async () => {
  // The function's log.
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  services = await startTestServices()
})
beforeEach(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})
afterAll(async () => {
  vi.restoreAllMocks()
  await services.stop()
})

/** Applies one more migration, as the next release would bring it, and says what the test of migrations thinks of it. */
async function releaseWith(statements: readonly string[]): Promise<readonly string[]> {
  cpSync(join(import.meta.dirname, '../../drizzle/migrations'), folder, { recursive: true })
  const file = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: { idx: number; when: number; tag: string }[] }
  const idx = journal.entries.length
  journal.entries.push({ ...journal.entries[0], idx, when: Date.now(), tag: '0999_next' })
  writeFileSync(file, JSON.stringify(journal))
  writeFileSync(join(folder, '0999_next.sql'), statements.join('\n--> statement-breakpoint\n'))
  const connection = await mysql.createConnection(database.url)
  try {
    const before = await readSchema(connection)
    expect(await migrateDatabase(database.url, { folder })).toBe(1)
    return contractions(before, await readSchema(connection))
  } finally {
    await connection.end()
  }
}

/** A job from its creation to its texts, by the functions of today. */
async function runJob() {
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  const taken = await intake.take(await fixtureUrl('halves.png', 'image/png'), 'ann')
  const { jobId } = await createVisionJob(
    database,
    { ...taken, analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en' },
    { userId: 'ann', maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 },
  )
  for (const [key, value] of Object.entries(services.settings(database.url))) vi.stubEnv(key, value)
  vi.stubEnv('LOG_LEVEL', 'error')
  vi.resetModules()
  const { handler } = await import('../../functions/poller.ts')
  await handler({} as ScheduledEvent, { getRemainingTimeInMillis: () => 300_000, logStreamName: 'here' } as Context)
  const { job, outputs } = await getVisionJob(database, { jobId, userId: 'ann' })
  return { status: job.status, outputs: outputs.map(({ kind }) => kind).toSorted() }
}

test('old code takes a job to its end on the tables of a release that has only added to them, and deploys again', async () => {
  const found = await releaseWith([
    'ALTER TABLE vision_jobs ADD note varchar(100), ADD weight int NOT NULL DEFAULT 1',
    'ALTER TABLE vision_jobs ADD KEY by_weight (weight, id)',
    'ALTER TABLE vision_job_attempts MODIFY error_detail varchar(3000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    'CREATE TABLE vision_notes (id int PRIMARY KEY, body text NOT NULL)',
  ])
  expect(found).toEqual([])
  expect(await runJob()).toEqual({ status: 'completed', outputs: ['analysis', 'content'] })
  // What the deployment of the old code calls.
  expect(await migrateDatabase(database.url)).toBe(0)
  await checkMigrations(database.url)
})

test.each([
  ['drops what it writes', ['ALTER TABLE vision_job_attempts DROP COLUMN worker_id']],
  ['wants what it does not bring', ['ALTER TABLE vision_jobs ADD owner varchar(10) NOT NULL']],
])('it cannot on those of one that %s, which the test of migrations refuses', async (_what, statements) => {
  expect(await releaseWith(statements)).not.toEqual([])
  const outcome = await runJob().catch((error: unknown) => error)
  expect(outcome).not.toMatchObject({ status: 'completed' })
})
