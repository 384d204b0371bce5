import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { open, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import type { DataFolder } from '../data/data-folder.ts'
import { processIdentity } from '../data/process-identity.ts'
import { StartError } from '../errors/start-error.ts'
import type { InstalledServer } from './find-server.ts'
import { guard } from './guard.ts'
import { asRoot, lastLines, serverEnvironment, sizes } from './make-data.ts'

export const databaseName = 'vision_pipeline'
export const user = 'vision'
// Crash recovery of a large queue included.
const startLimitMs = 120_000
const killAfterMs = 4_000

/** A server of our own, on 127.0.0.1. */
export type PrivateServer = {
  port: number
  /** may do anything in the database `vision_pipeline`, and as administrator anything at all */
  user: string
  password: string
  /** resolves when the server ends without having been asked to */
  endedByItself: Promise<void>
  /** Ends the server: SIGTERM, and SIGKILL to one that is still there 4 s later. Does nothing the second time. */
  stop(): Promise<void>
}

/** How to start a {@link PrivateServer}. */
export type PrivateServerOptions = {
  folder: DataFolder
  server: InstalledServer
  /** whether our user may also create databases and users, change settings, … */
  administrator: boolean
  /** further settings for the server */
  settings: readonly string[]
  log: (line: string) => void
  /** picks a port to try; another copy may take it before the server does, then it is asked again */
  pickPort?: () => Promise<number>
}

/**
 * Starts the server on the data under `<folder>/database`, once a server that a killed copy left there has ended.
 *
 * It listens on 127.0.0.1 only and has no Unix socket, whose path may not exceed 107 bytes. It runs in its own
 * process group, so that Ctrl-C in a terminal leaves it to us; if this process dies without stopping it, a guard does.
 *
 * @throws {StartError} it did not start; with the end of its log
 */
export async function startPrivateServer(options: PrivateServerOptions): Promise<PrivateServer> {
  const { folder, pickPort = freePort } = options
  await endSurvivor(folder.path, options.log)
  const password = await folder.secret('database-password', 24)
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnPort(await pickPort(), password, options)
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === 5) throw error
    }
  }
}

class PortTaken extends StartError {}

async function startOnPort(port: number, password: string, options: PrivateServerOptions): Promise<PrivateServer> {
  const { folder, server, log } = options
  const logFile = join(folder.path, 'database.log')
  const child = await spawnServer(port, password, logFile, options)
  let ready = false
  let stopping = false
  const { promise: endedByItself, resolve: reportEnd } = Promise.withResolvers<void>()
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      if (ready && !stopping) {
        log(`the database server exited unexpectedly (${signal ?? `exit code ${code}`}); see ${logFile}`)
        reportEnd()
      }
      resolve()
    })
  })
  const stop = async () => {
    stopping = true
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    await ended
    clearTimeout(timer)
    await rm(processFile(folder.path), { force: true })
    await rm(portFile(folder.path), { force: true })
  }

  const deadline = Date.now() + startLimitMs
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    if (await answers(port, password, folder.path)) {
      ready = true
      await writeFile(portFile(folder.path), String(port), { mode: 0o600 })
      await rm(accountsFile(folder.path), { force: true })
      return { port, user, password, endedByItself, stop }
    }
    await sleep(25)
  }

  await stop()
  await rm(accountsFile(folder.path), { force: true })
  const text = (await readFile(logFile, 'utf8')).replaceAll(password, '***')
  if (/Bind on TCP\/IP port|Address already in use/.test(text)) throw new PortTaken(failure(server, folder, text))
  throw new StartError(failure(server, folder, text))
}

function failure({ program }: InstalledServer, { path }: DataFolder, log: string): string {
  return (
    `The database server (${program}) did not start. The end of ${join(path, 'database.log')}:\n\n${lastLines(log)}\n\n` +
    `Set DATABASE_URL to use another MySQL or MariaDB, or, to begin anew without what is stored, remove ${join(path, 'database')}.`
  )
}

