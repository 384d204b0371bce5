import type { components } from '../../../client/src/openapi.ts'
import { money, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'

type LimitLeft = components['schemas']['LimitLeft']

const names: Readonly<Record<string, string>> = {
  'limit.jobs_per_day': 'Images in a day',
  'limit.jobs_waiting': 'Images that wait',
  'limit.spend_per_day': 'Money in a day',
  'limit.uploads_per_day': 'Uploads in a day',
  'limit.upload_bytes_per_day': 'Bytes uploaded in a day',
}

/** Below this share a limit is near. */
const near = 0.1

/** What is left of each limit, now. */
export function Limits({ limits }: { readonly limits: readonly LimitLeft[] }) {
  if (limits.length === 0) return null
  return (
    <section class="sec" aria-labelledby="limits">
      <div class="row between">
        <h2 id="limits">Limits</h2>
        <span class="dim">Now; days are of UTC</span>
      </div>
      <ul class="list">
        {limits.map(({ code, unit, limit, left, resetsAt }) => {
          const of = (value: number) => (unit === 'dollars' ? money(value) : number(value))
          const isNear = left <= limit * near
          return (
            <li key={code} class="limit">
              <span>{names[code] ?? code}</span>
              <span class="gauge" aria-hidden="true">
                <i style={{ width: `${limit > 0 ? Math.min(100, (1 - left / limit) * 100) : 100}%` }} />
              </span>
              <span class={`st num ${isNear ? 'warn' : ''}`}>
                {isNear && <Icon name="warning" />}
                {of(left)} of {of(limit)} left
              </span>
              <span class="dim num">{resetsAt ? `full again ${time(resetsAt, Date.now())}` : 'freed as some end'}</span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
