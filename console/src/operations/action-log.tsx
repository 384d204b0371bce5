import { time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { describeAction } from './actions.ts'

/** Who did what, the newest first. */
export function ActionLog({ turn }: { readonly turn: number }) {
  const { data, error, reload } = useLoad(
    async (on, signal) => (await on.api.GET('/v1/operator/actions', { params: { query: { limit: 20 } }, signal })).data,
    [turn],
  )
  const actions = data?.actions ?? []
  return (
    <section class="sec" aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {data && actions.length === 0 && <p class="dim">No operator has done anything yet.</p>}
      <ul class="list">
        {actions.map((one) => (
          <li key={one.id} class="row">
            <span class="dim">{time(one.at, Date.now())}</span>
            <b>{one.actor}</b>
            <span>{describeAction(one)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
