import type { VisionClient } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'

type BrandPage = components['schemas']['BrandPage']
export type Brand = BrandPage['brands'][number]

/** A user has at most 100 that can be used; beyond so many pages of archived ones nobody looks. */
const mostPages = 10

/** All brands that texts can be written for, the newest first. */
export async function usableBrands(on: VisionClient, signal?: AbortSignal): Promise<readonly Brand[]> {
  const found: Brand[] = []
  let cursor: string | null = null
  for (let page = 0; page < mostPages; page++) {
    const query: { limit: number; cursor?: string } = { limit: 100, ...(cursor !== null && { cursor }) }
    const { data }: { data?: BrandPage } = await on.api.GET('/v1/brands', {
      params: { query },
      ...(signal && { signal }),
    })
    found.push(...(data?.brands ?? []).filter(({ archivedAt }) => archivedAt === null))
    cursor = data?.nextCursor ?? null
    if (cursor === null) break
  }
  return found
}
