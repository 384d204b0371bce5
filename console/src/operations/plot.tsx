import { time } from '../ui/format.ts'
import type { Marked } from './actions.ts'
import { mostOf, pathOf, type Values } from './minutes.ts'

interface PlotProps {
  readonly name: string
  readonly values: Values
  /** The start of each minute, in milliseconds since 1970. */
  readonly starts: readonly number[]
  /** A value with its unit. */
  readonly say: (value: number) => string
  /** Whether what is below the line is an amount. */
  readonly filled?: boolean
  /** What may explain a turn of the line. */
  readonly marks: readonly Marked[]
  /** The place of the minute that is read, and how it is chosen. */
  readonly pointed: number | undefined
  readonly point: (at: number | undefined) => void
}

/** A line over the minutes. What it shows stands in a table below all of them too. */
export function Plot({ name, values, starts, say, filled, marks, pointed, point }: PlotProps) {
  const most = mostOf(values)
  const line = pathOf(values, most)
  const at = pointed ?? values.length - 1
  const value = values[at]
  const when = pointed === undefined ? 'now' : `at ${time(isoOf(starts[at]), Date.now())}`
  const pointTo = ({ offsetX, currentTarget }: PointerEvent) => {
    const share = offsetX / (currentTarget as Element).clientWidth
    point(Math.max(0, Math.min(values.length - 1, Math.round(share * (values.length - 1)))))
  }
  return (
    <figure class="plot">
      <figcaption class="row between">
        <span>{name}</span>
        <span>
          <b>{value == null ? 'None' : say(value)}</b> <span class="dim">{`${when}, ${say(most)} at most`}</span>
        </span>
      </figcaption>
      <svg
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${say(most)} at most`}
        onPointerMove={pointTo}
        onPointerLeave={() => point(undefined)}
      >
        {filled && <path class="fill" d={`M0 100${line.replace('M', 'L')}L100 100Z`} />}
        <path d={line} />
        {marks.map(({ at, place, what }) => (
          <path key={at} class="mark" d={`M${place * 100} 0V100`}>
            <title>{what}</title>
          </path>
        ))}
        {pointed !== undefined && <path class="pointed" d={`M${(pointed / (values.length - 1)) * 100} 0V100`} />}
      </svg>
      <p class="row between dim xs" aria-hidden="true">
        <span>{time(isoOf(starts[0]), Date.now())}</span>
        <span>{time(isoOf(starts[Math.floor(starts.length / 2)]), Date.now())}</span>
        <span>Now</span>
      </p>
    </figure>
  )
}

function isoOf(ms: number | undefined): string {
  return new Date(ms ?? 0).toISOString()
}
