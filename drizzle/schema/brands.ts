import { index, mysqlTable, primaryKey } from 'drizzle-orm/mysql-core'
import { count, id, json, key, text, time } from './columns.ts'

/** The brands: one row for each, with its current version. An archived one stays for the jobs that were made with it. */
export const visionBrands = mysqlTable(
  'vision_brands',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    /** From the current profile. */
    name: text('name', { length: 100 }).notNull(),
    /** The current version, and so how many there are: none is ever deleted. */
    version: count('version'),
    archivedAt: time('archived_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (brand) => [index('owner').on(brand.userId, brand.archivedAt, brand.id)],
)

/** What each version of a brand says. A row never changes: jobs were made by it. */
export const visionBrandVersions = mysqlTable(
  'vision_brand_versions',
  {
    brandId: id('brand_id').notNull(),
    version: count('version'),
    profile: json<unknown>('profile').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (version) => [primaryKey({ columns: [version.brandId, version.version] })],
)
