import { useState } from 'preact/hooks'
import { Confirm } from '../ui/confirm.tsx'
import { number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import type { Change, Count, Counts } from './bulk.ts'

interface BulkBarProps {
  /** What is selected: `3 selected`. */
  readonly name: string
  /** Undefined while they are counted. */
  readonly counts: Counts | undefined
  /** Whether a retry is asked about too: of jobs that the reader does not see. */
  readonly asksRetry: boolean
  readonly clear: () => void
  readonly run: (change: Change) => void
}

/** What can be done with the jobs that are selected; each button says how many it will touch. */
export function BulkBar({ name, counts, asksRetry, clear, run }: BulkBarProps) {
  const [asking, setAsking] = useState<Change>()
  const act = (change: Change) => (change === 'retry' && !asksRetry ? run(change) : setAsking(change))
  const question = asking && counts && questionOf(asking, counts[asking])
  return (
    <div class="foot sel" role="region" aria-label="Selected jobs">
      <b>{name}</b>
      <span class="row end">
        {counts === undefined && <span>Counting what can be done…</span>}
        {counts && counts.retry.jobs > 0 && (
          <button type="button" class="btn" onClick={() => act('retry')}>
            <Icon name="retry" />
            Retry {countOf(counts.retry)} failed
          </button>
        )}
        {counts && counts.cancel.jobs > 0 && (
          <button type="button" class="btn" onClick={() => act('cancel')}>
            <Icon name="close" />
            Cancel {countOf(counts.cancel)}
          </button>
        )}
        {counts && counts.delete.jobs > 0 && (
          <button type="button" class="btn" onClick={() => act('delete')}>
            <Icon name="bin" />
            Delete {countOf(counts.delete)}
          </button>
        )}
        <button type="button" class="btn plain" onClick={clear}>
          Clear
        </button>
      </span>
      {asking && counts && question && (
        <Confirm
          title={`${question.action}?`}
          action={question.action}
          close={() => setAsking(undefined)}
          // Not waited for: how far it is, the bar tells, where it can be stopped.
          run={async () => run(asking)}
        >
          <p class="serif">{question.about}</p>
        </Confirm>
      )}
    </div>
  )
}

/** How far a change is. */
export interface Work {
  readonly change: Change
  readonly looked: number
  readonly all: Count
  readonly stop: () => void
}

const under: Readonly<Record<Change, string>> = { retry: 'Retrying', cancel: 'Cancelling', delete: 'Deleting' }

/** A change of many jobs that is under way. */
export function WorkBar({ change, looked, all, stop }: Work) {
  return (
    <div class="foot sel" role="region" aria-label="Selected jobs">
      <b role="status">
        {under[change]}: {number(looked)} of {countOf(all)}
      </b>
      <span class="dim">What is done stays done. Leaving this page stops it.</span>
      <span class="row end">
        <button type="button" class="btn" onClick={stop}>
          <Icon name="close" />
          Stop
        </button>
      </span>
    </div>
  )
}

/** `1,204`, or `10,000+` where there are more than were counted. */
export function countOf({ jobs, more }: Count): string {
  return `${number(jobs)}${more ? '+' : ''}`
}

function questionOf(change: Change, of: Count): { readonly action: string; readonly about: string } {
  const jobs = of.jobs === 1 && !of.more ? 'job' : 'jobs'
  switch (change) {
    case 'retry':
      return { action: `Retry ${countOf(of)} failed ${jobs}`, about: 'Each is made again, and paid for again.' }
    case 'cancel':
      return { action: `Cancel ${countOf(of)} ${jobs}`, about: 'What runs is ended, and may have been paid for.' }
    case 'delete':
      return {
        action: `Delete ${countOf(of)} ${jobs}`,
        about: 'Their texts go with them. This cannot be undone.',
      }
  }
}
