import { money } from '../ui/format.ts'
import { axisTop, type Costs } from './days.ts'

/** By texture and place, not by colour alone: the classes of the bar of stages. */
const textures = ['k-done', 'k-texts', 'k-analysis', 'k-image'] as const

/** Cost by day, stacked by model; the same as a table. */
export function CostPlot({ costs }: { readonly costs: Costs }) {
  const { days, series, totals } = costs
  const top = axisTop(Math.max(...totals))
  const dearest = totals.reduce((best, total, at) => (total > (totals[best] ?? 0) ? at : best), 0)
  const about = `Cost by day. The most is ${money(totals[dearest] ?? 0)}, on ${dayName(days[dearest] ?? '')}.`
  return (
    <figure class="stacks">
      <div class="columns" role="img" aria-label={about}>
        {days.map((day, at) => (
          <div key={day} class="column" title={`${dayName(day)}: ${money(totals[at] ?? 0)}`}>
            {series.map(({ model, costs: of }, place) => {
              const cost = of[at] ?? 0
              return cost > 0 && <i key={model} class={textures[place]} style={{ height: `${(cost / top) * 100}%` }} />
            })}
          </div>
        ))}
        <span class="top-line dim xs">{money(top)}</span>
        <span class="half-line dim xs">{money(top / 2)}</span>
      </div>
      <p class="row between dim xs under" aria-hidden="true">
        <span>{dayName(days[0] ?? '')}</span>
        <span>{dayName(days[Math.floor(days.length / 2)] ?? '')}</span>
        <span>Today</span>
      </p>
      <figcaption>
        <ul class="key models">
          {series.map(({ model, total }, place) => (
            <li key={model}>
              <b>{money(total)}</b>
              <i class={textures[place]} />
              {model}
            </li>
          ))}
        </ul>
      </figcaption>
      <details>
        <summary class="xs dim">As a table</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Cost by day and model">
          <table>
            <thead>
              <tr>
                <th scope="col">Day (UTC)</th>
                {series.map(({ model }) => (
                  <th key={model} scope="col" class="num">
                    {model}
                  </th>
                ))}
                <th scope="col" class="num">
                  All
                </th>
              </tr>
            </thead>
            <tbody>
              {days.map((day, at) => (
                <tr key={day}>
                  <th scope="row">{dayName(day)}</th>
                  {series.map(({ model, costs: of }) => (
                    <td key={model} class="num">
                      {money(of[at] ?? 0)}
                    </td>
                  ))}
                  <td class="num">{money(totals[at] ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  )
}

const name = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** `2026-11-23` as `23 Nov`. */
export function dayName(day: string): string {
  return day === '' ? '' : name.format(new Date(day))
}
