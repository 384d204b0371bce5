import { type ConnectionOptions, createConnection, type RowDataPacket } from 'mysql2/promise'
import { secureDatabaseUrl } from '../../core/platform/config/database-url.ts'
import { WrongSetting } from '../../core/platform/config/setting.ts'
import { StartError } from '../errors/start-error.ts'

/**
 * Checks that a database answers under the URL, and says which.
 *
 * @param name the setting the URL comes from, for the error
 * @param url `mysql://user:password@host:port/database`
 * @param options.named whether it must name a database
 * @returns as in `MySQL 9.7.0 at 127.0.0.1:3306`
 * @throws {StartError} it does not answer within 10 s or refuses us; the password is never in the message
 */
export async function checkDatabaseUrl(
  name: string,
  url: string,
  { named = false }: { readonly named?: boolean } = {},
): Promise<string> {
  let place: URL
  try {
    place = new URL(url)
  } catch {
    // The original error carries the URL.
    throw new StartError(`${name} is not a URL. It looks like mysql://user:password@host:port/database.`)
  }
  if (place.protocol !== 'mysql:' || !place.hostname) {
    throw new StartError(`${name} is not for MySQL. It looks like mysql://user:password@host:port/database.`)
  }
  if (named && /^\/*$/.test(place.pathname)) {
    throw new StartError(`${name} names no database. It looks like mysql://user:password@host:port/database.`)
  }
  const safeUrl = secured(name, url)
  const host = `${place.hostname}:${place.port || '3306'}`
  try {
    const options: ConnectionOptions = { uri: safeUrl, connectTimeout: 10_000 }
    const connection = await createConnection(options)
    try {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version')
      return `${describeVersion(String(rows[0]?.version))} at ${host}`
    } finally {
      connection.destroy()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new StartError(
      `The database of ${name} (${host}${place.pathname}) cannot be used: ${hide(place.password, message || code || 'no reason given')}. ` +
        `Correct ${name}, or leave it out to have a database started here.`,
    )
  }
}

function secured(name: string, url: string): string {
  try {
    return secureDatabaseUrl(url)
  } catch (error) {
    if (!(error instanceof WrongSetting)) throw error
    throw new StartError(`${name} ${error.message}`)
  }
}

/** `10.11.19-MariaDB-0+deb12u1` reads `MariaDB 10.11.19`; a version without MariaDB is MySQL. */
function describeVersion(version: string): string {
  const number = /^\d+(\.\d+)*/.exec(version)?.[0] ?? version
  return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${number}`
}

function hide(encodedPassword: string, text: string): string {
  if (!encodedPassword) return text
  let password = encodedPassword
  try {
    password = decodeURIComponent(encodedPassword)
  } catch {
    // A stray percent sign: the driver says so itself.
  }
  return text.replaceAll(encodedPassword, '***').replaceAll(password, '***')
}
