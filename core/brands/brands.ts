import { and, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import { visionBrands, visionBrandVersions } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { lockUserRow } from '../database/lock-user.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import type { BrandProfile } from '../pipeline/brand.ts'

/** A brand, without its content. */
export type BrandRow = typeof visionBrands.$inferSelect

/** A brand with its current content. */
export interface Brand extends BrandRow {
  readonly profile: BrandProfile
}

/** A version of a brand's content. */
export interface BrandVersion {
  readonly brandId: number
  readonly version: number
  readonly profile: BrandProfile
  readonly createdAt: Date
}

/** A brand of a user's. */
export interface OwnedBrand {
  readonly userId: string
  readonly brandId: number
}

/** The most active brands of a user. */
export const maxBrands = 100
/** The most versions of one brand, and of all of a user's brands together, archived ones included. */
export const maxVersions = 1_000
export const maxVersionsOfUser = 5_000

/**
 * Creates a brand with its first version.
 *
 * @throws VisionError `brand.too_many` or `brand.too_many_versions`
 */
export async function createBrand(database: Database, userId: string, profile: BrandProfile): Promise<Brand> {
  let made = 0
  const brandId = await database.transact(
    async (tx) => {
      await lockUserRow(tx, userId)
      const { brands, versions } = await countsOf(tx, userId)
      if (brands >= maxBrands) throw new VisionError('brand.too_many')
      if (versions >= maxVersionsOfUser) throw new VisionError('brand.too_many_versions')
      const [{ insertId }] = await tx.insert(visionBrands).values({
        userId,
        name: profile.name,
        version: 1,
        createdAt: sql`UTC_TIMESTAMP(3)`,
        updatedAt: sql`UTC_TIMESTAMP(3)`,
      })
      made = insertId
      await insertVersion(tx, insertId, 1, profile)
      return insertId
    },
    async (on) => ((await find(on, { userId, brandId: made })) === undefined ? undefined : made),
  )
  return getBrand(database, { userId, brandId })
}

/**
 * Adds a version to a brand. Unchanged content adds none, so that a call may be repeated.
 *
 * @param isExpected whether a version is the one that the caller read
 * @throws VisionError `brand.not_found`, also for another user's and for an archived one, `request.precondition_failed` if
 *   the brand has another version by now, or `brand.too_many_versions`
 */
export async function updateBrand(
  database: Database,
  owned: OwnedBrand,
  isExpected: (version: number) => boolean,
  profile: BrandProfile,
): Promise<Brand> {
  const { brandId, userId } = owned
  await database.transact(
    async (tx) => {
      await lockUserRow(tx, userId)
      const brand = await find(tx, owned)
      if (brand === undefined || brand.archivedAt !== null) throw new VisionError('brand.not_found')
      const current = await findVersion(tx, brandId, brand.version)
      // Not imported: see docs/decisions/0013-bundles.md.
      const same = process.getBuiltinModule('node:util').isDeepStrictEqual(current?.profile, stored(profile))
      // A call that is repeated because its response was lost finds its own version as the very next one.
      if (same && (isExpected(brand.version) || isExpected(brand.version - 1))) return true
      if (!isExpected(brand.version)) throw new VisionError('request.precondition_failed')
      const { versions } = await countsOf(tx, userId)
      if (brand.version >= maxVersions || versions >= maxVersionsOfUser)
        throw new VisionError('brand.too_many_versions')
      await matchedBy(
        tx,
        sql`UPDATE vision_brands SET version = ${brand.version + 1}, name = ${profile.name}, updated_at = UTC_TIMESTAMP(3)
          WHERE id = ${brandId}`,
      )
      await insertVersion(tx, brandId, brand.version + 1, profile)
      return true
    },
    // Then it is repeated, and finds its own version.
    async () => undefined,
  )
  return getBrand(database, owned)
}

/**
 * Archives a brand: no new job can use it, and existing ones keep it. Idempotent.
 *
 * @throws VisionError `brand.not_found`, also for another user's
 */
export async function archiveBrand(database: Database, owned: OwnedBrand): Promise<void> {
  const { brandId, userId } = owned
  await database.run(async (on) => {
    const matched = await matchedBy(
      on,
      sql`UPDATE vision_brands SET updated_at = IF(archived_at IS NULL, UTC_TIMESTAMP(3), updated_at),
          archived_at = COALESCE(archived_at, UTC_TIMESTAMP(3))
        WHERE id = ${brandId} AND user_id = ${userId}`,
    )
    if (matched === 0) throw new VisionError('brand.not_found')
  })
}

/**
 * A brand of a user, archived or not, with its current content.
 *
 * @throws VisionError `brand.not_found`, also for another user's
 */
export async function getBrand(database: Database, owned: OwnedBrand): Promise<Brand> {
  return database.run(async (on) => {
    const brand = await find(on, owned)
    // A version is inserted before its brand refers to it, and stays.
    const current = brand && (await findVersion(on, brand.id, brand.version))
    if (current === undefined) throw new VisionError('brand.not_found')
    return { ...brand, profile: current.profile } as Brand
  })
}

/** The start of a page, and its size. */
export interface Page {
  /** The most brands on a page. */
  readonly limit: number
  /** Only older ones than this. */
  readonly before?: number | undefined
}

/** A user's active brands, newest first; one more than the page holds if there are more. */
export function listBrands(database: Database, userId: string, { limit, before }: Page): Promise<readonly BrandRow[]> {
  return database.run((on) =>
    on
      .select()
      .from(visionBrands, { forceIndex: 'owner' })
      .where(
        and(
          eq(visionBrands.userId, userId),
          isNull(visionBrands.archivedAt),
          before === undefined ? undefined : lt(visionBrands.id, before),
        ),
      )
      .orderBy(desc(visionBrands.id))
      .limit(limit + 1),
  )
}

/**
 * The versions of a brand without their content, newest first; one more than the page holds if there are more.
 *
 * @throws VisionError `brand.not_found`, also for another user's
 */
export async function listBrandVersions(
  database: Database,
  owned: OwnedBrand,
  { limit, before }: Page,
): Promise<readonly Omit<BrandVersion, 'profile'>[]> {
  const { brandId, version, createdAt } = visionBrandVersions
  return database.run(async (on) => {
    if ((await find(on, owned)) === undefined) throw new VisionError('brand.not_found')
    return on
      .select({ brandId, version, createdAt })
      .from(visionBrandVersions)
      .where(and(eq(brandId, owned.brandId), before === undefined ? undefined : lt(version, before)))
      .orderBy(desc(version))
      .limit(limit + 1)
  })
}

/**
 * The content of a version of a brand.
 *
 * @throws VisionError `brand.not_found`, also for another user's and for a missing version
 */
export async function getBrandVersion(database: Database, owned: OwnedBrand, version: number): Promise<BrandVersion> {
  return database.run(async (on) => {
    const brand = await find(on, owned)
    if (brand === undefined) throw new VisionError('brand.not_found')
    const found = await findVersion(on, brand.id, version)
    if (found !== undefined) return found
    const message = `The brand has no version ${version}: the newest is ${brand.version}.`
    throw new VisionError('brand.not_found', { message })
  })
}

async function countsOf(tx: Queryable, userId: string): Promise<{ brands: number; versions: number }> {
  const [row] = await rowsOf<Record<'brands' | 'versions', number | string>>(
    tx,
    sql`SELECT COALESCE(SUM(archived_at IS NULL), 0) AS brands, COALESCE(SUM(version), 0) AS versions
      FROM vision_brands WHERE user_id = ${userId}`,
  )
  return { brands: Number(row?.brands), versions: Number(row?.versions) }
}

async function find(on: Queryable, { brandId, userId }: OwnedBrand): Promise<BrandRow | undefined> {
  const [brand] = await on
    .select()
    .from(visionBrands)
    .where(and(eq(visionBrands.id, brandId), eq(visionBrands.userId, userId)))
  return brand
}

async function findVersion(on: Queryable, brandId: number, version: number): Promise<BrandVersion | undefined> {
  const [row] = await on
    .select()
    .from(visionBrandVersions)
    .where(and(eq(visionBrandVersions.brandId, brandId), eq(visionBrandVersions.version, version)))
  return row && { ...row, profile: row.profile as BrandProfile }
}

async function insertVersion(tx: Queryable, brandId: number, version: number, profile: BrandProfile): Promise<void> {
  await tx.insert(visionBrandVersions).values({ brandId, version, profile, createdAt: sql`UTC_TIMESTAMP(3)` })
}

/** Parses a profile from its column. */
function stored(profile: BrandProfile): BrandProfile {
  return JSON.parse(JSON.stringify(profile))
}
