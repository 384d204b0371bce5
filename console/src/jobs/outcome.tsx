import { describeCode } from '../ui/errors.ts'
import { number } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import type { Change, Outcome } from './bulk.ts'

const already: Readonly<Record<Change, string>> = {
  retry: 'on their way already',
  cancel: 'cancelled before',
  delete: 'deleted before',
}

/** What became of jobs that were changed together: how many were, and why the others were not. */
export function OutcomeNote({ change, outcome }: { readonly change: Change; readonly outcome: Outcome }) {
  const { jobs, unchanged, refused, isStopped, error } = outcome
  return (
    <>
      <p>
        {isStopped && 'Stopped. '}
        {number(jobs)} done
        {unchanged > 0 && `, ${number(unchanged)} ${already[change]}`}
        {refused.map((group) => (
          <span key={group.code}>
            , {number(group.jobs)} not: {describeCode(group.code)}{' '}
            <a class="mono" href={`/problems/${group.code}`}>
              {group.code}
            </a>
          </span>
        ))}
      </p>
      {error !== undefined && <Problem error={error} />}
    </>
  )
}
