import type { Brand, BrandRow, BrandVersion } from '../../brands/brands.ts'
import type { BrandSummaryView, BrandVersionView, BrandView } from './schema.ts'

/** A brand as its owner sees it. */
export function viewBrand(brand: Brand): BrandView {
  return { ...summarizeBrand(brand), profile: brand.profile }
}

/** A brand without its content. */
export function summarizeBrand({ id, name, version, createdAt, updatedAt, archivedAt }: BrandRow): BrandSummaryView {
  return {
    brandId: id,
    name,
    version,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    archivedAt: archivedAt?.toISOString() ?? null,
  }
}

/** A version of a brand. */
export function viewVersion({ brandId, version, createdAt, profile }: BrandVersion): BrandVersionView {
  return { brandId, version, createdAt: createdAt.toISOString(), profile }
}

/** The version of a brand as an entity tag. A version's content never changes; the brand itself can be archived. */
export function etagOf(brandId: number, version: number, isArchived = false): string {
  return `"${brandId}-${version}${isArchived ? '-archived' : ''}"`
}
