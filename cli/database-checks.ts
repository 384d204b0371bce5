import { sql } from 'drizzle-orm'
import type { Database } from '../core/database/client.ts'
import { sessionIdleSeconds } from '../core/database/limits.ts'
import { rowsOf } from '../core/database/sql.ts'
import { innermost } from '../core/domain/errors.ts'
import { checkMigrations } from '../drizzle/migrate.ts'
import { type Finding, ok, wrong } from './finding.ts'

/** The largest permitted difference between the clocks of this machine and of the database, in milliseconds. */
const mostSkewMs = 5_000

type Check = (database: Database, circumstances: Circumstances) => Promise<Omit<Finding, 'check'>>

interface Circumstances {
  readonly url: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export const checks = {
  tls: async (database, { url }) => {
    const [row] = await database.run((on) => rowsOf<{ Value: string }>(on, sql`SHOW SESSION STATUS LIKE 'Ssl_cipher'`))
    const { hostname, searchParams } = new URL(url)
    const isHere = searchParams.has('socketPath') || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
    if (row?.Value) {
      const { verifyIdentity, rejectUnauthorized } = JSON.parse(searchParams.get('ssl') ?? '{}')
      return isHere || (verifyIdentity !== false && rejectUnauthorized !== false)
        ? ok(row.Value)
        : wrong(
            `${row.Value}, and any certificate is taken`,
            'Take verifyIdentity and rejectUnauthorized out of ssl in DATABASE_URL: anybody on the way could read everything.',
          )
    }
    if (isHere) return ok('none, and the database is on this machine')
    return wrong('none', 'Add ?ssl={"rejectUnauthorized":true,"verifyIdentity":true} to DATABASE_URL.')
  },
  isolation: async (database) => {
    const level = await variable(database, 'transaction_isolation', 'tx_isolation')
    return level === 'READ-COMMITTED'
      ? ok(level)
      : wrong(
          level,
          'Make READ COMMITTED the default of the server: claims can deadlock with inserts otherwise. Vitess keeps its own.',
        )
  },
  grants: async (database) => {
    const missing: string[] = []
    for (const [privilege, probe] of Object.entries(probes)) {
      const refused = await database
        .run((on) => on.execute(probe))
        .then(
          () => false,
          (error) => accessDenied.has(Number((innermost(error) as { errno?: number }).errno)) || Promise.reject(error),
        )
      if (refused) missing.push(privilege)
    }
    return missing.length === 0
      ? ok(Object.keys(probes).join(', '))
      : wrong(
          `without ${missing.join(', ')}`,
          `GRANT ${missing.join(', ')} ON the database to the user of DATABASE_URL.`,
        )
  },
  clock: async (database, { now }) => {
    const before = now()
    const [row] = await database.run((on) =>
      rowsOf<{ at: number }>(on, sql`SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS at`),
    )
    const skew = Math.round((before + now()) / 2 - Number(row?.at))
    return Math.abs(skew) <= mostSkewMs
      ? ok('together')
      : wrong(
          `${Math.round(Math.abs(skew) / 1000)} s apart`,
          'Let NTP set both clocks: tokens and links expire by the clock of the functions.',
        )
  },
  'time limits': async (database) => {
    const idle = Number(await variable(database, 'wait_timeout'))
    return idle <= sessionIdleSeconds
      ? ok(`idle sessions end after ${idle} s`)
      : wrong(
          `idle sessions end after ${idle} s`,
          `Let sessions set wait_timeout to ${sessionIdleSeconds}, or set it on the server: a dead client holds its locks until then.`,
        )
  },
  migrations: async (_, { url }) => {
    try {
      await checkMigrations(url)
      return ok('all are applied')
    } catch (error) {
      return wrong((error as Error).message, 'npm run db:migrate')
    }
  },
} satisfies Readonly<Record<string, Check>>

/** Each matches no row; its permission is checked all the same. */
const probes = {
  SELECT: sql`SELECT user_id FROM vision_users WHERE FALSE`,
  INSERT: sql`INSERT INTO vision_users (user_id) SELECT 'nobody' FROM DUAL WHERE FALSE`,
  UPDATE: sql`UPDATE vision_users SET blocked_seen_at = NULL WHERE FALSE`,
  DELETE: sql`DELETE FROM vision_users WHERE FALSE`,
}
/** ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR. */
const accessDenied = new Set([1044, 1142, 1143])

async function variable(database: Database, ...names: readonly string[]): Promise<string> {
  const rows = await database.run((on) =>
    rowsOf<{ Value: string }>(on, sql`SHOW SESSION VARIABLES WHERE Variable_name IN ${[...names]}`),
  )
  return rows[0]?.Value ?? 'unknown'
}

/** Checks a database on a connection as the functions use it. A check that cannot be made counts as failed; the others go on. */
export async function checkDatabase(database: Database, circumstances: Circumstances): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [check, look] of Object.entries<Check>(checks)) {
    const found = await look(database, circumstances).catch((error: unknown) => {
      const { message, code } = innermost(error) as NodeJS.ErrnoException
      return wrong(message || code || 'no answer', 'Fix this first: the check could not be made.')
    })
    findings.push({ check, ...found })
  }
  return findings
}
