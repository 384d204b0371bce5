import { and, eq, inArray, isNull } from 'drizzle-orm'
import { visionBrands, visionBrandVersions } from '../../drizzle/schema.ts'
import type { Queryable } from '../database/sql.ts'
import type { BrandProfile } from '../pipeline/brand.ts'

/** The settings that a text was requested with; its brand supplies what is left out. */
export interface RequestedSettings {
  readonly brandId?: number | undefined
  readonly outputFormat?: string | undefined
  /** A BCP 47 tag. */
  readonly language?: string | undefined
  /** The network of a post; null for any, whatever the brand's default. */
  readonly platform?: string | null | undefined
}

/** The settings that a text is made with. */
export interface ResolvedSettings {
  readonly brandId: number | null
  /** The current version. */
  readonly brandVersion: number | null
  readonly outputFormat: string
  readonly language: string
  readonly platform: string | null
}

/** Why a text cannot be made: the field, and the problem with it. */
export interface SettingsIssue {
  readonly field: 'brandId' | 'outputFormat' | 'platform'
  readonly code: 'brand.not_found' | 'field.missing' | 'field.conflict'
  readonly detail: string
}

export const platformConflict = 'goes with the output format social_post only: leave it out, or ask for a social_post'

/**
 * Resolves the settings of texts: the current version of each one's brand, and the brand's defaults for what the request
 * leaves out. One statement, or none if no text has a brand. Another user's brand is not found, nor is an archived one.
 *
 * @returns for each text its settings, or why it cannot be made
 */
export async function resolveSettings(
  on: Queryable,
  userId: string,
  texts: readonly RequestedSettings[],
): Promise<readonly (ResolvedSettings | SettingsIssue)[]> {
  const ids = [...new Set(texts.flatMap(({ brandId }) => brandId ?? []))]
  const brands = new Map((await readCurrent(on, userId, ids)).map((brand) => [brand.brandId, brand]))
  return texts.map(({ brandId, ...requested }) => {
    const brand = brandId === undefined ? undefined : brands.get(brandId)
    if (brandId !== undefined && brand === undefined) {
      return { field: 'brandId', code: 'brand.not_found', detail: 'There is no such brand, or it is archived.' }
    }
    const { outputFormats = [], languages = [], platforms = [] } = (brand?.profile as BrandProfile)?.defaults ?? {}
    const outputFormat = requested.outputFormat ?? outputFormats[0]
    if (outputFormat === undefined) {
      return { field: 'outputFormat', code: 'field.missing', detail: 'is missing, and the brand has none by default' }
    }
    if (requested.platform && outputFormat !== 'social_post') {
      return { field: 'platform', code: 'field.conflict', detail: platformConflict }
    }
    // Only a post has a network.
    const platform =
      requested.platform === undefined && outputFormat === 'social_post' ? platforms[0] : requested.platform
    return {
      brandId: brand?.brandId ?? null,
      brandVersion: brand?.version ?? null,
      outputFormat,
      language: requested.language ?? languages[0] ?? 'en',
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
