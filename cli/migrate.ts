import { parseArgs } from 'node:util'
import { secureDatabaseUrl } from '../core/platform/config/database-url.ts'
import { readDotenv } from '../dev/boot/dotenv.mjs'
import { OptionsError, readOptions } from '../dev/boot/options.mjs'
import { type DataFolder, FolderInUse, openDataFolder } from '../dev/data/data-folder.ts'
import { checkDatabaseUrl } from '../dev/database/check-url.ts'
import { startDatabase } from '../dev/database/start-database.ts'
import { errorText } from '../dev/errors/error-text.ts'
import { StartError } from '../dev/errors/start-error.ts'
import { localEnvironment } from '../dev/settings/environment.ts'
import { migrateDatabase } from '../drizzle/migrate.ts'

const usage = `Applies the pending migrations to a database.

Usage: npm run db:migrate

With DATABASE_URL, exported or in .env, to that database; without it to the one that npm start keeps in DATA_DIR.
`

try {
  if (asksForHelp(process.argv.slice(2))) say(usage.trimEnd())
  else await migrate(localEnvironment(readDotenv()))
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`)
  process.exitCode = error instanceof OptionsError ? 2 : 1
}

function asksForHelp(args: string[]): boolean {
  try {
    return parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } }).values.help ?? false
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}

/** On DATABASE_URL, or on the database in the data folder, which is started for it. */
async function migrate(env: Record<string, string | undefined>): Promise<void> {
  if (env.DATABASE_URL) {
    await checkDatabaseUrl('DATABASE_URL', env.DATABASE_URL, { named: true })
    return apply(secureDatabaseUrl(env.DATABASE_URL))
  }
  await using cleanup = new AsyncDisposableStack()
  const folder = await openFolder(readOptions([], env).dataDir)
  cleanup.defer(() => folder.release())
  const server = await startDatabase({ folder, env, log: say })
  cleanup.defer(() => server.stop())
  await apply(server.url)
}

async function openFolder(path: string): Promise<DataFolder> {
  try {
    return await openDataFolder(path)
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error
    throw new StartError(
      `The database in ${path} is in use by process ${error.pid}. ` +
        'Stop the stack first, or leave it: npm start migrates by itself.',
    )
  }
}

async function apply(url: string): Promise<void> {
  const applied = await migrateDatabase(url)
  const { host, pathname } = new URL(url)
  const migrations = applied === 1 ? '1 migration was' : `${applied} migrations were`
  say(applied === 0 ? `${host}${pathname} is up to date.` : `${migrations} applied to ${host}${pathname}.`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