async function spawnServer(
  port: number,
  password: string,
  logFile: string,
  { folder, server, administrator, settings }: PrivateServerOptions,
): Promise<ChildProcess> {
  await writeFile(accountsFile(folder.path), accounts(password, administrator), { mode: 0o600 })
  const env = await serverEnvironment(folder.path)
  const output = await open(logFile, 'w', 0o600)
  try {
    const args = [
      '--no-defaults',
      `--datadir=${dataOf(folder.path)}`,
      `--init-file=${accountsFile(folder.path)}`,
      `--pid-file=${join(dataOf(folder.path), 'server.pid')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      '--socket=',
      '--skip-name-resolve',
      '--skip-log-bin',
      '--character-set-server=utf8mb4',
      '--default-time-zone=+00:00',
      '--innodb-buffer-pool-size=64M',
      ...sizes[server.kind],
      // MySQL's own extras: a second protocol on a port of its own, and statistics that cost 200 MB.
      ...(server.kind === 'mysql' ? ['--loose-mysqlx=OFF', '--performance-schema=OFF', '--secure-file-priv=NULL'] : []),
      ...settings,
      ...asRoot(),
    ]
    const child = spawn(server.program, args, { env, detached: true, stdio: ['ignore', output.fd, output.fd] })
    const { pid } = child
    if (pid === undefined) throw (await once(child, 'error'))[0]
    const { dismiss } = guard(pid)
    child.once('exit', dismiss)
    noteProcess(folder.path, pid)
    return child
  } finally {
    await output.close()
  }
}

// Run by the server at each start before it lets anyone in, one statement a line. Setting the password anew mends a
// folder whose secret was removed.
function accounts(password: string, administrator: boolean): string {
  const account = `'${user}'@'127.0.0.1'`
  return [
    `CREATE DATABASE IF NOT EXISTS ${databaseName} CHARACTER SET utf8mb4;`,
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}';`,
    `ALTER USER ${account} IDENTIFIED BY '${password}';`,
    administrator
      ? `GRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION;`
      : `GRANT ALL PRIVILEGES ON ${databaseName}.* TO ${account};`,
    // Made without a password by mysqld --initialize-insecure, and never needed again.
    `ALTER USER 'root'@'localhost' ACCOUNT LOCK;`,
    '',
  ].join('\n')
}

// Whether the server on that port is the one that runs on our data: it may be another's, which took the port first.
async function answers(port: number, password: string, folder: string): Promise<boolean> {
  try {
    const connection = await createConnection({
      host: '127.0.0.1',
      port,
      user,
      password,
      connectTimeout: 2_000,
      // Asked forty times a second: the driver sets 0.5 MB aside for each connection's prepared statements otherwise.
      maxPreparedStatements: 1,
    })
    try {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT @@datadir AS dataFolder')
      return (await realpath(rows[0]?.dataFolder)) === (await realpath(dataOf(folder)))
    } finally {
      connection.destroy()
    }
  } catch {
    return false
  }
}

function noteProcess(folder: string, pid: number): void {
  const note: ProcessNote = { pid, identity: processIdentity(pid) }
  writeFileSync(processFile(folder), JSON.stringify(note), { mode: 0o600 })
}

type ProcessNote = { pid: number; identity: string | undefined }

// A server that lost both its owner and its guard, as when everything is killed at once, still has the data open. We
// noted its pid with its start time, so what we end is it and nothing else, even where it no longer answers.
async function endSurvivor(folder: string, log: (line: string) => void): Promise<void> {
  const noted = await readFile(processFile(folder), 'utf8').catch(() => undefined)
  if (!noted) return
  let survivor: ProcessNote
  try {
    survivor = JSON.parse(noted)
  } catch {
    return // half written: we were killed the moment the server was born, and so was it
  }
  const isGone = () => processIdentity(survivor.pid) !== survivor.identity
  for (const [signal, limitMs] of [
    ['SIGTERM', 10_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (isGone()) return
    log(`ending a database server that an earlier run left behind (process ${survivor.pid}, ${signal}) …`)
    try {
      process.kill(survivor.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    const deadline = Date.now() + limitMs
    while (Date.now() < deadline && !isGone()) await sleep(50)
  }
  if (!isGone()) {
    throw new StartError(
      `A database server that an earlier run left behind, process ${survivor.pid}, still uses ${dataOf(folder)} ` +
        'and does not end. End it, then start again.',
    )
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', resolve)
  })
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const dataOf = (folder: string) => join(folder, 'database')
const processFile = (folder: string) => join(folder, 'database-process.json')
/** Says where the server listens while it runs, to other programs of this user. */
export const portFile = (folder: string) => join(folder, 'database-port')
const accountsFile = (folder: string) => join(folder, 'database-accounts.sql')
