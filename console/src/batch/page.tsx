import { useEffect, useMemo, useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import type { Batch } from 'vision-pipeline-client'
import { leftOut } from '../new/start.ts'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { about, count, money, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { type Stage, StageBar, stageOf } from '../ui/stage.tsx'
import { useTitle } from '../ui/use-title.ts'
import { type ExportFormat, exportResults } from './export.ts'
import { Failures } from './failures.tsx'
import { followBatch, type ListedJob } from './feed.ts'
import { Gallery } from './gallery.tsx'

/** A batch while it runs, and after. */
export function BatchPage() {
  const { params } = useRoute()
  return <FollowedBatch key={params.id} batchId={Number(params.id)} />
}

function FollowedBatch({ batchId }: { readonly batchId: number }) {
  const { query, route } = useLocation()
  const on = client.value
  const feed = useMemo(() => followBatch(on, batchId), [on, batchId])
  useEffect(() => () => feed.stop(), [feed])
  const batch = feed.batch.value
  const title = batch ? (batch.name ?? `Batch ${batchId}`) : 'Batch'
  useTitle(title)
  const error = feed.error.value
  if (batch === undefined) return error === undefined ? null : <Problem error={error} retry={feed.refresh} />
  const jobs = [...feed.jobs.value.values()]
  const counts = stageCounts(batch, jobs)
  return (
    <>
      <Head batch={batch} title={title} refresh={feed.refresh} />
      <Summary batch={batch} done={counts.get('done') ?? 0} />
      <StageBar counts={counts} />
      <p class="vh" role="status">
        {batch.ended ? `All ${batch.jobs} images have ended.` : ''}
      </p>
      {error !== undefined && <Problem error={error} retry={feed.refresh} />}
      <LeftOut batchId={batchId} />
      <Failures batchId={batchId} byCode={batch.byCode} jobs={jobs} done={feed.refresh} />
      <Gallery
        jobs={jobs}
        all={batch.jobs}
        replaced={feed.refresh}
        filter={query.show ?? 'All'}
        setFilter={(name) => route(`/console/batches/${batchId}${name === 'All' ? '' : `?show=${name}`}`, true)}
      />
      <p class="dim xs" data-live={feed.by.value}>
        {feed.by.value === 'waiting' && 'Live by asking again and again: nothing streams here.'}
      </p>
    </>
  )
}

function Head({
  batch,
  title,
  refresh,
}: {
  readonly batch: Batch
  readonly title: string
  readonly refresh: () => void
}) {
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>()
  const { batchId } = batch
  const { completed, failed, cancelled } = batch.byStatus
  const open = batch.jobs - completed - failed - cancelled
  const save = (format: ExportFormat) => () => {
    setError(undefined)
    exportResults(client.value, batchId, format).catch(setError)
  }
  return (
    <div class="head">
      <div>
        <p class="dim">
          Batch {batchId}, started {time(batch.createdAt, Date.now())}
        </p>
        <h1 dir="auto">{title}</h1>
      </div>
      <span class="row">
        {open > 0 && (
          <button type="button" class="btn" onClick={() => setAsking(true)}>
            <Icon name="close" />
            Cancel the rest
          </button>
        )}
        <button type="button" class="btn" onClick={save('csv')}>
          <Icon name="download" />
          Export CSV
        </button>
        <button type="button" class="btn" onClick={save('jsonl')}>
          <Icon name="download" />
          Export JSONL
        </button>
      </span>
      {error !== undefined && <Problem error={error} />}
      {asking && (
        <Confirm
          title={`Cancel ${count(open, 'image')}?`}
          action={`Cancel ${count(open, 'image')}`}
          close={() => setAsking(false)}
          run={() => cancelRest(batchId).then(refresh)}
        >
          <p class="serif">
            What is done stays. What runs is ended, and may have been paid for. The batch takes no more.
          </p>
        </Confirm>
      )}
    </div>
  )
}

async function cancelRest(batchId: number): Promise<void> {
  for (let more: boolean | undefined = true; more; ) {
    const { data } = await client.value.api.POST('/v1/batches/{batchId}/cancel', { params: { path: { batchId } } })
    more = data?.more
  }
}

/** @param done as the bar below has it: the batch itself tells of its jobs a moment later than they do */
function Summary({ batch, done }: { readonly batch: Batch; readonly done: number }) {
  const { jobs, costUsd, ended, estimatedEndAt } = batch
  const secondsLeft = estimatedEndAt === null ? undefined : (Date.parse(estimatedEndAt) - Date.now()) / 1_000
  if (jobs === 0) return <p class="sum">No images yet</p>
  return (
    <p class="sum">
      {number(done)} of {number(jobs)} done
      {!ended && secondsLeft !== undefined && secondsLeft > 0 && (
        <>
          <span>, about</span> {about(secondsLeft)} <span>left</span>
        </>
      )}
      {costUsd !== null && costUsd > 0 && (
        <>
          <span>.</span> {money(costUsd)} <span>spent</span>
        </>
      )}
    </p>
  )
}

/** Which files became no job, while this tab knows it. */
function LeftOut({ batchId }: { readonly batchId: number }) {
  const left = leftOut.get(batchId) ?? []
  if (left.length === 0) return null
  return (
    <details class="note">
      <summary>{count(left.length, 'file')} could not be taken</summary>
      <ul class="list">
        {left.map(({ file, why }) => (
          <li key={file}>
            <b>{file}</b> {why}
          </li>
        ))}
      </ul>
    </details>
  )
}

/** By the jobs, where all of them were read; else as far as the batch itself says. */
function stageCounts(batch: Batch, jobs: readonly ListedJob[]): Map<Stage, number> {
  if (jobs.length === batch.jobs) {
    const counts = new Map<Stage, number>()
    for (const job of jobs) counts.set(stageOf(job), (counts.get(stageOf(job)) ?? 0) + 1)
    return counts
  }
  const { completed, failed, cancelled, processing, pending, scheduled, blocked } = batch.byStatus
  return new Map<Stage, number>([
    ['done', completed],
    ['texts', processing],
    ['waiting', pending + scheduled + blocked],
    ['failed', failed],
    ['cancelled', cancelled],
  ])
}
