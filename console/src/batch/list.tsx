import type { Batch, VisionClient } from 'vision-pipeline-client'
import { count, money, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { type Page, usePages } from '../ui/use-pages.ts'
import { useTitle } from '../ui/use-title.ts'

const pageSize = 50

/** The batches of the caller, the newest first. */
export function BatchesPage() {
  const { items: batches, hasMore, more, error, moreError, reload } = usePages(read, [])
  useTitle('Batches')
  if (error !== undefined) return <Problem error={error} retry={reload} />
  if (batches === undefined) return null
  if (batches.length === 0) return <NoBatches />
  return (
    <>
      <div class="head">
        <h1 class="sum">Batches</h1>
        <a class="btn" href="/console/">
          <Icon name="plus" />
          New batch
        </a>
      </div>
      <div class="list">
        {batches.map((batch) => (
          <Row key={batch.batchId} batch={batch} />
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

async function read(on: VisionClient, cursor: string | undefined, signal?: AbortSignal): Promise<Page<Batch>> {
  const query = { limit: pageSize, ...(cursor !== undefined && { cursor }) }
  const { data } = await on.api.GET('/v1/batches', { params: { query }, ...(signal && { signal }) })
  return { items: data?.batches ?? [], nextCursor: data?.nextCursor ?? null }
}

function Row({ batch }: { readonly batch: Batch }) {
  const { batchId, name, jobs, byStatus, costUsd, createdAt } = batch
  const open = jobs - byStatus.completed - byStatus.failed - byStatus.cancelled
  return (
    <div class="row batch">
      <a class="what" href={`/console/batches/${batchId}`} dir="auto">
        {name ?? `Batch ${batchId}`}
      </a>
      <span class="row dim">
        <span>{count(jobs, 'image')}</span>
        {open > 0 && <span>{number(open)} to go</span>}
        {byStatus.failed > 0 && (
          <span class="st bad">
            <Icon name="failed" />
            {number(byStatus.failed)} failed
          </span>
        )}
        {costUsd !== null && <span>{money(costUsd)}</span>}
        <span>{time(createdAt, Date.now())}</span>
      </span>
    </div>
  )
}

function NoBatches() {
  return (
    <section class="empty">
      <h1 class="vh">Batches</h1>
      <p>Nothing here yet. Drop a few pictures, and their words will appear on a page of their own.</p>
      <a class="btn go" href="/console/">
        Start a batch
        <Icon name="arrow" />
      </a>
    </section>
  )
}
