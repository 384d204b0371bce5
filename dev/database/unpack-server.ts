import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Environment, RunResult } from './run-command.ts'
import { runCommand } from './run-command.ts'

/** Where {@link unpackServer} puts the server: one for all checkouts of this user. */
export function unpackedFolder(env: Environment): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'vision-pipeline', 'mariadb')
}

/** The directory of {@link unpackedFolder} that holds the programs to run. */
export function unpackedPrograms(env: Environment): string {
  return join(unpackedFolder(env), 'bin')
}

/**
 * Gets MariaDB's server without being root: apt-get downloads the packages and whatever they need that the system
 * lacks, with its lists and its cache in a folder of ours, and they are unpacked beside each other instead of
 * installed. Small scripts then run the programs from where they lie.
 *
 * @param apt absolute path of apt-get
 * @param packages names of the packages
 */
export async function unpackServer(apt: string, packages: readonly string[], env: Environment): Promise<RunResult> {
  const target = unpackedFolder(env)
  const unfinished = `${target}.new.${randomBytes(6).toString('hex')}`
  const archives = join(unfinished, 'apt', 'archives')
  try {
    await mkdir(join(archives, 'partial'), { recursive: true })
    await mkdir(join(unfinished, 'apt', 'lists', 'partial'), { recursive: true })
    const options = [`Dir::State=${unfinished}/apt`, `Dir::Cache=${unfinished}/apt`, 'Debug::NoLocking=1']
    const aptGet = [apt, ...options.flatMap((option) => ['-o', option])]
    const update = await runCommand([...aptGet, 'update'], env)
    const download = await runCommand(
      [...aptGet, 'install', '--yes', '--no-install-recommends', '--download-only', ...packages],
      env,
    )
    if (!download.ok) return { ok: false, output: [update, download].map(({ output }) => output).join('\n') }
    for (const name of await readdir(archives)) {
      if (!name.endsWith('.deb')) continue
      const unpacked = await runCommand(['dpkg-deb', '--extract', join(archives, name), join(unfinished, 'root')], env)
      if (!unpacked.ok) return unpacked
    }
    await rm(join(unfinished, 'apt'), { recursive: true })
    await mkdir(join(unfinished, 'bin'))
    for (const program of ['usr/sbin/mariadbd', 'usr/bin/mariadb-install-db']) {
      await writeFile(join(unfinished, 'bin', program.replace(/.*\//, '')), launcher(program), { mode: 0o755 })
    }
    // What lies there does not run, else it would have been found.
    await rm(target, { recursive: true, force: true })
    await mkdir(dirname(target), { recursive: true })
    await rename(unfinished, target)
    return { ok: true, output: '' }
  } catch (error) {
    return { ok: false, output: (error as Error).message }
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

// --no-defaults has to stay the first argument.
function launcher(program: string): string {
  return `#!/bin/sh
root=\${0%/bin/*}/root
for directory in "$root"/usr/lib/*-linux-gnu* "$root"/lib/*-linux-gnu*; do
  LD_LIBRARY_PATH=$directory\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
first=$1
shift
exec "$root/${program}" "$first" "--basedir=$root/usr" "$@"
`
}
