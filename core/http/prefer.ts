/** An HTTP API of AWS gives up after 30 seconds, which must include making the reply. */
export const longestWaitSeconds = 25

/**
 * How long a caller is willing to wait, by the header `Prefer: wait=<seconds>` (RFC 7240, section 4.3): more than 25 counts
 * as 25. Anything but a whole number of seconds, at least 1, is ignored, as the RFC requires for preferences that are not
 * understood.
 */
export function waitSecondsOf(prefer: string | undefined): number | undefined {
  for (const element of prefer?.match(elements) ?? []) {
    const [preference = ''] = element.match(beforeParameters) ?? []
    const [name = '', ...value] = preference.split('=')
    if (name.trim().toLowerCase() !== 'wait') continue
    const [, quoted, plain] = /^(?:"(\d+)"|(\d+))$/.exec(value.join('=').trim()) ?? []
    const seconds = Number(quoted ?? plain ?? 0)
    // Of several with the same name the first one counts (section 2).
    return seconds >= 1 ? Math.min(seconds, longestWaitSeconds) : undefined
  }
  return undefined
}

// Neither pattern can backtrack: a header is read before its sender is authenticated, in time linear in its length.
/** The parts between commas, except commas in quotes. */
const elements = /(?:"(?:[^"\\]|\\.?)*"?|[^",])+/g
/** The part before the first semicolon, except semicolons in quotes. */
const beforeParameters = /^(?:"(?:[^"\\]|\\.?)*"?|[^";])*/
