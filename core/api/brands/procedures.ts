import {
  archiveBrand,
  type Brand,
  createBrand,
  getBrand,
  getBrandVersion,
  listBrands,
  listBrandVersions,
  updateBrand,
} from '../../brands/brands.ts'
import { VisionError } from '../../domain/errors.ts'
import { pageOf } from '../../http/cursor.ts'
import { matchesETag } from '../../http/etag.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { type Caller, procedure } from '../procedure.ts'
import { exampleBrand, exampleBrandSummary, exampleProfile, exampleVersion } from './examples.ts'
import type { BrandPageView, BrandVersionPageView, BrandVersionView, BrandView } from './schema.ts'
import { etagOf, summarizeBrand, viewBrand, viewVersion } from './view.ts'

const schema = deferred(() => import('./schema.ts'))

/** Brands: the style of texts, and the rules for their content. */
export const brands = {
  name: 'brands',
  description: 'Whom texts are written for: how they sound, and what they may say.',
  procedures: {
    createBrand: procedure
      .meta({
        rest: 'POST /v1/brands',
        status: 201,
        scope: 'write',
        summary: 'Create a brand',
        description: 'Makes a brand, with its first version. A user has at most 100 that are not archived.',
        errors: ['brand.too_many', 'brand.too_many_versions'],
        locates: true,
        versioned: true,
        output: schema('Brand'),
        example: { request: { profile: exampleProfile }, reply: exampleBrand },
      })
      .input(validated(schema('CreateBrand')))
      .mutation(async ({ ctx, input }): Promise<BrandView> => {
        const brand = await createBrand(ctx.services.database, ctx.actor.userId, input.profile)
        ctx.reply.location = `/v1/brands/${brand.id}`
        return reply(ctx, brand)
      }),

    listBrands: procedure
      .meta({
        rest: 'GET /v1/brands',
        status: 200,
        scope: 'read',
        summary: 'List brands',
        description: 'The brands of the caller that are not archived, newest first, without what they say.',
        errors: [],
        output: schema('BrandPage'),
        example: { reply: { brands: [exampleBrandSummary], nextCursor: null } },
      })
      .input(validated(schema('ListBrands')))
      .query(async ({ ctx, input: { limit, cursor } }): Promise<BrandPageView> => {
        const rows = await listBrands(ctx.services.database, ctx.actor.userId, { limit, before: cursor })
        const { page, nextCursor } = pageOf(rows, limit, ({ id }) => id)
        return { brands: page.map(summarizeBrand), nextCursor }
      }),

    getBrand: procedure
      .meta({
        rest: 'GET /v1/brands/{brandId}',
        status: 200,
        scope: 'read',
        summary: 'Look at a brand',
        description: 'A brand with what it says now, archived or not.',
        errors: ['brand.not_found'],
        versioned: true,
        output: schema('Brand'),
        example: { reply: exampleBrand },
      })
      .input(validated(schema('OneBrand')))
      .query(
        async ({ ctx, input }): Promise<BrandView> =>
          reply(ctx, await getBrand(ctx.services.database, owned(ctx, input.brandId))),
      ),

    updateBrand: procedure
      .meta({
        rest: 'PUT /v1/brands/{brandId}',
        status: 200,
        scope: 'write',
        summary: 'Change a brand',
        description:
          'Makes the next version of a brand, which says what is sent and nothing else. Jobs that were made before keep theirs. What the brand says already makes no version, so that a call can be sent again.',
        errors: ['brand.not_found', 'brand.too_many_versions'],
        versioned: true,
        conditional: true,
        output: schema('Brand'),
        example: { request: { profile: exampleProfile }, reply: exampleBrand },
      })
      .input(validated(schema('UpdateBrand')))
      .mutation(async ({ ctx, input: { brandId, profile, version } }): Promise<BrandView> => {
        const { ifMatch } = ctx.preferences
        if (ifMatch === undefined && version === undefined) throw new VisionError('request.precondition_required')
        const isExpected = (candidate: number) =>
          (ifMatch === undefined || matchesETag(ifMatch, etagOf(brandId, candidate))) &&
          (version === undefined || version === candidate)
        return reply(ctx, await updateBrand(ctx.services.database, owned(ctx, brandId), isExpected, profile))
      }),

    archiveBrand: procedure
      .meta({
        rest: 'DELETE /v1/brands/{brandId}',
        status: 204,
        scope: 'write',
        summary: 'Archive a brand',
        description:
          'From then on no job can be made with it. Jobs that were made with it keep it, and it can be looked at. Doing it twice is no error.',
        errors: ['brand.not_found'],
      })
      .input(validated(schema('OneBrand')))
      .mutation(async ({ ctx, input: { brandId } }): Promise<{ archived: true; brandId: number }> => {
        await archiveBrand(ctx.services.database, owned(ctx, brandId))
        return { archived: true, brandId }
      }),

    listBrandVersions: procedure
      .meta({
        rest: 'GET /v1/brands/{brandId}/versions',
        status: 200,
        scope: 'read',
        summary: 'List the versions of a brand',
        description: 'Every version of a brand, newest first, without what it says.',
        errors: ['brand.not_found'],
        output: schema('BrandVersionPage'),
        example: { reply: { versions: [{ version: 3, createdAt: exampleVersion.createdAt }], nextCursor: null } },
      })
      .input(validated(schema('ListBrandVersions')))
      .query(async ({ ctx, input: { brandId, limit, cursor } }): Promise<BrandVersionPageView> => {
        const rows = await listBrandVersions(ctx.services.database, owned(ctx, brandId), { limit, before: cursor })
        const { page, nextCursor } = pageOf(rows, limit, ({ version }) => version)
        return {
          versions: page.map(({ version, createdAt }) => ({ version, createdAt: createdAt.toISOString() })),
          nextCursor,
        }
      }),

    getBrandVersion: procedure
      .meta({
        rest: 'GET /v1/brands/{brandId}/versions/{version}',
        status: 200,
        scope: 'read',
        summary: 'Look at a version of a brand',
        description: 'What a brand said at one of its versions. It never changes.',
        errors: ['brand.not_found'],
        output: schema('BrandVersion'),
        example: { reply: exampleVersion },
      })
      .input(validated(schema('OneBrandVersion')))
      .query(
        async ({ ctx, input: { brandId, version } }): Promise<BrandVersionView> =>
          viewVersion(await getBrandVersion(ctx.services.database, owned(ctx, brandId), version)),
      ),
  },
} satisfies Resource

const owned = ({ actor }: Caller, brandId: number) => ({ userId: actor.userId, brandId })

function reply({ reply }: Caller, brand: Brand): BrandView {
  reply.etag = etagOf(brand.id, brand.version, brand.archivedAt !== null)
  return viewBrand(brand)
}
