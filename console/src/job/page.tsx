import { useState } from 'preact/hooks'
import { useRoute } from 'preact-iso'
import { nameOf } from '../batch/frame.tsx'
import { client } from '../session.ts'
import { canHelpAgain } from '../ui/errors.ts'
import { time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { StageMark } from '../ui/stage.tsx'
import { useTitle } from '../ui/use-title.ts'
import { PictureOfJob } from './picture.tsx'
import { SameCall } from './same-call.tsx'
import { Texts } from './texts.tsx'
import { Timeline } from './timeline.tsx'
import { useJob } from './use-job.ts'

/** One picture, what was seen in it and what was written of it. */
export function JobPage() {
  const { params } = useRoute()
  return <FollowedJob key={params.id} jobId={Number(params.id)} />
}

function FollowedJob({ jobId }: { readonly jobId: number }) {
  const { job, error, reload } = useJob(jobId)
  const [failure, setFailure] = useState<unknown>()
  const title = job ? nameOf(job) : 'Job'
  useTitle(title)
  if (job === undefined) return error === undefined ? null : <Problem error={error} retry={reload} />
  const isOpen = job.finishedAt === null
  const act = (path: '/v1/jobs/{jobId}/retry' | '/v1/jobs/{jobId}/cancel') => () => {
    setFailure(undefined)
    client.value.api.POST(path, { params: { path: { jobId } } }).then(reload, setFailure)
  }
  return (
    <>
      <div class="row between over-title">
        <p class="dim">
          {job.batchId !== null && (
            <>
              <a href={`/console/batches/${job.batchId}`}>Batch {job.batchId}</a>,{' '}
            </>
          )}
          job {jobId}, {time(job.createdAt, Date.now())}
        </p>
        <span class="row">
          <StageMark job={job} />
          {job.status === 'failed' && (job.error === null || canHelpAgain(job.error.code)) && (
            <button type="button" class="btn" onClick={act('/v1/jobs/{jobId}/retry')}>
              <Icon name="retry" />
              Retry
            </button>
          )}
          {isOpen && (
            <button type="button" class="btn" onClick={act('/v1/jobs/{jobId}/cancel')}>
              <Icon name="close" />
              Cancel
            </button>
          )}
        </span>
      </div>
      {failure !== undefined && <Problem error={failure} />}
      {error !== undefined && <Problem error={error} retry={reload} />}
      {job.error && (
        <div class="note">
          <p class="serif">{job.error.message}</p>
          <a class="mono dim" href={`/problems/${job.error.code}`}>
            {job.error.code}
          </a>
          {job.nextTryAt && <p class="dim">It is tried again at {time(job.nextTryAt, Date.now())}.</p>}
        </div>
      )}
      <div class="split half">
        <div>
          <h1 dir="auto">{title}</h1>
          <Texts job={job} reload={reload} />
          <Timeline job={job} />
          <SameCall job={job} />
        </div>
        <PictureOfJob job={job} />
      </div>
    </>
  )
}
