import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { temporaryFolder } from './temporary-folder.ts'

const run = promisify(execFile)

/** As durable as the private MySQL of a measurement: the log is flushed within a second, and torn pages are not guarded against. */
const settings = {
  shared_buffers: '1GB',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '4GB',
  max_connections: '200',
  // The statistics would be taken at some moment of a round.
  autovacuum_naptime: '10s',
}

/** A PostgreSQL of a measurement's own. */
export interface Postgres {
  /** `postgres://…` */
  readonly url: string
  /** As in `PostgreSQL 15.9`. */
  readonly name: string
}

/**
 * Starts a private PostgreSQL, which ends with the measurement; as the user `postgres` for root, whom it refuses.
 *
 * @returns undefined where none is installed (Debian: `apt-get install postgresql`)
 */
export async function startPostgres(cleanup: AsyncDisposableStack): Promise<Postgres | undefined> {
  const bin = await findPrograms()
  if (bin === undefined) return undefined
  const asPostgres = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--'] : []
  const command = (program: string, args: readonly string[]) => {
    const [first = '', ...rest] = [...asPostgres, join(bin, program), ...args]
    return [first, rest] as const
  }
  const folder = await temporaryFolder(cleanup)
  if (asPostgres.length > 0) await run('chown', ['postgres', folder])
  else await chmod(folder, 0o700)
  const data = join(folder, 'data')
  await run(...command('initdb', ['-D', data, '-U', 'bench', '--auth=trust', '--no-sync', '-E', 'UTF8']))
  const port = await freePort()
  const given = Object.entries({ ...settings, port, listen_addresses: '127.0.0.1', unix_socket_directories: folder })
  const child = spawn(
    ...command('postgres', ['-D', data, ...given.flatMap(([name, value]) => ['-c', `${name}=${value}`])]),
    {
      stdio: 'ignore',
    },
  )
  const closed = once(child, 'close')
  cleanup.defer(async () => {
    // SIGINT: clients are cut off, and nothing is kept.
    await run(...command('pg_ctl', ['-D', data, '-m', 'fast', 'stop']))
    await closed
  })
  const connection = ['-h', '127.0.0.1', '-p', String(port), '-U', 'bench', '-d', 'postgres']
  for (let left = 200; ; left--) {
    try {
      const { stdout } = await run(...command('psql', [...connection, '-Atc', 'SHOW server_version']))
      const [version] = stdout.split(/[\s(]/)
      return { url: `postgres://bench@127.0.0.1:${port}/postgres`, name: `PostgreSQL ${version}` }
    } catch (error) {
      if (left === 0 || child.exitCode !== null) throw error
      await delay(50)
    }
  }
}

/** The folder of the newest version's programs. */
async function findPrograms(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.toSorted((one, other) => Number(other) - Number(one))[0]
  return newest && `/usr/lib/postgresql/${newest}/bin`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
