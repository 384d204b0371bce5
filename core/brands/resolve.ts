import { and, eq, inArray, isNull } from 'drizzle-orm'
import { visionBrands, visionBrandVersions } from '../../drizzle/schema.ts'
import type { Queryable } from '../database/sql.ts'
import type { BrandProfile } from '../pipeline/brand.ts'

/** The requested outputs of a job; its brand supplies what is left out. */
export interface Wanted {
  readonly brandId?: number | undefined
  readonly outputFormat?: string | undefined
  /** A BCP 47 tag. */
  readonly language?: string | undefined
  /** The network of a post; null for any, whatever the brand's default. */
  readonly platform?: string | null | undefined
}

/** The resolved settings of a job. */
export interface Decided {
  readonly brandId: number | null
  /** The current version. */
  readonly brandVersion: number | null
  readonly outputFormat: string
  readonly language: string
  readonly platform: string | null
}

/** Why a job cannot be created: the field, and the problem with it. */
export interface Undecided {
  readonly field: 'brandId' | 'outputFormat' | 'platform'
  readonly code: 'brand.not_found' | 'field.missing' | 'field.conflict'
  readonly detail: string
}

export const platformConflict = 'goes with the output format social_post only: leave it out, or ask for a social_post'

/**
 * Resolves the settings of jobs: the current version of each one's brand, and the brand's defaults for what the job leaves
 * out. One statement, or none if no job has a brand. Another user's brand is not found, nor is an archived one.
 *
 * @returns for each job its resolved settings, or why it cannot be created
 */
export async function resolveBrands(
  on: Queryable,
  userId: string,
  jobs: readonly Wanted[],
): Promise<readonly (Decided | Undecided)[]> {
  const ids = [...new Set(jobs.flatMap(({ brandId }) => brandId ?? []))]
  const brands = new Map((await readCurrent(on, userId, ids)).map((brand) => [brand.brandId, brand]))
  return jobs.map(({ brandId, ...wanted }) => {
    const brand = brandId === undefined ? undefined : brands.get(brandId)
    if (brandId !== undefined && brand === undefined) {
      return { field: 'brandId', code: 'brand.not_found', detail: 'There is no such brand, or it is archived.' }
    }
    const { outputFormats = [], languages = [], platforms = [] } = (brand?.profile as BrandProfile)?.defaults ?? {}
    const outputFormat = wanted.outputFormat ?? outputFormats[0]
    if (outputFormat === undefined) {
      return { field: 'outputFormat', code: 'field.missing', detail: 'is missing, and the brand has none by default' }
    }
    if (wanted.platform && outputFormat !== 'social_post') {
      return { field: 'platform', code: 'field.conflict', detail: platformConflict }
    }
    // Only a post has a network.
    const platform = wanted.platform === undefined && outputFormat === 'social_post' ? platforms[0] : wanted.platform
    return {
      brandId: brand?.brandId ?? null,
      brandVersion: brand?.version ?? null,
      outputFormat,
      language: wanted.language ?? languages[0] ?? 'en',
      platform: platform ?? null,
    }
  })
}

async function readCurrent(on: Queryable, userId: string, ids: readonly number[]) {
  if (ids.length === 0) return []
  return on
    .select({
      brandId: visionBrands.id,
      version: visionBrands.version,
      profile: visionBrandVersions.profile,
    })
    .from(visionBrands)
    .innerJoin(
      visionBrandVersions,
      and(eq(visionBrandVersions.brandId, visionBrands.id), eq(visionBrandVersions.version, visionBrands.version)),
    )
    .where(and(inArray(visionBrands.id, [...ids]), eq(visionBrands.userId, userId), isNull(visionBrands.archivedAt)))
}
