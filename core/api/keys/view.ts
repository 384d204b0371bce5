import type { KeyRow } from '../../keys/keys.ts'
import type { Scope } from '../../platform/auth.ts'
import type { ApiKeyView } from './schema.ts'

/** A key as its owner sees it. */
export function viewKey({
  id,
  name,
  prefix,
  scopes,
  createdAt,
  expiresAt,
  lastUsedAt,
  madeByKeyId,
}: KeyRow): ApiKeyView {
  return {
    keyId: id,
    name,
    prefix,
    scopes: scopes.split(' ') as Scope[],
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    madeByKeyId,
  }
}
