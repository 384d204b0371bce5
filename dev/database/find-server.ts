import { execFile } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from './run-command.ts'
import { unpackedPrograms } from './unpack-server.ts'

/** A database server installed on this machine. */
export type InstalledServer = {
  kind: 'mariadb' | 'mysql'
  /** absolute path of mariadbd or mysqld */
  program: string
  /** as in `10.11.19` */
  version: string
  /** absolute path of the script that makes a MariaDB data folder; mysqld makes its own */
  installScript: string | undefined
}

// mysqld last: Ubuntu's AppArmor confines it to /var/lib/mysql.
const programs = ['mariadbd', 'mysqld']
const installScripts = ['mariadb-install-db', 'mysql_install_db']
// The first versions with SELECT … FOR UPDATE SKIP LOCKED, on which the queue stands.
const oldest = { mariadb: [10, 6], mysql: [8, 0] } as const

/**
 * Where database servers are found: PATH, where packages put servers but users' PATHs do not look, and Homebrew's
 * prefixes with its versioned formulas; last what was unpacked for lack of these.
 */
export async function serverDirectories(env: Environment): Promise<string[]> {
  const directories = (env.PATH ?? '').split(delimiter).filter(Boolean)
  directories.push('/usr/sbin', '/usr/bin', '/usr/libexec', '/usr/local/sbin', '/usr/local/bin', '/usr/local/mysql/bin')
  for (const prefix of ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew']) {
    directories.push(join(prefix, 'bin'))
    const formulas = await readdir(join(prefix, 'opt')).catch(() => [])
    directories.push(
      ...formulas.filter((name) => /^(mariadb|mysql)(@|$)/.test(name)).map((name) => join(prefix, 'opt', name, 'bin')),
    )
  }
  directories.push(unpackedPrograms(env))
  return [...new Set(directories)]
}

/**
 * Finds a server that can hold the queue: MariaDB 10.6 or MySQL 8.0, or later.
 *
 * @param kind only this kind, where a data folder was made by one
 * @returns undefined when there is none
 */
export async function findServer(
  directories: readonly string[],
  kind?: InstalledServer['kind'],
): Promise<InstalledServer | undefined> {
  for (const name of programs) {
    for (const directory of directories) {
      const program = join(directory, name)
      if (!(await isExecutable(program))) continue
      const server = await inspect(program, directories)
      if (server && (!kind || server.kind === kind)) return server
    }
  }
  return undefined
}

async function inspect(program: string, directories: readonly string[]): Promise<InstalledServer | undefined> {
  // Both print one line: `/usr/sbin/mariadbd  Ver 10.11.19-MariaDB-… for …`.
  const printed = await promisify(execFile)(program, ['--no-defaults', '--version']).catch(() => undefined)
  const [, version, major, minor] = /\bVer ((\d+)\.(\d+)\.\d+)/.exec(printed?.stdout ?? '') ?? []
  if (!printed || !version) return undefined
  const kind = printed.stdout.includes('MariaDB') ? 'mariadb' : 'mysql'
  const [oldestMajor, oldestMinor] = oldest[kind]
  if (Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor)) return undefined
  if (kind === 'mysql') return { kind, program, version, installScript: undefined }

  const beside = [dirname(program), join(dirname(program), '../bin'), join(dirname(program), '../scripts')]
  const installScript = await firstExecutable([...beside, ...directories], installScripts)
  return installScript ? { kind, program, version, installScript } : undefined
}

async function firstExecutable(directories: string[], names: string[]): Promise<string | undefined> {
  for (const directory of directories) {
    for (const name of names) {
      if (await isExecutable(join(directory, name))) return join(directory, name)
    }
  }
  return undefined
}

/** Whether this user may run the file. */
export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
