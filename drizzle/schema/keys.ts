import { index, mysqlTable, uniqueIndex } from 'drizzle-orm/mysql-core'
import { id, key, text, time } from './columns.ts'

/** The API keys of users: of each only its hash. One that is revoked is deleted. */
export const visionApiKeys = mysqlTable(
  'vision_api_keys',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    name: text('name', { length: 100 }).notNull(),
    /** SHA-256 of the key, in hex. */
    hash: key('hash', { length: 64 }).notNull(),
    /** The beginning of the key, by which its owner recognises it. */
    prefix: key('prefix', { length: 20 }).notNull(),
    /** Which of `read`, `write` and `operator`, separated by spaces. */
    scopes: key('scopes', { length: 40 }).notNull(),
    /** The key that it was made with; null: a token or a command. */
    madeByKeyId: id('made_by_key_id'),
    createdAt: time('created_at').notNull(),
    /** When it expires; null: valid until it is revoked. */
    expiresAt: time('expires_at'),
    /** Its last use, to ten minutes; null: never. */
    lastUsedAt: time('last_used_at'),
  },
  (one) => [uniqueIndex('hash').on(one.hash), index('owner').on(one.userId, one.id)],
)
