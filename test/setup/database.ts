import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { checkDatabaseUrl } from '../../dev/database/check-url.ts'
import { startPrivateDatabase } from '../../dev/database/start-database.ts'
import { mysqlDirectories } from './mysql-server.ts'
import { readSchema, type Schema } from './schema.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** `mysql://…` of a user who may create databases; test files make their own and drop them */
    databaseServer: string
    /** Where the clients of the server's own make are; on PATH if undefined. */
    databasePrograms: string | undefined
    /** a folder for what test files share: it goes with the run */
    runFolder: string
    /** what the migrations make, so that test files need not apply them */
    schema: Schema
  }
}

const prefix = 'vision-pipeline-test-'
const leftoverAfterMs = 60 * 60_000

/**
 * Provides one database server to all test files, and the schema of the product: that of TEST_DATABASE_URL, or one of our own in a throwaway folder, MySQL with
 * TEST_DATABASE=mysql and MariaDB otherwise.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const path = await mkdtemp(join(tmpdir(), prefix))
  const runFolder = join(path, 'run')
  await mkdir(runFolder)
  project.provide('runFolder', runFolder)
  const remove = () => rm(path, { recursive: true, force: true })

  const given = process.env.TEST_DATABASE_URL
  if (given) {
    await checkDatabaseUrl('TEST_DATABASE_URL', given)
    project.provide('databaseServer', given)
    project.provide('schema', await readSchema(given))
    return remove
  }

  const { TEST_DATABASE: kind = 'mariadb' } = process.env
  if (kind !== 'mariadb' && kind !== 'mysql') throw new Error('TEST_DATABASE must be mariadb or mysql.')
  const folder = await openDataFolder(join(path, 'database'))
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const directories = kind === 'mysql' ? await mysqlDirectories(process.env, log) : undefined
  const database = await startPrivateDatabase({
    folder,
    env: process.env,
    log,
    ...(directories && { directories }),
    administrator: true,
    // Nothing here outlives the tests, a power cut included. A file for each of the thousands of tables costs a fifth of a run.
    settings: [
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-doublewrite=0',
      '--innodb-flush-method=nosync',
      '--innodb-file-per-table=0',
      // Each of six workers may hold twenty of its own database, and as many of each API that its file starts.
      '--max-connections=500',
    ],
  })
  project.provide('databaseServer', database.url)
  project.provide('databasePrograms', directories?.[0])
  project.provide('schema', await readSchema(database.url))
  return async () => {
    await database.stop()
    await remove()
  }
}

// Interrupted tests cannot remove their folders. No test runs for an hour.
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const path = join(tmpdir(), name)
    const { mtimeMs, uid } = await stat(path).catch(() => ({ mtimeMs: Number.NaN, uid: -1 }))
    if (uid === process.getuid?.() && Date.now() - mtimeMs > leftoverAfterMs) {
      await rm(path, { recursive: true, force: true })
    }
  }
}
