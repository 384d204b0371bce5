import { expect, inject, test } from 'vitest'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { createEmptyDatabase, createTestDatabase } from '../support/database/test-database.ts'
import { readDatabase } from './schema.ts'

test('a database of a test is what the migrations make of an empty one', async () => {
  const copied = await createTestDatabase()
  const migrated = await createEmptyDatabase()
  await migrateDatabase(migrated.url)
  const made = await readDatabase(migrated.url)
  expect(made.tables).toContain('vision_jobs')
  expect(made.tables).toEqual(inject('schema').tables)
  expect((await readDatabase(copied.url)).sql).toBe(made.sql)
  await copied.drop()
  await migrated.drop()
})
