import { useState } from 'preact/hooks'
import type { Batch } from 'vision-pipeline-client'
import { client } from '../session.ts'
import { count, money, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'

const pageSize = 50

/** The batches of the caller, the newest first. */
export function BatchesPage() {
  const { data, error, reload } = useLoad(
    async (on, signal) => (await on.api.GET('/v1/batches', { params: { query: { limit: pageSize } }, signal })).data,
    [],
  )
  const [more, setMore] = useState<{ batches: readonly Batch[]; cursor: string | null; error?: unknown }>()
  useTitle('Batches')
  if (error !== undefined) return <Problem error={error} retry={reload} />
  if (data === undefined) return null
  if (data.batches.length === 0) return <NoBatches />
  const cursor = more === undefined ? data.nextCursor : more.cursor
  const next = async () => {
    const before = more?.batches ?? []
    try {
      const query = { limit: pageSize, cursor }
      const answer = await client.value.api.GET('/v1/batches', { params: { query } })
      setMore({ batches: [...before, ...(answer.data?.batches ?? [])], cursor: answer.data?.nextCursor ?? null })
    } catch (problem) {
      setMore({ batches: before, cursor, error: problem })
    }
  }
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
        {[...data.batches, ...(more?.batches ?? [])].map((batch) => (
          <Row key={batch.batchId} batch={batch} />
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
