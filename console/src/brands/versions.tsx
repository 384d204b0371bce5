import { useState } from 'preact/hooks'
import type { VisionClient } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { count, time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { type Page, usePages } from '../ui/use-pages.ts'
import { DifferenceView } from './difference.tsx'

type Brand = components['schemas']['Brand']
type Version = components['schemas']['BrandVersionSummary']

const pageSize = 20

interface VersionsProps {
  readonly brand: Brand
  readonly reload: () => void
  readonly isLocked: boolean
}

/** The versions of a brand, the newest first, each with what it changed. */
export function Versions({ brand, reload, isLocked }: VersionsProps) {
  const { brandId, version } = brand
  const {
    items,
    hasMore,
    more,
    error,
    moreError,
    reload: again,
  } = usePages((on, cursor, signal) => read(on, brandId, cursor, signal), [brandId, version])
  return (
    <section aria-labelledby="versions">
      <h2 id="versions">{count(version, 'version')}</h2>
      {error !== undefined && <Problem error={error} retry={again} />}
      <div class="list">
        {items?.map((one) => (
          <Row key={one.version} brand={brand} one={one} reload={reload} isLocked={isLocked} />
        ))}
      </div>
      {moreError !== undefined && <Problem error={moreError} />}
      {hasMore && (
        <button type="button" class="btn plain" onClick={more}>
          Show older ones
        </button>
      )}
    </section>
  )
}

function Row({ brand, one, reload, isLocked }: VersionsProps & { readonly one: Version }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Version {one.version} <span class="dim">{time(one.createdAt, Date.now())}</span>
      </summary>
      {isOpen && <Changes brand={brand} version={one.version} reload={reload} isLocked={isLocked} />}
    </details>
  )
}

/** What a version changed, and the way back to it. */
function Changes({ brand, version, reload, isLocked }: VersionsProps & { readonly version: number }) {
  const { brandId } = brand
  const [failure, setFailure] = useState<unknown>()
  const {
    data,
    error,
    reload: again,
  } = useLoad(
    async (on, signal) => {
      const of = async (one: number) => {
        const params = { path: { brandId, version: one } }
        return (await on.api.GET('/v1/brands/{brandId}/versions/{version}', { params, signal })).data?.profile
      }
      const [now, before] = await Promise.all([of(version), version > 1 ? of(version - 1) : undefined])
      return now && { now, before }
    },
    [brandId, version],
  )
  if (error !== undefined) return <Problem error={error} retry={again} />
  if (data === undefined) return null
  const bringBack = () => {
    setFailure(undefined)
    const body = { profile: data.now, version: brand.version }
    client.value.api.PUT('/v1/brands/{brandId}', { params: { path: { brandId } }, body }).then(reload, setFailure)
  }
  return (
    <>
      {data.before ? (
        <DifferenceView before={data.before} after={data.now} />
      ) : (
        <p class="dim">The first: nothing was before it.</p>
      )}
      {version !== brand.version && !isLocked && (
        <details>
          <summary>What is different now</summary>
          <DifferenceView before={data.now} after={brand.profile} />
          <button type="button" class="btn plain" onClick={bringBack}>
            Bring version {version} back, as version {brand.version + 1}
          </button>
        </details>
      )}
      {failure !== undefined && <Problem error={failure} />}
    </>
  )
}

async function read(
  on: VisionClient,
  brandId: number,
  cursor: string | undefined,
  signal?: AbortSignal,
): Promise<Page<Version>> {
  const query = { limit: pageSize, ...(cursor !== undefined && { cursor }) }
  const params = { path: { brandId }, query }
  const { data } = await on.api.GET('/v1/brands/{brandId}/versions', { params, ...(signal && { signal }) })
  return { items: data?.versions ?? [], nextCursor: data?.nextCursor ?? null }
}
