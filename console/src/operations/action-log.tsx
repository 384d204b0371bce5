import { time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'

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
        {actions.map(({ id, at, actor, action, dryRun, parameters }) => (
          <li key={id} class="row">
            <span class="dim">{time(at, Date.now())}</span>
            <b>{actor}</b>
            <span>
              {action}
              {dryRun && ', only tried'}
            </span>
            <span class="mono dim">{JSON.stringify(parameters)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
