import type { VisionClient } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'
import { time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { type Page, usePages } from '../ui/use-pages.ts'
import { useTitle } from '../ui/use-title.ts'

type Brand = components['schemas']['BrandSummary']

const pageSize = 50

/** The brands of the caller: how texts sound, and what they may say. */
export function BrandsPage() {
  useTitle('Brands')
  const { items: brands, hasMore, more, error, moreError, reload } = usePages(read, [])
  if (error !== undefined) return <Problem error={error} retry={reload} />
  if (brands === undefined) return null
  if (brands.length === 0) {
    return (
      <section class="empty">
        <h1 class="vh">Brands</h1>
        <p>
          No brand yet. Say once how your texts sound and which words they never use, and every batch can follow it.
        </p>
        <a class="btn go" href="/console/brands/new">
          <Icon name="plus" />
          Describe a brand
        </a>
      </section>
    )
  }
  return (
    <>
      <div class="head">
        <h1 class="sum">Brands</h1>
        <a class="btn" href="/console/brands/new">
          <Icon name="plus" />
          New brand
        </a>
      </div>
      <div class="list">
        {brands.map(({ brandId, name, version, updatedAt, archivedAt }) => (
          <div key={brandId} class="row batch">
            <a class="what open" href={`/console/brands/${brandId}`} dir="auto">
              {name}
            </a>
            <span class="row dim">
              {archivedAt !== null && (
                <span class="st">
                  <Icon name="cancelled" />
                  Archived
                </span>
              )}
              <span>Version {version}</span>
              <span>{time(updatedAt, Date.now())}</span>
            </span>
          </div>
        ))}
      </div>
      {moreError !== undefined && <Problem error={moreError} />}
      {hasMore && (
        <p class="row actions">
          <button type="button" class="btn" onClick={more}>
            Show more
          </button>
        </p>
      )}
    </>
  )
}

async function read(on: VisionClient, cursor: string | undefined, signal?: AbortSignal): Promise<Page<Brand>> {
  const query = { limit: pageSize, ...(cursor !== undefined && { cursor }) }
  const { data } = await on.api.GET('/v1/brands', { params: { query }, ...(signal && { signal }) })
  return { items: data?.brands ?? [], nextCursor: data?.nextCursor ?? null }
}
