import { parseArgs } from 'node:util'
import { secureDatabaseUrl } from '../core/platform/config/database-url.ts'
import { OptionsError, readOptions } from '../dev/boot/options.mjs'
import { type DataFolder, FolderInUse, openDataFolder, requireDataFolder } from '../dev/data/data-folder.ts'
import { checkDatabaseUrl } from '../dev/database/check-url.ts'
import { startDatabase } from '../dev/database/start-database.ts'
import { errorText } from '../dev/errors/error-text.ts'
import { StartError } from '../dev/errors/start-error.ts'
import { migrateDatabase } from '../drizzle/migrate.ts'
import type { ExitCode, Terminal } from './terminal.ts'

const usage = `Applies the pending migrations to a database.

Usage: npm run db:migrate

With DATABASE_URL, exported or in .env, to that database; without it to the one that npm start keeps in DATA_DIR.
`

/**
 * Applies the pending migrations to DATABASE_URL, or to the database in the data folder, which is started for it.
 *
 * @param args the arguments after `npm run db:migrate --`
 */
export async function migrate(args: string[], { environment, out, error }: Terminal): Promise<ExitCode> {
  const say = (line: string) => out(`${line}\n`)
  try {
    if (asksForHelp(args)) out(usage)
    else await apply(environment(), say)
    return 0
  } catch (failure) {
    error(`${errorText(failure)}\n`)
    return failure instanceof OptionsError ? 2 : 1
  }
}

function asksForHelp(args: string[]): boolean {
  try {
    return parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } }).values.help ?? false
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}

async function apply(env: Record<string, string | undefined>, say: (line: string) => void): Promise<void> {
  if (env.DATABASE_URL) {
    await checkDatabaseUrl('DATABASE_URL', env.DATABASE_URL, { named: true })
    say(await applyTo(secureDatabaseUrl(env.DATABASE_URL)))
    return
  }
  await using cleanup = new AsyncDisposableStack()
  const folder = await openFolder(readOptions([], env).dataDir)
  cleanup.defer(() => folder.release())
  const server = await startDatabase({ folder, env, log: say })
  cleanup.defer(() => server.stop())
  say(await applyTo(server.url))
}

async function openFolder(path: string): Promise<DataFolder> {
  await requireDataFolder(path, 'database', 'DATA_DIR')
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

async function applyTo(url: string): Promise<string> {
  const applied = await migrateDatabase(url)
  const { host, pathname } = new URL(url)
  const migrations = applied === 1 ? '1 migration was' : `${applied} migrations were`
  return applied === 0 ? `${host}${pathname} is up to date.` : `${migrations} applied to ${host}${pathname}.`
}
