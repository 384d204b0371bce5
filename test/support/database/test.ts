import { test as base } from 'vitest'
import { createTestDatabase } from './test-database.ts'

/** A test with `db`, a migrated database that the tests of a file share, each of which finds it empty. */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs.
  .extend('ownDatabase', { scope: 'file' }, async ({}, { onCleanup }) => {
    const database = await createTestDatabase()
    onCleanup(() => database.drop())
    return database
  })
  .extend('db', async ({ ownDatabase }, { onCleanup }) => {
    onCleanup(() => ownDatabase.empty())
    return ownDatabase
  })
