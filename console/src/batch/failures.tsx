import { useState } from 'preact/hooks'
import { client } from '../session.ts'
import { canHelpAgain, describeCode } from '../ui/errors.ts'
import { count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import type { ListedJob } from './feed.ts'
import { pictureOf } from './frame.tsx'

interface FailuresProps {
  readonly batchId: number
  readonly byCode: Readonly<Record<string, number>>
  readonly jobs: readonly ListedJob[]
  readonly done: () => void
}

const thumbnailsShown = 5

/** What failed, by its code, with what can be done about it. */
export function Failures({ batchId, byCode, jobs, done }: FailuresProps) {
  const codes = Object.entries(byCode).sort(([, a], [, b]) => b - a)
  const all = codes.reduce((sum, [, failed]) => sum + failed, 0)
  if (all === 0) return null
  return (
    <section class="sec" aria-labelledby="failures">
      <div class="row between">
        <h2 id="failures">{count(all, 'failure')}</h2>
      </div>
      <div class="list">
        {codes.map(([code, failed]) => (
          <Group key={code} batchId={batchId} code={code} failed={failed} jobs={jobs} done={done} />
        ))}
      </div>
    </section>
  )
}

function Group({
  batchId,
  code,
  failed,
  jobs,
  done,
}: Pick<FailuresProps, 'batchId' | 'jobs' | 'done'> & { readonly code: string; readonly failed: number }) {
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const theirs = jobs.filter(({ status, error }) => status === 'failed' && error?.code === code)
  // Of a code that says different things of different jobs, the sentence of the code; else what they all say.
  const said = new Set(theirs.map(({ error }) => error?.message))
  const [only] = said
  const retry = async () => {
    setState({ busy: true })
    try {
      await retryAll(batchId, code)
      done()
      setState({})
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <div class="row failure">
      <div class="what">
        <p class="row">
          <a class="st bad" href={`/console/jobs?show=Failed&batch=${batchId}&code=${code}`}>
            <Icon name="failed" />
            {count(failed, 'image')}
          </a>
          <a class="mono dim" href={`/problems/${code}`}>
            {code}
          </a>
        </p>
        <p class="serif">{said.size === 1 && only ? only : describeCode(code)}</p>
        {state.error !== undefined && <Problem error={state.error} />}
      </div>
      <span class="row thumbs">
        {theirs.slice(0, thumbnailsShown).map((job) => {
          const picture = pictureOf(job)
          return picture && <img key={job.jobId} class="thumb" src={picture} alt="" loading="lazy" />
        })}
      </span>
      <span class="row end">
        {canHelpAgain(code) ? (
          <button type="button" class="btn" disabled={state.busy} onClick={retry}>
            <Icon name="retry" />
            Retry these {failed}
          </button>
        ) : (
          <span class="dim">Needs another file</span>
        )}
      </span>
    </div>
  )
}

async function retryAll(batchId: number, code: string): Promise<void> {
  const on = client.value
  for (let more: boolean | undefined = true; more; ) {
    const params = { path: { batchId } }
    const { data } = await on.api.POST('/v1/batches/{batchId}/retry', { params, body: { code: code as never } })
    more = data?.more
  }
}
