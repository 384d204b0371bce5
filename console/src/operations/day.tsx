import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { duration, money, number, percent, time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { markedIn } from './actions.ts'
import { courseOf, type Minute, wrongRunsOf } from './minutes.ts'
import { MinutesTable } from './minutes-table.tsx'
import { Plot } from './plot.tsx'

const minuteMs = 60_000
/** How much of the last day is shown, in minutes, as the address says it; all that the API tells of without a word. */
const spans = { '1h': 60, '6h': 360, '24h': 1_440 } as const
type Span = keyof typeof spans
const spanNames: Readonly<Record<Span, string>> = { '1h': 'Last hour', '6h': 'Last 6 hours', '24h': 'Last 24 hours' }
/** As many as are told below the plots: the latest. */
const mostMarks = 3

/** The last day or a part of it, minute by minute: what was done, what went wrong, how long jobs waited, and what it cost. */
export function Day({ turn }: { readonly turn: number }) {
  const minute = useMinute()
  const { query, route } = useLocation()
  const span = query.span !== undefined && Object.hasOwn(spans, query.span) ? (query.span as Span) : '24h'
  const length = spans[span]
  // The minute under the pointer, in all the plots at once.
  const [pointed, point] = useState<number>()
  const { data, error, reload } = useLoad(
    async (on, signal) => {
      const query = { minutes: length }
      const [day, log] = await Promise.all([
        on.api.GET('/v1/operator/minutes', { params: { query }, signal }),
        on.api.GET('/v1/operator/actions', { params: { query: { limit: 100 } }, signal }),
      ])
      // By the API's clock, whose minutes these are: the reader's may be wrong.
      const said = Date.parse(day.response.headers.get('date') ?? '')
      const readAt = Number.isNaN(said) ? Date.now() : said
      return { minutes: day.data?.minutes ?? [], actions: log.data?.actions ?? [], readAt }
    },
    [turn, minute, span],
  )
  if (data === undefined) return error === undefined ? null : <Problem error={error} retry={reload} />
  const { starts, throughput, failureRate, waiting, cost } = courseOf(data.minutes, data.readAt, length)
  const marks = markedIn(data.actions, starts[0] ?? 0, (starts.at(-1) ?? 0) + minuteMs)
  const shared = { starts, marks, pointed, point }
  return (
    <section class="sec" aria-labelledby="day">
      <div class="row between">
        <h2 id="day">{spanNames[span]}, by the minute</h2>
        <span class="row" role="group" aria-label="Span">
          {(Object.keys(spans) as Span[]).map((one) => (
            <button
              key={one}
              type="button"
              class="chip"
              aria-pressed={one === span}
              onClick={() => route(`/console/operations${one === '24h' ? '' : `?span=${one}`}`, true)}
            >
              {spanNames[one]}
            </button>
          ))}
        </span>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="cols pairs">
        <Plot name="Completed jobs per minute" values={throughput} say={number} filled {...shared} />
        <Plot name="Runs that went wrong" values={failureRate} say={percent} {...shared} />
        <Plot name="95 of 100 jobs waited less than" values={waiting} say={duration} {...shared} />
        <Plot name="Cost per minute" values={cost} say={money} filled {...shared} />
      </div>
      {marks.length > 0 && (
        <ul class="marks xs" aria-label="Dashed in the plots: what operators did">
          {marks.slice(-mostMarks).map(({ at, what }) => (
            <li key={at}>
              <span class="dim">{time(at, Date.now())}</span> {what}
            </li>
          ))}
        </ul>
      )}
      <MinutesTable minutes={data.minutes.filter(hasNews)} />
    </section>
  )
}

/** A number that changes with each minute that the page is looked at. */
function useMinute(): number {
  const [minute, setMinute] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setMinute((before) => before + 1), minuteMs)
    return () => clearInterval(timer)
  }, [])
  return minute
}

/** Workers report each minute that they live; most say nothing of a night. */
function hasNews(minute: Minute): boolean {
  return minute.completed + minute.expired + minute.claimed + wrongRunsOf(minute) > 0 || minute.costUsd > 0
}
