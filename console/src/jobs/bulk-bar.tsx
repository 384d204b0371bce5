import { useState } from 'preact/hooks'
import type { ListedJob } from '../batch/feed.ts'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { count, number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { type Change, changeJobs } from './bulk.ts'

interface BulkBarProps {
  readonly jobs: readonly ListedJob[]
  readonly clear: () => void
  /** What became of it is told by the page, which stays. */
  readonly say: (what: string | undefined) => void
  readonly done: () => void
}

/** What can be done with the jobs that are selected; each button says how many it will touch. */
export function BulkBar({ jobs, clear, say, done }: BulkBarProps) {
  const [asking, setAsking] = useState<'cancel' | 'delete'>()
  const failed = idsOf(jobs.filter(({ status }) => status === 'failed'))
  const open = idsOf(jobs.filter(({ status }) => !['completed', 'failed', 'cancelled'].includes(status)))
  const run = async (change: Change, ids: readonly number[]) => {
    say('…')
    const { changed, refused, why } = await changeJobs(client.value, change, ids)
    say(refused === 0 ? undefined : `${number(changed)} done, ${number(refused)} not: ${why}`)
    if (refused === 0) clear()
    done()
  }
  const questions = {
    cancel: {
      ids: open,
      title: `Cancel ${count(open.length, 'job')}?`,
      about: 'What runs is ended, and may have been paid for.',
    },
    delete: {
      ids: idsOf(jobs),
      title: `Delete ${count(jobs.length, 'job')}?`,
      about: 'Their texts go with them. This cannot be undone.',
    },
  }
  const question = asking && questions[asking]
  return (
    <div class="foot sel" role="region" aria-label="Selected jobs">
      <b>{number(jobs.length)} selected</b>
      <span class="row end">
        {failed.length > 0 && (
          <button type="button" class="btn" onClick={() => run('retry', failed)}>
            <Icon name="retry" />
            Retry {number(failed.length)} failed
          </button>
        )}
        {open.length > 0 && (
          <button type="button" class="btn" onClick={() => setAsking('cancel')}>
            <Icon name="close" />
            Cancel {number(open.length)}
          </button>
        )}
        <button type="button" class="btn" onClick={() => setAsking('delete')}>
          <Icon name="bin" />
          Delete {number(jobs.length)}
        </button>
        <button type="button" class="btn plain" onClick={clear}>
          Clear
        </button>
      </span>
      {asking && question && (
        <Confirm
          title={question.title}
          action={question.title.slice(0, -1)}
          close={() => setAsking(undefined)}
          run={() => run(asking, question.ids)}
        >
          <p class="serif">{question.about}</p>
        </Confirm>
      )}
    </div>
  )
}

function idsOf(jobs: readonly ListedJob[]): number[] {
  return jobs.map(({ jobId }) => jobId)
}
