import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { VisionClient } from 'vision-pipeline-client'
import type { ListedJob } from '../batch/feed.ts'
import { client } from '../session.ts'
import { number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { usePages } from '../ui/use-pages.ts'
import { useTitle } from '../ui/use-title.ts'
import { BulkBar } from './bulk-bar.tsx'
import { FilterBar } from './filter-bar.tsx'
import { JobTable } from './job-table.tsx'
import { addressOf, type Filters, type JobQuery, queryOf } from './query.ts'

const pageSize = 50
/** As many as are selected by one click. */
const mostSelected = 1_000

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
  const [selected, setSelected] = useState<ReadonlyMap<number, ListedJob>>(new Map())
  const [failure, setFailure] = useState<unknown>()
  const [said, setSaid] = useState<string>()
  useTitle('Jobs')
  useEffect(() => {
    setSelected(new Map())
    setFailure(undefined)
  }, [address, turn])
  useEffect(() => setSaid(undefined), [address])
  const jobs = pages.items ?? []
  const set = (to: Filters) => route(addressOf({ ...filters, ...to }))
  const selectMatching = async () => {
    const found = new Map<number, ListedJob>()
    try {
      for (let cursor: string | null | undefined; cursor !== null && found.size < mostSelected; ) {
        const page = await readPage(client.value, queryOf(filters, Date.now()), { cursor, withTexts: false })
        for (const job of page.items) found.set(job.jobId, job)
        cursor = page.nextCursor
      }
      setSelected(found)
    } catch (error) {
      setFailure(error)
    }
  }
  return (
    <>
      <div class="head">
        <h1 class="sum">Jobs</h1>
      </div>
      <FilterBar filters={filters} set={set} />
      {pages.error !== undefined && <Problem error={pages.error} retry={pages.reload} />}
      {pages.moreError !== undefined && <Problem error={pages.moreError} />}
      {failure !== undefined && <Problem error={failure} />}
      <div role="status">{said && <p>{said}</p>}</div>
      {pages.items && jobs.length === 0 && (
        <Nothing filtered={address.includes('?')} clear={() => route(addressOf({}))} />
      )}
      {jobs.length > 0 && <JobTable jobs={jobs} selected={selected} select={setSelected} />}
      {jobs.length > 0 && (
        <p class="row between actions">
          <span class="dim">
            {number(jobs.length)} shown{pages.hasMore ? '' : ', and there are no more'}
          </span>
          <span class="row">
            {pages.hasMore && (
              <>
                <button type="button" class="btn plain" onClick={selectMatching}>
                  Select all that match, up to {number(mostSelected)}
                </button>
                <button type="button" class="btn" onClick={pages.more}>
                  Show {pageSize} more
                </button>
              </>
            )}
          </span>
        </p>
      )}
      {selected.size > 0 && (
        <BulkBar
          jobs={[...selected.values()]}
          clear={() => setSelected(new Map())}
          say={setSaid}
          done={() => setTurn(turn + 1)}
        />
      )}
    </>
  )
}

interface Reading {
  readonly cursor?: string | null | undefined
  readonly signal?: AbortSignal | undefined
  readonly withTexts?: boolean
}

async function readPage(on: VisionClient, query: JobQuery, { cursor, signal, withTexts = true }: Reading) {
  const { data } = await on.api.GET('/v1/jobs', {
    params: {
      query: {
        ...query,
        limit: withTexts ? pageSize : 100,
        ...(withTexts && { include: ['outputs'] }),
        ...(cursor && { cursor }),
      },
    },
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
