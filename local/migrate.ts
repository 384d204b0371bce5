import { loadMigrationConfig } from '../core/config.ts'
import { MigrationError, migrateDatabase } from '../drizzle/migrate.ts'
import { openDataFolder } from './data-folder.ts'
import { startDatabase } from './database/start-database.ts'
import { localEnvironment } from './environment.ts'
import { readOptions } from './options.mjs'
import { StartError } from './start-error.ts'

/** `npm run db:migrate`: on DATABASE_URL, or on the database in the data folder, which is started for it. */
async function main(): Promise<void> {
  const env = await localEnvironment()
  if (env.DATABASE_URL) return report(loadMigrationConfig(env).DATABASE_URL)
  await using cleanup = new AsyncDisposableStack()
  const folder = await openDataFolder(readOptions([], env).dataDir)
  cleanup.defer(() => folder.release())
  const server = await startDatabase({ folder, env, log: say })
  cleanup.defer(() => server.stop())
  await report(server.url)
}

async function report(url: string): Promise<void> {
  const applied = await migrateDatabase(url)
  const { host, pathname } = new URL(url)
  say(applied === 0 ? `${host}${pathname} is up to date.` : `${applied} migrations were applied to ${host}${pathname}.`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  await main()
} catch (error) {
  const forPeople = error instanceof StartError || error instanceof MigrationError
  process.stderr.write(`${forPeople ? error.message : (error as Error).stack}\n`)
  process.exitCode = 1
}
