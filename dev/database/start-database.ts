import type { DataFolder } from '../data/data-folder.ts'
import { StartError } from '../errors/start-error.ts'
import { checkDatabaseUrl } from './check-url.ts'
import { findServer, type InstalledServer, serverDirectories } from './find-server.ts'
import { installServer, none } from './install-server.ts'
import { madeBy, makeData } from './make-data.ts'
import { databaseName, startPrivateServer } from './private-server.ts'
import type { Environment } from './run-command.ts'

/** The database of a local stack. */
export type LocalDatabase = {
  /** `mysql://user:password@host:port/database`; holds a secret, keep it out of logs */
  url: string
  /** as in `MariaDB 10.11.19, started here`; safe to show */
  description: string
  /** resolves when a server started here ends without having been asked to; any other database is not watched */
  endedByItself: Promise<void>
  /** Ends the server that was started here, within about 5 s; leaves any other database alone. */
  stop(): Promise<void>
}

/** How to start a {@link LocalDatabase}. */
export type LocalDatabaseOptions = {
  /** keeps the data and the password of a database started here */
  folder: DataFolder
  /** DATABASE_URL names a database to use instead; PATH says where servers and package managers are */
  env: Environment
  /** gets one line for whatever takes long or went wrong */
  log: (line: string) => void
  /** aborted when it is no longer wanted: ends the making of a new database, which takes the longest */
  signal?: AbortSignal | undefined
  /** where to look for an installed server; by default what {@link serverDirectories} says */
  directories?: readonly string[]
}

/**
 * Starts the database: the one DATABASE_URL names, which is only checked, or a private MariaDB or MySQL on a free port
 * of 127.0.0.1 with its data in the folder. The server program is installed, or unpacked in the user's cache, where there is none.
 *
 * @throws {StartError} it cannot be had; the message says what to do
 */
export async function startDatabase(options: LocalDatabaseOptions): Promise<LocalDatabase> {
  const url = options.env.DATABASE_URL
  if (!url) return startPrivateDatabase(options)
  const description = await checkDatabaseUrl('DATABASE_URL', url, { named: true })
  return { url, description, endedByItself: new Promise(() => {}), stop: async () => {} }
}

/**
 * The private database of {@link startDatabase}, whatever DATABASE_URL says.
 *
 * @param options.administrator whether the URL's user may create databases and do anything else
 * @param options.settings further settings of the server, such as `--innodb-flush-log-at-trx-commit=0`
 */
export async function startPrivateDatabase({
  folder,
  env,
  log,
  signal,
  directories,
  administrator = false,
  settings = [],
}: LocalDatabaseOptions & { administrator?: boolean; settings?: readonly string[] }): Promise<LocalDatabase> {
  const find = async (kind?: InstalledServer['kind']) => findServer(directories ?? (await serverDirectories(env)), kind)
  const kind = await madeBy(folder.path)
  let server = await find(kind)
  if (!server && (await find())) {
    const name = kind === 'mysql' ? 'MySQL' : 'MariaDB'
    throw new StartError(
      `The database in ${folder.path} was made by ${name}, which is no longer installed. ` +
        `Install it again, set DATABASE_URL, or choose a new DATA_DIR.`,
    )
  }
  if (!server) {
    await installServer(env, log)
    server = await find(kind)
    if (!server) throw none('One was just installed but cannot be found or is too old.')
  }
  if (!kind) await makeData(folder.path, server, signal)

  const { port, user, password, endedByItself, stop } = await startPrivateServer({
    folder,
    server,
    administrator,
    settings,
    log,
  })
  return {
    url: `mysql://${user}:${password}@127.0.0.1:${port}/${databaseName}`,
    description: `${server.kind === 'mysql' ? 'MySQL' : 'MariaDB'} ${server.version}, started here`,
    endedByItself,
    stop,
  }
}
