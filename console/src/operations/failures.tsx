import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { canHelpAgain, describeCode } from '../ui/errors.ts'
import { count, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'

type Failure = components['schemas']['Failure']

const days = 7

/** What jobs of all users failed of, and the way to run them again. */
export function FailuresByCode({ turn, changed }: { readonly turn: number; readonly changed: () => void }) {
  const [asking, setAsking] = useState<Failure>()
  const { data, error, reload } = useLoad(
    async (on, signal) => (await on.api.GET('/v1/operator/failures', { params: { query: { days } }, signal })).data,
    [turn],
  )
  const failures = data?.failures ?? []
  return (
    <section class="sec" aria-labelledby="failures">
      <div class="row between">
        <h2 id="failures">Failures by code</h2>
        <span class="dim">Last {days} days</span>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {data && failures.length === 0 && <p class="dim">No job has failed.</p>}
      <div class="list">
        {failures.map((failure) => (
          <div key={`${failure.code}${failure.step}`} class="row failure">
            <div class="what">
              <p class="row">
                <b>
                  {count(failure.jobs, 'job')}
                  {failure.atLeast && ' or more'}
                </b>
                <a class="mono dim" href={`/problems/${failure.code}`}>
                  {failure.code}
                </a>
              </p>
              <p class="serif">{describeCode(failure.code)}</p>
            </div>
            <span class="dim">
              {count(failure.users, 'user')}, last {time(failure.lastAt, Date.now())}
            </span>
            <span class="row end">
              {!canHelpAgain(failure.code) && <span class="dim">Ends the same, unless something was mended</span>}
              <button type="button" class="btn" onClick={() => setAsking(failure)}>
                <Icon name="retry" />
                Redrive {number(failure.jobs)}
              </button>
            </span>
          </div>
        ))}
      </div>
      {asking && (
        <Confirm
          title={`Redrive ${count(asking.jobs, 'job')}?`}
          action={`Redrive ${number(asking.jobs)}`}
          close={() => setAsking(undefined)}
          run={() => redrive(asking.code).then(changed)}
        >
          <p class="serif">They run again, in their owners’ turns, and what they call is paid for by their owners.</p>
        </Confirm>
      )}
    </section>
  )
}

async function redrive(code: string): Promise<void> {
  for (let more: boolean | undefined = true; more; ) {
    const { data } = await client.value.api.POST('/v1/operator/redrive', { body: { filter: { code }, dryRun: false } })
    more = data?.more && data.jobs > 0
  }
}
