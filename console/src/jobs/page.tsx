import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { VisionClient } from 'vision-pipeline-client'
import { number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { usePages } from '../ui/use-pages.ts'
import { useTitle } from '../ui/use-title.ts'
import type { Count } from './bulk.ts'
import { BulkBar, countOf, WorkBar } from './bulk-bar.tsx'
import { FilterBar } from './filter-bar.tsx'
import { JobTable } from './job-table.tsx'
import { OutcomeNote } from './outcome.tsx'
import { addressOf, type Filters, type JobQuery, queryOf } from './query.ts'
import { nothing, useBulk } from './use-bulk.ts'

const pageSize = 50

/** The jobs of the caller, the newest first; the address says which. */
export function JobsPage() {
  const { query, route } = useLocation()
  const filters = query as Filters
  const address = addressOf(filters)
  /** How often jobs were changed here: what was read before tells no more how they are. */
  const [turn, setTurn] = useState(0)
  const pages = usePages(
    (on, cursor, signal) => readPage(on, queryOf(filters, Date.now()), { cursor, signal }),
    [address, turn],
    `${turn} ${address}`,
  )
  const [selection, setSelection] = useState(nothing)
  const bulk = useBulk(selection, () => setTurn((now) => now + 1))
  const { counts, work, ended } = bulk
  useTitle('Jobs')
  useEffect(() => setSelection(nothing), [address, turn])
  useEffect(bulk.forget, [address])
  const jobs = pages.items ?? []
  const set = (to: Filters) => route(addressOf({ ...filters, ...to }))
  const newest = pages.first?.[0]
  const selectMatching = () => {
    if (newest === undefined) return
    // No younger ones than are shown. By the API's clock, not by the reader's.
    const createdTo = new Date(Date.parse(newest.createdAt) + 1).toISOString()
    setSelection({ some: new Map(), matching: { ...queryOf(filters, Date.now()), createdTo } })
  }
  const { some, matching } = selection
  const shown = matching ? new Map(jobs.map((job) => [job.jobId, job])) : some
  return (
    <>
      <div class="head">
        <h1 class="sum">Jobs</h1>
      </div>
      <FilterBar filters={filters} set={set} />
      {pages.error !== undefined && <Problem error={pages.error} retry={pages.reload} />}
      {pages.moreError !== undefined && <Problem error={pages.moreError} />}
      {bulk.error !== undefined && <Problem error={bulk.error} />}
      <div role="status">{ended && <OutcomeNote {...ended} />}</div>
      {pages.items && jobs.length === 0 && (
        <Nothing filtered={address.includes('?')} clear={() => route(addressOf({}))} />
      )}
      {jobs.length > 0 && <JobTable jobs={jobs} selected={shown} select={(to) => setSelection({ some: to })} />}
      {jobs.length > 0 && (
        <p class="row between actions">
          <span class="dim">
            {number(jobs.length)} shown{pages.hasMore ? '' : ', and there are no more'}
          </span>
          <span class="row">
            {pages.hasMore && (
              <>
                <button type="button" class="btn plain" onClick={selectMatching}>
                  Select all that match
                </button>
                <button type="button" class="btn" onClick={pages.more}>
                  Show {pageSize} more
                </button>
              </>
            )}
          </span>
        </p>
      )}
      {work ? (
        <WorkBar {...work} />
      ) : (
        (matching || some.size > 0) && (
          <BulkBar
            name={matching ? nameOf(counts?.delete) : `${number(some.size)} selected`}
            counts={counts}
            asksRetry={matching !== undefined}
            clear={() => setSelection(nothing)}
            run={bulk.run}
          />
        )
      )}
    </>
  )
}

function nameOf(all: Count | undefined): string {
  return all ? `All ${countOf(all)} that match` : 'All that match'
}

interface Reading {
  readonly cursor: string | undefined
  readonly signal: AbortSignal | undefined
}

async function readPage(on: VisionClient, query: JobQuery, { cursor, signal }: Reading) {
  const { data } = await on.api.GET('/v1/jobs', {
    params: { query: { ...query, limit: pageSize, include: ['outputs'], ...(cursor && { cursor }) } },
    ...(signal && { signal }),
  })
  return { items: data?.jobs ?? [], nextCursor: data?.nextCursor ?? null }
}

function Nothing({ filtered, clear }: { readonly filtered: boolean; readonly clear: () => void }) {
  return (
    <section class="empty">
      <p>
        {filtered
          ? 'No job is like that.'
          : 'Nothing here yet. Drop a few pictures, and their words will appear on this page.'}
      </p>
      {filtered ? (
        <button type="button" class="btn" onClick={clear}>
          <Icon name="close" />
          Clear filters
        </button>
      ) : (
        <a class="btn go" href="/console/">
          Start a batch
          <Icon name="arrow" />
        </a>
      )}
    </section>
  )
}
