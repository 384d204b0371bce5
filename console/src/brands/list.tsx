import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'

type Brand = components['schemas']['BrandSummary']

const pageSize = 50

/** The brands of the caller: how texts sound, and what they may say. */
export function BrandsPage() {
  useTitle('Brands')
  const { data, error, reload } = useLoad((on, signal) => read(on, null, signal), [])
  const [more, setMore] = useState<{ brands: readonly Brand[]; cursor: unknown; error?: unknown }>()
  if (error !== undefined) return <Problem error={error} retry={reload} />
  if (data === undefined) return null
  const brands = [...data.brands, ...(more?.brands ?? [])]
  const cursor = more === undefined ? data.nextCursor : more.cursor
  const next = async () => {
    const before = more?.brands ?? []
    try {
      const page = await read(client.value, cursor)
      setMore({ brands: [...before, ...page.brands], cursor: page.nextCursor })
    } catch (problem) {
      setMore({ brands: before, cursor, error: problem })
    }
  }
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
      {more?.error !== undefined && <Problem error={more.error} />}
      {cursor !== null && (
        <p class="row actions">
          <button type="button" class="btn" onClick={next}>
            Show more
          </button>
        </p>
      )}
    </>
  )
}

async function read(on: typeof client.value, cursor: unknown, signal?: AbortSignal) {
  const query = { limit: pageSize, ...(cursor !== null && { cursor }) }
  const { data } = await on.api.GET('/v1/brands', { params: { query }, ...(signal && { signal }) })
  return data ?? { brands: [], nextCursor: null }
}
