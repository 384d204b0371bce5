import { asc, eq, sql } from 'drizzle-orm'
import { visionApiKeys } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { lockUserRow } from '../database/lock-user.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import { formatKey, hashKey, shownPrefixOf } from '../platform/api-key.ts'
import { scopes as allScopes, InvalidToken, type Scope } from '../platform/auth.ts'
import type { RandomBytes } from '../platform/trace.ts'

/** An API key without its secret. */
export type KeyRow = Omit<typeof visionApiKeys.$inferSelect, 'hash'>

/** A key that has just been created: the only time that its secret is shown. */
export interface NewKey {
  readonly row: KeyRow
  readonly key: string
}

/** The properties of a new key. */
export interface KeyRequest {
  readonly userId: string
  /** 1 to 100 characters, for its owner. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Undefined: it is valid until it is revoked. */
  readonly expiresInDays?: number | undefined
  /** The key that made this call, if any. */
  readonly madeByKeyId?: number | undefined
}

/** The most keys of a user, including expired ones until they are revoked. */
export const maxKeys = 50

/**
 * Creates an API key. A key that creates one must still exist, and cannot create one that outlives it.
 *
 * @throws VisionError `key.too_many`, `request.forbidden` or `request.unauthenticated`
 */
export function createKey(database: Database, request: KeyRequest, randomBytes: RandomBytes): Promise<NewKey> {
  return insertKey(database, request, formatKey(randomBytes(32)))
}

/**
 * Ensures that this key exists: one that a folder on this machine holds.
 *
 * @throws VisionError `key.too_many`
 */
export async function ensureKey(database: Database, request: KeyRequest, key: string): Promise<void> {
  if ((await database.run((on) => findByHash(on, hashKey(key)))) === undefined) await insertKey(database, request, key)
}

async function insertKey(database: Database, request: KeyRequest, key: string): Promise<NewKey> {
  const { userId, name, scopes, expiresInDays, madeByKeyId } = request
  const hash = hashKey(key)
  const row = await database.transact(
    async (tx) => {
      await lockUserRow(tx, userId)
      if (madeByKeyId !== undefined) await checkMaker(tx, userId, madeByKeyId, expiresInDays)
      const [counted] = await rowsOf<{ keys: number }>(
        tx,
        sql`SELECT COUNT(*) AS \`keys\` FROM vision_api_keys WHERE user_id = ${userId}`,
      )
      if (Number(counted?.keys) >= maxKeys) throw new VisionError('key.too_many')
      await tx.insert(visionApiKeys).values({
        userId,
        name,
        hash,
        prefix: shownPrefixOf(key),
        scopes: allScopes.filter((scope) => scopes.includes(scope)).join(' '),
        madeByKeyId: madeByKeyId ?? null,
        createdAt: sql`UTC_TIMESTAMP(3)`,
        expiresAt: expiresInDays === undefined ? null : sql`UTC_TIMESTAMP(3) + INTERVAL ${expiresInDays} DAY`,
      })
      return findByHash(tx, hash)
    },
    (on) => findByHash(on, hash),
  )
  if (row === undefined) throw new Error('the key that was made is gone')
  return { row, key }
}

/** A user's keys, oldest first; there are `maxKeys` at most. */
export function listKeys(database: Database, userId: string): Promise<readonly KeyRow[]> {
  return database.run((on) =>
    on
      .select(shown)
      .from(visionApiKeys, { forceIndex: 'owner' })
      .where(eq(visionApiKeys.userId, userId))
      .orderBy(asc(visionApiKeys.id)),
  )
}

/**
 * Revokes a key: within half a minute it is refused everywhere. Its row is deleted.
 *
 * @param userId its owner; any user if undefined
 * @throws VisionError `key.not_found`, also for another user's key and for a revoked one
 */
export async function revokeKey(database: Database, keyId: number, userId?: string): Promise<void> {
  const owned = userId === undefined ? sql`` : sql` AND user_id = ${userId}`
  const deleted = await database.run((on) =>
    matchedBy(on, sql`DELETE FROM vision_api_keys WHERE id = ${keyId}${owned}`),
  )
  if (deleted === 0) throw new VisionError('key.not_found')
}

const shown = {
  id: visionApiKeys.id,
  userId: visionApiKeys.userId,
  name: visionApiKeys.name,
  prefix: visionApiKeys.prefix,
  scopes: visionApiKeys.scopes,
  madeByKeyId: visionApiKeys.madeByKeyId,
  createdAt: visionApiKeys.createdAt,
  expiresAt: visionApiKeys.expiresAt,
  lastUsedAt: visionApiKeys.lastUsedAt,
}

async function findByHash(on: Queryable, hash: string): Promise<KeyRow | undefined> {
  const [row] = await on.select(shown).from(visionApiKeys).where(eq(visionApiKeys.hash, hash))
  return row
}

/** A revoked key may be cached for half a minute, but cannot create another meanwhile; nor one that outlives it. */
async function checkMaker(tx: Queryable, userId: string, keyId: number, expiresInDays: number | undefined) {
  const outlives =
    expiresInDays === undefined
      ? sql`expires_at IS NOT NULL`
      : sql`COALESCE(expires_at < UTC_TIMESTAMP(3) + INTERVAL ${expiresInDays} DAY, FALSE)`
  const [maker] = await rowsOf<{ outlived: 0 | 1 }>(
    tx,
    sql`SELECT ${outlives} AS outlived FROM vision_api_keys WHERE id = ${keyId} AND user_id = ${userId}`,
  )
  if (maker === undefined) throw new InvalidToken('There is no such API key: it was revoked.', 'a revoked API key')
  if (maker.outlived === 1) {
    throw new VisionError('request.forbidden', {
      message: 'A key cannot make one that outlives it: send an earlier `expiresInDays`, or use a token.',
    })
  }
}
