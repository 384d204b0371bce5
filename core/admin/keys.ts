import { createKey, type KeyRequest, type NewKey, revokeKey } from '../keys/keys.ts'
import type { RandomBytes } from '../platform/trace.ts'
import { beginAction, noteResult, type Operator } from './audit-log.ts'

/**
 * Makes an API key for a user. The audit log says for whom, what and by whom, and never the key.
 *
 * @throws VisionError `key.too_many`
 */
export async function createKeyFor(
  { database, actor }: Operator,
  { userId, name, scopes, expiresInDays }: Omit<KeyRequest, 'madeByKeyId'>,
  randomBytes: RandomBytes,
): Promise<NewKey> {
  const id = await beginAction({ database, actor }, 'create key', { userId, name, scopes, expiresInDays })
  const made = await createKey(database, { userId, name, scopes, expiresInDays }, randomBytes)
  await database.run((on) => noteResult(on, id, { done: true, keyId: made.row.id, prefix: made.row.prefix }))
  return made
}

/**
 * Revokes a key of any user: it is refused everywhere within half a minute.
 *
 * @throws VisionError `key.not_found`
 */
export async function revokeKeyOf({ database, actor }: Operator, keyId: number): Promise<void> {
  const id = await beginAction({ database, actor }, 'revoke key', { keyId })
  await revokeKey(database, keyId)
  await database.run((on) => noteResult(on, id, { done: true }))
}
