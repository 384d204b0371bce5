import { and, eq } from 'drizzle-orm'
import { visionBrandVersions } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { VisionError } from '../domain/errors.ts'
import type { BrandProfile } from '../pipeline/brand.ts'

/** The brand version of a job; both null without a brand. */
export interface BrandReference {
  readonly brandId: number | null
  readonly brandVersion: number | null
}

/** At 8 kB each, few enough for a worker's memory. */
const kept = 100

/**
 * Loads the brand version of a job. Versions never change, so recently read ones are cached.
 *
 * @throws VisionError `internal.error` if there is no such version
 */
export function createBrandLoader(
  database: Database,
): (reference: BrandReference) => Promise<BrandProfile | undefined> {
  const profiles = new Map<string, BrandProfile>()
  return async ({ brandId, brandVersion }) => {
    if (brandId === null || brandVersion === null) return undefined
    const key = `${brandId}:${brandVersion}`
    const profile = profiles.get(key) ?? (await read(database, brandId, brandVersion))
    // Least recently used first.
    profiles.delete(key)
    profiles.set(key, profile)
    const [oldest] = profiles.keys()
    if (profiles.size > kept && oldest !== undefined) profiles.delete(oldest)
    return profile
  }
}

async function read(database: Database, brandId: number, version: number): Promise<BrandProfile> {
  const [row] = await database.run((on) =>
    on
      .select({ profile: visionBrandVersions.profile })
      .from(visionBrandVersions)
      .where(and(eq(visionBrandVersions.brandId, brandId), eq(visionBrandVersions.version, version))),
  )
  if (row === undefined) {
    throw new VisionError('internal.error', { detail: `there is no version ${version} of brand ${brandId}` })
  }
  // It was validated when it was stored.
  return row.profile as BrandProfile
}
