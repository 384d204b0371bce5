import { useEffect, useState } from 'preact/hooks'
import { duration, money, number, time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { markedIn } from './actions.ts'
import { courseOf, type Minute, wrongRunsOf } from './minutes.ts'
import { MinutesTable } from './minutes-table.tsx'
import { Plot } from './plot.tsx'

const minuteMs = 60_000
/** What the API tells of. */
const shownMinutes = 1_440
/** As many as are told below the plots: the latest. */
const mostMarks = 3

/** The last day, minute by minute: what was done, what went wrong, how long jobs waited, and what it cost. */
export function Day({ turn }: { readonly turn: number }) {
  const minute = useMinute()
  // The minute under the pointer, in all the plots at once.
  const [pointed, point] = useState<number>()
  const { data, error, reload } = useLoad(
    async (on, signal) => {
      const query = { minutes: shownMinutes }
      const [day, log] = await Promise.all([
        on.api.GET('/v1/operator/minutes', { params: { query }, signal }),
        on.api.GET('/v1/operator/actions', { params: { query: { limit: 100 } }, signal }),
      ])
      return { minutes: day.data?.minutes ?? [], actions: log.data?.actions ?? [], readAt: Date.now() }
    },
    [turn, minute],
  )
  if (data === undefined) return error === undefined ? null : <Problem error={error} retry={reload} />
  const { starts, throughput, failureRate, waiting, cost } = courseOf(data.minutes, data.readAt, shownMinutes)
  const marks = markedIn(data.actions, starts[0] ?? 0, (starts.at(-1) ?? 0) + minuteMs)
  const shared = { starts, marks, pointed, point }
  return (
    <section class="sec" aria-labelledby="day">
      <div class="row between">
        <h2 id="day">Last 24 hours, by the minute</h2>
        {marks.length > 0 && <span class="dim">Dashed: what operators did</span>}
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="cols">
        <Plot name="Completed jobs per minute" values={throughput} say={number} filled {...shared} />
        <Plot name="Runs that went wrong" values={failureRate} say={percent} {...shared} />
        <Plot name="95 of 100 jobs waited less than" values={waiting} say={duration} {...shared} />
        <Plot name="Cost per minute" values={cost} say={money} filled {...shared} />
      </div>
      {marks.length > 0 && (
        <ul class="marks xs">
          {marks.slice(-mostMarks).map(({ at, what }) => (
            <li key={at}>
              <span class="dim">{time(at, Date.now())}</span> {what}
            </li>
          ))}
        </ul>
      )}
      <MinutesTable minutes={data.minutes.filter(hasNews)} say={percent} />
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

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** Workers report each minute that they live; most say nothing of a night. */
function hasNews(minute: Minute): boolean {
  return minute.completed + minute.expired + minute.claimed + wrongRunsOf(minute) > 0 || minute.costUsd > 0
}
