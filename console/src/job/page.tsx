import { useEffect, useState } from 'preact/hooks'
import { useRoute } from 'preact-iso'
import { isVisionError, type Job } from 'vision-pipeline-client'
import { nameOf } from '../batch/frame.tsx'
import { client } from '../session.ts'
import { canHelpAgain } from '../ui/errors.ts'
import { time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { StageMark } from '../ui/stage.tsx'
import { PictureOfJob } from './picture.tsx'
import { SameCall } from './same-call.tsx'
import { Texts } from './texts.tsx'
import { Timeline } from './timeline.tsx'

/** One picture, what was seen in it and what was written of it. */
export function JobPage() {
  const { params } = useRoute()
  return <FollowedJob key={params.id} jobId={Number(params.id)} />
}

function FollowedJob({ jobId }: { readonly jobId: number }) {
  const { job, error, reload } = useJob(jobId)
  const [failure, setFailure] = useState<unknown>()
  const title = job ? nameOf(job) : 'Job'
  useEffect(() => {
    document.title = `${title} · Vision Pipeline`
  }, [title])
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

/** The job as it is now, for as long as it changes. */
function useJob(jobId: number) {
  const [state, setState] = useState<{ job?: Job; error?: unknown }>({})
  const [turn, setTurn] = useState(0)
  const on = client.value
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const read = async () => {
      const job = await on.get(jobId, { signal })
      setState({ job })
      return job
    }
    const follow = async () => {
      const job = await read()
      if (job.finishedAt !== null && job.outputs.texts.every(({ status }) => status !== 'waiting')) return
      for await (const _ of on.watch(jobId, { signal })) await read()
      await read()
    }
    follow().catch((error: unknown) => {
      if (signal.aborted) return
      const isGone = isVisionError(error, 'job.not_found')
      setState((before) => (isGone ? { error } : { ...before, error }))
    })
    return () => stop.abort()
  }, [on, jobId, turn])
  return { ...state, reload: () => setTurn((before) => before + 1) }
}
