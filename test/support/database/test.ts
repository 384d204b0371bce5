import { test as base } from 'vitest'
import { createTestDatabase } from './test-database.ts'

/**
 * A test with `db`, the migrated database of the worker. Each test finds it as the migrations leave it, whether or not it takes `db`;
 * its next ids go on from those of the tests before. Hooks and helpers get it by `test.beforeAll(({ workerDatabase }) => …)`. A file that
 * changes the schema, fills tables with thousands of rows, or tells one story in several tests makes a database of its own.
 */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs.
  .extend('workerDatabase', { scope: 'worker' }, async ({}, { onCleanup }) => {
    const database = await createTestDatabase({ connections: 20 })
    onCleanup(() => database.drop())
    return database
  })
  .extend('db', { auto: true }, async ({ workerDatabase }, { onCleanup }) => {
    onCleanup(() => workerDatabase.empty())
    return workerDatabase
  })
