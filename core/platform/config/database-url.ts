import { isLoopback, type Setting, setting, WrongSetting } from './setting.ts'

const tls = '?ssl={"rejectUnauthorized":true,"verifyIdentity":true}'

/** `mysql://…`, with TLS that is checked wherever it leaves this machine. */
export function databaseUrl(): Setting<string> {
  return setting((given) => {
    if (URL.canParse(given) && new URL(given).protocol === 'mysql:') return secureDatabaseUrl(given)
    throw new WrongSetting('must be a URL like mysql://user:password@host:3306/name')
  })
}

/**
 * The URL of a database with TLS that checks the server's name too: mysql2 does not by default, and then
 * any server with a valid certificate gets the password.
 *
 * @param given `mysql://…`, whose `ssl` is JSON as mysql2 takes it; this machine and Unix sockets need none
 * @throws WrongSetting what to add to it; the URL is not in the message
 */
export function secureDatabaseUrl(given: string): string {
  const url = new URL(given)
  const ssl = url.searchParams.get('ssl')
  if (ssl === null) {
    if (isLoopback(url.hostname) || url.searchParams.has('socketPath')) return given
    throw new WrongSetting(`must say how its TLS is checked, since it is not on this machine: add ${tls}`)
  }
  const settings = asObject(ssl)
  if (settings === undefined) throw new WrongSetting(`must have ssl as an object in JSON: ${tls}`)
  if (settings.verifyIdentity !== undefined || settings.rejectUnauthorized === false) return given
  url.searchParams.set('ssl', JSON.stringify({ ...settings, verifyIdentity: true }))
  return url.href
}

function asObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
