import { vi } from 'vitest'
import type { JobsEventView } from '../../../core/api/events/schema.ts'
import { type Part, partsOf } from './events.ts'
import { token } from './test-api.ts'

/** An event of many jobs, with its id. */
export interface Heard {
  readonly id: string
  readonly event: JobsEventView
}

export interface Watching {
  readonly as?: string
  readonly query?: string
  readonly last?: string | undefined
}

/** Opens a stream of many jobs, which is read as it comes. */
export async function listenTo(url: string, { as = 'ann', query = '', last }: Watching = {}) {
  const gone = new AbortController()
  const response = await fetch(`${url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${await token(as)}`, ...(last && { 'last-event-id': last }) },
    signal: gone.signal,
  })
  const heard: Heard[] = []
  const parts: Part[] = []
  const done = (async () => {
    if (response.status !== 200) return
    for await (const part of partsOf(response.body)) {
      parts.push(part)
      if (part.id !== undefined && part.data) heard.push({ id: part.id, event: JSON.parse(part.data) })
    }
  })().catch(() => undefined)
  return {
    response,
    heard,
    parts,
    /** Resolves when the stream has ended. */
    done,
    /** Breaks the connection. */
    cut: async () => {
      gone.abort()
      await done
    },
    until: (check: () => void) => vi.waitFor(check, 60_000),
  }
}

/** What was told of jobs. */
export const jobsOf = (heard: readonly Heard[]) =>
  heard.flatMap(({ event }) => (event.type === 'job' || event.type === 'deleted' ? [event] : []))

/** The status of each job, by its newest version, as a page would keep it; in the order of their ids. */
export function known(heard: readonly Heard[]): ReadonlyMap<number, string> {
  const newest = new Map<number, { version: number; state: string }>()
  for (const event of jobsOf(heard)) {
    if (event.version <= (newest.get(event.jobId)?.version ?? -1)) continue
    newest.set(event.jobId, { version: event.version, state: event.type === 'job' ? event.status : 'deleted' })
  }
  const sorted = [...newest].toSorted(([one], [other]) => one - other)
  return new Map(sorted.map(([jobId, { state }]) => [jobId, state]))
}
