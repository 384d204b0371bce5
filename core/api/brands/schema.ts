import * as z from 'zod'
import { pageFields } from '../../http/page-fields.ts'
import { BrandProfile } from '../../pipeline/brand.ts'
import { brandId, time } from '../fields.ts'

const version = z
  .int()
  .min(1)
  .meta({ description: 'Counts what the brand has said: 1 at first.', examples: [3] })
const limit = z.int().min(1).max(100).default(20).meta({ description: 'The most on a page.' })

// --- input ---

export const CreateBrand = z.strictObject({ profile: BrandProfile }).meta({ id: 'CreateBrand' })

export const OneBrand = z.strictObject({ brandId })

export const UpdateBrand = z
  .strictObject({
    brandId,
    profile: BrandProfile,
    version: version.optional().meta({
      description: 'The version that was read. Over REST the header `If-Match` may say it instead.',
    }),
  })
  .meta({ id: 'UpdateBrand' })

export const OneBrandVersion = z.strictObject({ brandId, version })

export const ListBrands = z.strictObject({ limit, ...pageFields }).prefault({})

export const ListBrandVersions = z.strictObject({ brandId, limit, ...pageFields })

// --- output ---

export const BrandSummary = z
  .object({
    brandId,
    name: z.string(),
    version: version.meta({ description: 'The current version.' }),
    createdAt: time,
    updatedAt: time.meta({ description: 'When it last said something else, or was archived.' }),
    archivedAt: time.nullable().meta({ description: 'No job can be made with it from then on; null until then.' }),
  })
  .meta({ id: 'BrandSummary' })

export const Brand = BrandSummary.extend({
  profile: BrandProfile.meta({ description: 'What it says now.' }),
}).meta({ id: 'Brand' })

const nextCursor = z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' })

export const BrandPage = z.object({ brands: z.array(BrandSummary), nextCursor }).meta({ id: 'BrandPage' })

const summary = { version, createdAt: time.meta({ description: 'When the brand began to say it.' }) }

export const BrandVersion = z
  .object({ brandId, ...summary, profile: BrandProfile.meta({ description: 'What the brand said.' }) })
  .meta({ id: 'BrandVersion', description: 'What a brand said from then on. It never changes.' })

export const BrandVersionPage = z
  .object({ versions: z.array(z.object(summary).meta({ id: 'BrandVersionSummary' })), nextCursor })
  .meta({ id: 'BrandVersionPage' })

export type BrandSummaryView = z.infer<typeof BrandSummary>
export type BrandView = z.infer<typeof Brand>
export type BrandPageView = z.infer<typeof BrandPage>
export type BrandVersionView = z.infer<typeof BrandVersion>
export type BrandVersionPageView = z.infer<typeof BrandVersionPage>
