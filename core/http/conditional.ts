import { hasEnded } from '../domain/job.ts'
import type { JobRow } from '../queue/read.ts'

/** An HTTP API of AWS gives up after 30 seconds, and the reply has to be made too. */
export const longestWaitSeconds = 25

/**
 * How long a caller is willing to wait, by the header `Prefer: wait=<seconds>` (RFC 7240, section 4.3): what is more than 25
 * is taken for 25. What is no whole number of seconds from 1 on is no preference, as the RFC has it of all that is not
 * understood.
 */
export function waitSecondsOf(prefer: string | undefined): number | undefined {
  for (const element of prefer?.match(elements) ?? []) {
    const [preference = ''] = element.match(beforeParameters) ?? []
    const [name = '', ...value] = preference.split('=')
    if (name.trim().toLowerCase() !== 'wait') continue
    const [, quoted, plain] = /^(?:"(\d+)"|(\d+))$/.exec(value.join('=').trim()) ?? []
    const seconds = Number(quoted ?? plain ?? 0)
    // Of two of the same name the first one counts (section 2).
    return seconds >= 1 ? Math.min(seconds, longestWaitSeconds) : undefined
  }
  return undefined
}

// Neither can fail and so go back: a header is read before its sender is known, in time that grows with its length alone.
/** What is between commas, other than those in quotes. */
const elements = /(?:"(?:[^"\\]|\\.?)*"?|[^",])+/g
/** What is before the first semicolon, other than those in quotes. */
const beforeParameters = /^(?:"(?:[^"\\]|\\.?)*"?|[^";])*/

/** A job's version as a tag (RFC 9110, section 8.8.3). A weak one: the links in a job are signed anew for each reply. */
export function etagOf({ id, version }: Pick<JobRow, 'id' | 'version'>): string {
  return `W/"${id}-${version}"`
}

/** Whether an `If-None-Match` names a tag, by weak comparison (RFC 9110, section 13.1.2). */
export function names(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const opaque = (tag: string) => tag.replace(/^W\//, '')
  return (
    ifNoneMatch.trim() === '*' ||
    (ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => opaque(tag) === opaque(etag))
  )
}

const pollSeconds = 2
const longestPollSeconds = 60

/** When it is worth asking for a job again, in seconds; undefined once it has ended. */
export function retryAfterOf(job: Pick<JobRow, 'status' | 'availableAt'>, now: number): number | undefined {
  const { status, availableAt } = job
  if (hasEnded(job)) return undefined
  if (status !== 'scheduled' || availableAt === null) return pollSeconds
  // Before its time nothing happens to it, other than at its owner's word.
  const seconds = Math.ceil((availableAt.getTime() - now) / 1000)
  return Math.min(Math.max(seconds, pollSeconds), longestPollSeconds)
}
