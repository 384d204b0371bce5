/**
 * The next midnight in a time zone, in milliseconds since the epoch; its days may have 23 or 25 hours.
 *
 * @param now milliseconds since the epoch
 */
export function nextMidnight(now: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  /** The local time there, as if it were UTC. */
  const shown = (at: number) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }
  const here = shown(now)
  const wanted = here - (here % 86_400_000) + 86_400_000
  // The offset may change before midnight; the second step starts close to it.
  let at = now + wanted - here
  at += wanted - shown(at)
  return at - (at % 1000)
}
