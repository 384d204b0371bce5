import { delimiter, join } from 'node:path'
import { StartError } from '../errors/start-error.ts'
import { isExecutable } from './find-server.ts'
import { type Environment, runCommand } from './run-command.ts'
import { unpackedFolder, unpackServer } from './unpack-server.ts'

// Debian's packages without a service: the server as a program and the tools its installation script calls.
const debianPackages = ['mariadb-server-core', 'mariadb-client-core']

const waysOut =
  'Any of these helps:\n' +
  '  - set DATABASE_URL=mysql://user:password@host:port/database to a MySQL 8.0 or MariaDB 10.6 or later\n' +
  `  - Debian, Ubuntu: apt-get install ${debianPackages.join(' ')}\n` +
  '  - macOS: brew install mariadb\n' +
  '  - elsewhere: install MariaDB 10.6 or MySQL 8.0 or later, so that mariadbd or mysqld is on PATH'

/**
 * Gets MariaDB's server program through the system's package manager: apt-get as root or through sudo, apt-get without
 * either (see {@link unpackServer}), or Homebrew on macOS. Says in one line what it does; what the package manager
 * prints is shown only if it fails.
 *
 * @param env PATH says where the package managers are
 * @throws {StartError} it could not be had; the message names all the ways out
 */
export async function installServer(env: Environment, log: (line: string) => void): Promise<void> {
  const aptGet = await findOnPath('apt-get', env)
  if (aptGet) {
    const prefix = await rootPrefix(env)
    if (!prefix) {
      log(`unpacking the database server into ${unpackedFolder(env)} (by apt-get, nothing is installed) …`)
      const { ok, output } = await unpackServer(aptGet, debianPackages, env)
      if (!ok) throw none(`This user may not install packages, and unpacking them failed:\n\n${output}\n`)
      return
    }
    log(`installing the database server (${prefix.length ? 'sudo ' : ''}apt-get install ${debianPackages.join(' ')}) …`)
    const apt = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', aptGet, '-o', 'DPkg::Lock::Timeout=60']
    // Lists that could not all be fetched are often still good enough.
    const update = await runCommand([...apt, 'update'], env)
    const install = await runCommand([...apt, 'install', '--yes', '--no-install-recommends', ...debianPackages], env)
    if (!install.ok) {
      const failed = [update, install].filter(({ ok }) => !ok).map(({ output }) => output)
      throw none(`apt-get failed:\n\n${failed.join('\n')}\n`)
    }
    return
  }
  const brew = process.platform === 'darwin' ? await findOnPath('brew', env) : undefined
  if (brew) {
    log('installing the database server (brew install mariadb) …')
    const { ok, output } = await runCommand([brew, 'install', '--quiet', 'mariadb'], env)
    if (!ok) throw none(`brew failed:\n\n${output}\n`)
    return
  }
  throw none('No package manager that could install one was found (apt-get, or brew on macOS).')
}

/** The error for a machine without a database server. */
export function none(reason: string): StartError {
  return new StartError(`There is no database server on this machine. ${reason}\n${waysOut}`)
}

// What to put before a command to run it as root; undefined when this user may not, or not without a password.
async function rootPrefix(env: Environment): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return []
  const sudo = await findOnPath('sudo', env)
  return sudo && (await runCommand([sudo, '-n', 'true'], env)).ok ? [sudo, '-n'] : undefined
}

async function findOnPath(name: string, env: Environment): Promise<string | undefined> {
  // An ordinary user's PATH on Debian lacks the sbin folders, but apt-get and sudo are in /usr/bin.
  for (const directory of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    if (await isExecutable(join(directory, name))) return join(directory, name)
  }
  return undefined
}
