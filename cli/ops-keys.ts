import { randomBytes } from 'node:crypto'
import type { Operator } from '../core/admin/audit-log.ts'
import { createKeyFor, revokeKeyOf } from '../core/admin/keys.ts'
import { CreateKey } from '../core/api/keys/schema.ts'
import { viewKey } from '../core/api/keys/view.ts'
import { listKeys } from '../core/keys/keys.ts'
import { scopes as allScopes, isUserId, ownScopes, type Scope } from '../core/platform/auth.ts'
import { OptionsError } from '../dev/boot/options.mjs'
import type { Values } from './ops-usage.ts'
import { table } from './table.ts'

type Act = (operator: Operator) => Promise<{ readonly view: unknown; readonly text: string }>

/** What `keys`, `keys create` or `keys revoke <id>` does; a usage error is reported here, before the database is asked. */
export function prepareKeys(values: Values, words: string | undefined): Act {
  const [what = 'list', id, ...more] = words?.split(' ') ?? []
  const isNumber = /^[1-9]\d{0,14}$/.test(id ?? '')
  if (!['list', 'create', 'revoke'].includes(what) || more.length > 0 || (what === 'revoke') !== (id !== undefined)) {
    throw new OptionsError(`Expected keys, keys create or keys revoke <id>, not 'keys ${words}'.`)
  }
  if (what === 'revoke') {
    if (!isNumber) throw new OptionsError(`keys revoke needs the id of a key, which keys --user lists, not '${id}'.`)
    refuse(values, ['user', 'name', 'scopes', 'expires-in-days'], what)
    return async (operator) => {
      await revokeKeyOf(operator, Number(id))
      return {
        view: { keyId: Number(id), revoked: true },
        text: `Revoked: key ${id}. It is refused everywhere within half a minute.`,
      }
    }
  }
  const user = requireUser(values.user, 'keys needs --user: the owner of the keys.')
  if (what === 'list') {
    refuse(values, ['name', 'scopes', 'expires-in-days'], 'keys')
    return async ({ database }) => {
      const view = { keys: (await listKeys(database, user)).map(viewKey) }
      return { view, text: describeKeys(view.keys) }
    }
  }
  const request = requestOf(values)
  return async (operator) => {
    const { row, key } = await createKeyFor(operator, { userId: user, ...request }, randomBytes)
    return {
      view: { ...viewKey(row), key },
      text: `${describeKeys([viewKey(row)])}\n\n${key}\n\nIt is shown this once.`,
    }
  }
}

/** @throws OptionsError if no user is named, with `otherwise`, or if there can be none of that name */
export function requireUser(user: string | undefined, otherwise: string): string {
  if (user === undefined) throw new OptionsError(otherwise)
  if (isUserId(user)) return user
  throw new OptionsError(
    '--user must be 1 to 255 printable ASCII characters, no space at either end, and not begin with cli:.',
  )
}

function requestOf({ name, scopes, 'expires-in-days': days }: Values) {
  if (name === undefined) throw new OptionsError('keys create needs --name: the name that people know the key by.')
  const words = scopes?.split(',')
  const wrong = words?.find((word) => !allScopes.some((scope) => scope === word))
  if (wrong !== undefined) throw new OptionsError(`--scopes must be of ${allScopes.join(',')}, not '${wrong}'.`)
  if (days !== undefined && !/^[1-9]\d*$/.test(days))
    throw new OptionsError(`--expires-in-days must be a whole number, not '${days}'.`)
  const expiresInDays = days === undefined ? undefined : Number(days)
  // The bounds of the API's call.
  const checked = CreateKey.safeParse({ name, scopes: words, expiresInDays })
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new OptionsError(`keys create: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  return { name: checked.data.name, scopes: (words as Scope[] | undefined) ?? ownScopes, expiresInDays }
}

function refuse(values: Values, names: readonly (keyof Values)[], what: string): void {
  const given = names.find((name) => values[name] !== undefined)
  if (given !== undefined) throw new OptionsError(`${what} does not take --${given}.`)
}

function describeKeys(keys: readonly ReturnType<typeof viewKey>[]): string {
  if (keys.length === 0) return 'No API keys.'
  return table(
    ['id', 'name', 'begins with', 'scopes', 'created', 'last used', 'expires'],
    keys.map(({ keyId, name, prefix, scopes, createdAt, lastUsedAt, expiresAt }) => [
      String(keyId),
      name,
      prefix,
      scopes.join(','),
      createdAt,
      lastUsedAt ?? 'never',
      expiresAt ?? 'never',
    ]),
  )
}
