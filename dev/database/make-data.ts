import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { StartError } from '../errors/start-error.ts'
import type { InstalledServer } from './find-server.ts'
import { runCommand } from './run-command.ts'

const unfinished = /^database\.new\./
// Inside the server's data; both servers ignore files they do not know.
const kindFile = 'vision-pipeline-server'

/**
 * Which kind of server made the data under `<folder>/database`; undefined where there is none yet.
 *
 * @param folder absolute path of the data folder
 */
export async function madeBy(folder: string): Promise<InstalledServer['kind'] | undefined> {
  try {
    return (await readFile(join(folder, 'database', kindFile), 'utf8')).trim() as InstalledServer['kind']
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Makes the server's data under `<folder>/database`, with no account but a root that is reachable by no password-less
 * way over TCP. It is made beside its place and moved there when it is complete, so that what lies there always is;
 * leftovers of a killed attempt are removed.
 *
 * @param signal aborted when the person at the terminal wants to stop
 * @throws {StartError} the server's own tool failed, with what it printed; or it was stopped
 */
export async function makeData(
  folder: string,
  server: InstalledServer,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  for (const name of await readdir(folder)) {
    if (unfinished.test(name)) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 20 })
  }
  const unfinishedFolder = join(folder, `database.new.${randomBytes(6).toString('hex')}`)
  await mkdir(unfinishedFolder, { mode: 0o700 })

  const [program, args] = command(server, unfinishedFolder)
  const env = await serverEnvironment(folder)
  const { ok, output } = await runCommand([program, ...args, ...asRoot()], env, { cwd: folder, signal })
  if (!ok) {
    await rm(unfinishedFolder, { recursive: true, force: true, maxRetries: 20 })
    if (signal.aborted) throw new StartError('Stopped while the database was made; the next start makes it anew.')
    throw new StartError(
      `The database could not be made. ${program} said:\n\n${lastLines(output)}\n\n` +
        'Set DATABASE_URL to use another MySQL or MariaDB.',
    )
  }
  await writeFile(join(unfinishedFolder, kindFile), `${server.kind}\n`)
  try {
    await rename(unfinishedFolder, join(folder, 'database'))
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await rm(unfinishedFolder, { recursive: true, force: true })
    throw new StartError(
      `${join(folder, 'database')} exists but was not made by Vision Pipeline. Move it away, or choose another DATA_DIR.`,
    )
  }
}

function command({ kind, program, installScript }: InstalledServer, dataFolder: string): [string, string[]] {
  if (kind === 'mysql' || !installScript) {
    return [program, ['--no-defaults', '--initialize-insecure', `--datadir=${dataFolder}`, ...sizes.mysql]]
  }
  return [
    installScript,
    [
      '--no-defaults',
      // Relative to the data folder: the script does not quote this path everywhere, and ours may hold blanks.
      `--datadir=./${basename(dataFolder)}`,
      '--auth-root-authentication-method=socket',
      // Otherwise the user who runs the script gets an account like root's.
      '--auth-root-socket-user=root',
      '--skip-test-db',
      '--skip-name-resolve',
      ...sizes.mariadb,
    ],
  ]
}

/** Log sizes that keep a new data folder small (MariaDB: 26 MB), for making and for running it alike. */
export const sizes = {
  mariadb: ['--innodb-log-file-size=8M'],
  mysql: ['--innodb-redo-log-capacity=8M'],
} as const

/**
 * The environment of a server: ours, with a place of its own for temporary tables. A starting MariaDB deletes all that
 * look like its own there, and in a shared place these are those of other servers at work.
 *
 * @param folder absolute path of the data folder
 */
export async function serverEnvironment(folder: string): Promise<NodeJS.ProcessEnv> {
  const temporary = join(folder, 'database-temporary')
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  return { ...process.env, TMPDIR: temporary }
}

/** Both servers refuse to run as root unless told to. */
export function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

/** The end of a server's log, where it says what went wrong. */
export function lastLines(text: string, count = 15): string {
  return text.trim().split('\n').slice(-count).join('\n')
}
