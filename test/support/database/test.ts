import { test as base } from 'vitest'
import { createTestDatabase } from './test-database.ts'

/**
 * A test with `db`, the migrated database of the worker. Each test finds it as the migrations leave it; its next ids go on from
 * those of the tests before. A file that changes the schema, or fills tables with thousands of rows, makes a database of its own.
 */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs.
  .extend('workerDatabase', { scope: 'worker' }, async ({}, { onCleanup }) => {
    const database = await createTestDatabase()
    onCleanup(() => database.drop())
    return database
  })
  .extend('db', async ({ workerDatabase }, { onCleanup }) => {
    onCleanup(() => workerDatabase.empty())
    return workerDatabase
  })
