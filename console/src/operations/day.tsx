import type { components } from '../../../client/src/openapi.ts'
import { number, time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { type Marked, markedIn } from './actions.ts'

type Minute = components['schemas']['Minute']

interface Point {
  readonly at: string
  readonly value: number
}

const hours = 24
/** As many as are told below a plot: the latest. */
const mostMarks = 3

/** The last day: what was done by the hour, and what went wrong of it. */
export function Day({ turn }: { readonly turn: number }) {
  const { data, error, reload } = useLoad(
    async (on, signal) => {
      const query = { minutes: hours * 60 }
      const [day, log] = await Promise.all([
        on.api.GET('/v1/operator/minutes', { params: { query }, signal }),
        on.api.GET('/v1/operator/actions', { params: { query: { limit: 100 } }, signal }),
      ])
      return { minutes: day.data?.minutes ?? [], actions: log.data?.actions ?? [] }
    },
    [turn],
  )
  if (error !== undefined) return <Problem error={error} retry={reload} />
  if (data === undefined) return null
  const byHour = hoursOf(data.minutes)
  const done = byHour.map(({ at, minutes }) => ({ at, value: sum(minutes, ({ completed }) => completed) }))
  const wrong = byHour.map(({ at, minutes }) => ({
    at,
    value: sum(minutes, ({ failed, retried, reclaimed }) => failed + retried + reclaimed),
  }))
  const to = Date.now()
  const marks = markedIn(data.actions, to - hours * 3_600_000, to)
  return (
    <section class="sec" aria-labelledby="day">
      <div class="row between">
        <h2 id="day">Last {hours} hours</h2>
        {marks.length > 0 && <span class="dim">Dashed: what operators did</span>}
      </div>
      <div class="cols">
        <Plot name="Completed jobs by the hour" points={done} marks={marks} />
        <Plot name="Runs that went wrong by the hour" points={wrong} marks={marks} />
      </div>
    </section>
  )
}

function hoursOf(minutes: readonly Minute[]): { at: string; minutes: Minute[] }[] {
  const groups = Map.groupBy(minutes, ({ minute }) => `${minute.slice(0, 13)}:00:00.000Z`)
  const now = Date.now()
  return Array.from({ length: hours }, (_, before) => {
    const at = new Date(now - (hours - 1 - before) * 3_600_000).toISOString()
    const hour = `${at.slice(0, 13)}:00:00.000Z`
    return { at: hour, minutes: groups.get(hour) ?? [] }
  })
}

function sum(minutes: readonly Minute[], of: (minute: Minute) => number): number {
  return minutes.reduce((total, minute) => total + of(minute), 0)
}

interface PlotProps {
  readonly name: string
  readonly points: readonly Point[]
  /** What may explain a turn of the line. */
  readonly marks: readonly Marked[]
}

/** A line over the hours, with the same as a table. */
function Plot({ name, points, marks }: PlotProps) {
  const most = Math.max(1, ...points.map(({ value }) => value))
  const line = points.map(({ value }, at) => `${(at / (points.length - 1)) * 100} ${100 - (value / most) * 96}`)
  const latest = points.at(-1)
  return (
    <figure class="plot">
      <figcaption class="row between">
        <span>{name}</span>
        <span>
          <b>{number(latest?.value ?? 0)}</b> <span class="dim">this hour, {number(most)} at most</span>
        </span>
      </figcaption>
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={`${name}, at most ${most}`}>
        <path class="fill" d={`M0 100L${line.join('L')}L100 100Z`} />
        <path d={`M${line.join('L')}`} />
        {marks.map(({ at, place, what }) => (
          <path key={at} class="mark" d={`M${place * 100} 0V100`}>
            <title>{what}</title>
          </path>
        ))}
      </svg>
      <p class="row between dim xs" aria-hidden="true">
        <span>{time(points[0]?.at ?? '', Date.now())}</span>
        <span>{time(points[Math.floor(points.length / 2)]?.at ?? '', Date.now())}</span>
        <span>Now</span>
      </p>
      {marks.length > 0 && (
        <ul class="marks xs">
          {marks.slice(-mostMarks).map(({ at, what }) => (
            <li key={at}>
              <span class="dim">{time(at, Date.now())}</span> {what}
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary class="xs dim">As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Hour</th>
              <th scope="col" class="num">
                {name}
              </th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ at, value }) => (
              <tr key={at}>
                <td>{time(at, Date.now())}</td>
                <td class="num">{number(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}
