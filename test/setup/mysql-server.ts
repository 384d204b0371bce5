import { randomBytes } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { findServer, type InstalledServer, serverDirectories } from '../../dev/database/find-server.ts'
import { type Environment, runCommand } from '../../dev/database/run-command.ts'

// Debian 12 has MariaDB alone; its unstable suite has Oracle's server, and the clients that go with it.
const suite = 'sid'
const packages = ['mysql-server-core', 'mysql-client-core']
const programs = { mysqld: 'sbin', mysqldump: 'bin', mysql: 'bin' }
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** Unpacked with everything they depend on; a server needs none of these, and they are half of the size. */
const unneeded = /^(perl|libperl|libgdbm|libdb5)/

/**
 * The directories in which a MySQL server is found. Where none is installed, Debian's own is unpacked into the user's cache with
 * `mysqldump` and `mysql` beside it and the libraries they were built for, the C library included: the machine's packages and apt
 * sources stay as they are.
 *
 * @param env PATH, HOME and XDG_CACHE_HOME
 * @throws Error if there is none and it cannot be had; the message holds what apt said
 */
export async function mysqlDirectories(env: Environment, log: (line: string) => void): Promise<readonly string[]> {
  const target = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'vision-pipeline', 'mysql')
  const unpacked = join(target, 'bin')
  const programsThere = Object.keys(programs).map((name) => access(join(unpacked, name)))
  const isWhole = await Promise.all(programsThere).then(
    () => true,
    () => false,
  )
  const directories = [...(await serverDirectories(env)), ...(isWhole ? [unpacked] : [])]
  const found = (await mysqlIn(directories)) ?? (await unpack(target, env, log).then(() => mysqlIn([unpacked])))
  if (!found) throw new Error(`A MySQL server was unpacked into ${target} and does not run.`)
  return [dirname(found.program)]
}

function mysqlIn(directories: readonly string[]): Promise<InstalledServer | undefined> {
  return findServer(directories, 'mysql')
}

async function unpack(target: string, env: Environment, log: (line: string) => void): Promise<void> {
  log(`unpacking a MySQL server into ${target} (by apt-get, nothing is installed) …`)
  const unfinished = `${target}.new.${randomBytes(6).toString('hex')}`
  try {
    const root = join(unfinished, 'root')
    await mkdir(root, { recursive: true })
    for (const archive of await download(join(unfinished, 'apt'), env)) {
      await run(['dpkg-deb', '--extract', archive, root], env)
    }
    await rm(join(unfinished, 'apt'), { recursive: true })
    await mkdir(join(unfinished, 'bin'))
    for (const [name, directory] of Object.entries(programs)) {
      const start =
        name === 'mysqld'
          ? startServer
          : `exec "$linker" --library-path "$directory" "$root/usr/${directory}/${name}" "$@"\n`
      await writeFile(join(unfinished, 'bin', name), `${launcher}${start}`, { mode: 0o755 })
    }
    // What lies there does not run, else it would have been found.
    await rm(target, { recursive: true, force: true })
    await rename(unfinished, target)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** Downloads the packages with all they depend on, into a state of apt's of our own. */
async function download(folder: string, env: Environment): Promise<readonly string[]> {
  for (const name of ['lists/partial', 'archives/partial']) await mkdir(join(folder, name), { recursive: true })
  const sources = join(folder, 'sources.list')
  await writeFile(sources, `deb [signed-by=${keyring}] ${await mirror()} ${suite} main\n`)
  await writeFile(join(folder, 'status'), '')
  const settings = [
    `Dir::State=${folder}`,
    // Nothing counts as installed, so that apt fetches the C library as well.
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}`,
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::Preferences=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
  ]
  const apt = ['apt-get', '-qq', ...settings.flatMap((setting) => ['-o', setting])]
  await run([...apt, 'update'], env)
  await run([...apt, 'install', '--yes', '--no-install-recommends', '--download-only', ...packages], env)
  const archives = join(folder, 'archives')
  const names = (await readdir(archives)).filter((name) => name.endsWith('.deb') && !unneeded.test(name))
  return names.map((name) => join(archives, name))
}

/** Where this machine gets its Debian packages. */
async function mirror(): Promise<string> {
  const folder = '/etc/apt/sources.list.d'
  const names = (await readdir(folder).catch(() => [])).toSorted()
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const [, uri] = /^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s*)?)(https?:\S+)/m.exec(text) ?? []
    if (uri) return uri
  }
  throw new Error('A MySQL server could not be had: apt has no source of packages on this machine.')
}

async function run(command: readonly string[], env: Environment): Promise<void> {
  const { ok, output } = await runCommand(command, env)
  if (!ok) throw new Error(`A MySQL server could not be had. ${command[0]} said:\n\n${output}`)
}

// Runs a program by its own dynamic linker and C library.
const launcher = `#!/bin/sh
root=\${0%/bin/*}/root
for linker in "$root"/usr/lib64/ld-linux-*.so.* "$root"/usr/lib/*-linux-gnu*/ld-linux-*.so.* "$root"/usr/lib/ld-linux-*.so.*; do
  [ -e "$linker" ] && break
done
for directory in "$root"/usr/lib/*-linux-gnu*; do :; done
`
// --no-defaults has to stay the first argument.
const startServer = `first=$1
shift
exec "$linker" --library-path "$directory" "$root/usr/sbin/mysqld" "$first" "--basedir=$root/usr" \\
  "--lc-messages-dir=$root/usr/share/mysql" "--character-sets-dir=$root/usr/share/mysql/charsets" \\
  "--plugin-dir=$root/usr/lib/mysql/plugin" "$@"
`
