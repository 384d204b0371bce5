import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDataFolder } from '../../../dev/data/data-folder.ts'
import { findServer, serverDirectories } from '../../../dev/database/find-server.ts'
import { startPrivateDatabase } from '../../../dev/database/start-database.ts'
import { unpackedPrograms } from '../../../dev/database/unpack-server.ts'
import { StartError } from '../../../dev/errors/start-error.ts'
import { temporaryFolder } from '../child-processes.ts'

const isRoot = process.getuid?.() === 0

// A machine of its own: commands that note how they were called, and an empty place for a server.
async function machine(commands: Record<string, string>) {
  const root = await temporaryFolder()
  const [bin, servers] = [join(root, 'bin'), join(root, 'servers')]
  const cache = join(root, 'cache')
  await mkdir(bin)
  await mkdir(servers)
  for (const tool of ['env', 'sh', 'ln', 'mkdir', 'true']) await symlink(`/usr/bin/${tool}`, join(bin, tool))
  for (const [name, body] of Object.entries(commands)) {
    await writeFile(join(bin, name), `#!/bin/sh\nroot="${root}"\necho "${name} $*" >> "$root/calls"\n${body}\n`)
    await chmod(join(bin, name), 0o755)
  }
  const folder = await openDataFolder(join(root, 'data'))
  onTestFinished(() => folder.release())
  const lines: string[] = []
  const startHere = async () => {
    const database = await startPrivateDatabase({
      folder,
      env: { PATH: bin, XDG_CACHE_HOME: cache },
      log: (line) => lines.push(line),
      directories: [servers, unpackedPrograms({ XDG_CACHE_HOME: cache })],
    })
    onTestFinished(() => database.stop())
    return database
  }
  const calls = async () => (await readFile(join(root, 'calls'), 'utf8')).trim().split('\n')
  return { servers, cache, lines, startHere, calls }
}

test.runIf(isRoot)('root on Debian without a server gets one installed, announced in one line', async () => {
  const installed = await findServer(await serverDirectories(process.env))
  if (!installed) throw new Error('no server')
  const { servers, lines, startHere, calls } = await machine({
    'apt-get': `case "$*" in *install*)
      ln -s ${installed.program} ${installed.installScript ?? ''} "$root/servers/" ;; esac`,
  })
  expect(await findServer([servers])).toBeUndefined()
  const database = await startHere()
  expect(database.description).toMatch(/, started here$/)
  expect(lines).toEqual(['installing the database server (apt-get install mariadb-server-core mariadb-client-core) …'])
  expect(await calls()).toEqual([
    'apt-get -o DPkg::Lock::Timeout=60 update',
    'apt-get -o DPkg::Lock::Timeout=60 install --yes --no-install-recommends mariadb-server-core mariadb-client-core',
  ])
})

test.runIf(isRoot)('when apt-get fails, its output and all the ways out are shown', async () => {
  const { startHere } = await machine({ 'apt-get': 'echo "E: Unable to locate package"; exit 100' })
  const refusal = await startHere().catch((error) => error)
  expect(refusal).toBeInstanceOf(StartError)
  expect(refusal.message).toMatch(/E: Unable to locate package[\s\S]*DATABASE_URL[\s\S]*mariadb-server-core[\s\S]*brew/)
})

// Stands for apt-get --download-only, which would use the network: puts a package where it is told to.
const downloads = `for option; do case $option in Dir::Cache=*) cache=\${option#Dir::Cache=} ;; esac; done
case "$*" in *--download-only*) : > "$cache/archives/server.deb" ;; esac`

test.skipIf(isRoot)('an ordinary user who may not install packages has the server unpacked', async () => {
  const installed = await findServer(await serverDirectories(process.env))
  if (!installed?.installScript) throw new Error('no server')
  const { cache, lines, startHere, calls } = await machine({
    'apt-get': downloads,
    sudo: 'exit 1',
    'dpkg-deb': `mkdir -p "$3/usr" && ln -s /usr/bin /usr/sbin /usr/lib /usr/share "$3/usr/"`,
  })
  const database = await startHere()
  expect(database.description).toMatch(/, started here$/)
  expect(lines).toEqual([
    expect.stringContaining(`unpacking the database server into ${cache}/vision-pipeline/mariadb`),
  ])
  expect(await readdir(join(cache, 'vision-pipeline'))).toEqual(['mariadb'])
  expect((await calls())[0]).toBe('sudo -n true')
})

test.skipIf(isRoot)('an ordinary user for whom even that fails is told all the ways out', async () => {
  const { cache, startHere } = await machine({ 'apt-get': 'echo "E: no network"; exit 100', sudo: 'exit 1' })
  await expect(startHere()).rejects.toThrow(/may not install[\s\S]*no network[\s\S]*DATABASE_URL[\s\S]*server-core/)
  expect(await readdir(join(cache, 'vision-pipeline'))).toEqual([])
})

test.skipIf(isRoot)('an ordinary user with sudo installs through it', async () => {
  const { startHere, calls } = await machine({ 'apt-get': 'exit 1', sudo: 'shift; exec "$@"' })
  await expect(startHere()).rejects.toThrow('apt-get failed')
  expect((await calls()).filter((call) => call.startsWith('apt-get'))).toHaveLength(2)
})

test('a machine without any package manager is told all the ways out', async () => {
  const { startHere } = await machine({})
  await expect(startHere()).rejects.toThrow(
    /No package manager[\s\S]*DATABASE_URL[\s\S]*mariadb-server-core[\s\S]*brew/,
  )
})

test('a server too old for SKIP LOCKED, or something else of that name, is passed over', async () => {
  const root = await temporaryFolder()
  for (const [name, printed] of [
    ['old', 'mariadbd  Ver 10.5.29-MariaDB-0+deb11u1 for debian-linux-gnu on x86_64 (Debian 11)'],
    ['other', 'not a server'],
    ['new', 'mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)'],
  ]) {
    await mkdir(join(root, String(name)))
    await writeFile(join(root, String(name), 'mysqld'), `#!/bin/sh\necho '${printed}'\n`, { mode: 0o755 })
  }
  expect(await findServer([join(root, 'old'), join(root, 'other')])).toBeUndefined()
  expect(await findServer(['old', 'other', 'new'].map((name) => join(root, name)))).toEqual({
    kind: 'mysql',
    program: join(root, 'new', 'mysqld'),
    version: '8.4.3',
    installScript: undefined,
  })
})
