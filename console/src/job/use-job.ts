import { useEffect, useState } from 'preact/hooks'
import { isVisionError, type Job } from 'vision-pipeline-client'
import { client } from '../session.ts'

export interface FollowedJob {
  readonly job?: Job
  readonly error?: unknown
  readonly reload: () => void
}

/** The job as it is now, for as long as it changes. */
export function useJob(jobId: number): FollowedJob {
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
