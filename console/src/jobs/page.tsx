import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { ListedJob } from '../batch/feed.ts'
import { client } from '../session.ts'
import { number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
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
  const first = useLoad((_, signal) => readPage(queryOf(filters, Date.now()), undefined, signal), [address])
  const [more, setMore] = useState<{ jobs: readonly ListedJob[]; cursor: string | null }>()
  const [selected, setSelected] = useState<ReadonlyMap<number, ListedJob>>(new Map())
  const [failure, setFailure] = useState<unknown>()
  useTitle('Jobs')
  useEffect(() => {
    setMore(undefined)
    setSelected(new Map())
    setFailure(undefined)
  }, [address, first.data])
  const jobs = [...(first.data?.jobs ?? []), ...(more?.jobs ?? [])]
  const cursor = more ? more.cursor : (first.data?.nextCursor ?? null)
  const set = (to: Filters) => route(addressOf({ ...filters, ...to }))
  const next = () =>
    readPage(queryOf(filters, Date.now()), cursor).then(
      (page) => setMore({ jobs: [...(more?.jobs ?? []), ...page.jobs], cursor: page.nextCursor }),
      setFailure,
    )
  const selectMatching = async () => {
    const found = new Map<number, ListedJob>()
    try {
      for (let at: string | null | undefined; at !== null && found.size < mostSelected; ) {
        const page = await readPage(queryOf(filters, Date.now()), at, undefined, false)
        for (const job of page.jobs) found.set(job.jobId, job)
        at = page.nextCursor
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
      {first.error !== undefined && <Problem error={first.error} retry={first.reload} />}
      {failure !== undefined && <Problem error={failure} />}
      {first.data && jobs.length === 0 && (
        <Nothing filtered={address.includes('?')} clear={() => route(addressOf({}))} />
      )}
      {jobs.length > 0 && <JobTable jobs={jobs} selected={selected} select={setSelected} />}
      {jobs.length > 0 && (
        <p class="row between actions">
          <span class="dim">
            {number(jobs.length)} shown{cursor === null ? ', and there are no more' : ''}
          </span>
          <span class="row">
            {cursor !== null && (
              <>
                <button type="button" class="btn plain" onClick={selectMatching}>
                  Select all that match, up to {number(mostSelected)}
                </button>
                <button type="button" class="btn" onClick={next}>
                  Show {pageSize} more
                </button>
              </>
            )}
          </span>
        </p>
      )}
      {selected.size > 0 && (
        <BulkBar jobs={[...selected.values()]} clear={() => setSelected(new Map())} done={first.reload} />
      )}
    </>
  )
}

async function readPage(query: JobQuery, cursor?: string | null, signal?: AbortSignal, withTexts = true) {
  const { data } = await client.value.api.GET('/v1/jobs', {
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
  return data ?? { jobs: [], nextCursor: null }
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
