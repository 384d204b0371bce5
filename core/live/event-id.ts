import type { Place } from '../queue/read/changes.ts'

/** The position of a watcher of many jobs, encoded in the id of its last event. */
export interface Known {
  readonly place: Place
  /** The event said that the batch has ended and is closed. */
  readonly ended: boolean
}

/** The form of an event's id: a moment in milliseconds since the epoch, a job, and whether the end was delivered. */
export const knownPattern = /^(\d{1,13})-(\d{1,15})(-end)?$/

/** The id of an event. */
export function idOf({ place, ended }: Known): string {
  return `${place.at}-${place.jobId}${ended ? '-end' : ''}`
}

/** Parses an event's id; undefined if it is malformed. */
export function knownOf(id: string): Known | undefined {
  const [, at, jobId, end] = knownPattern.exec(id) ?? []
  if (at === undefined || jobId === undefined) return undefined
  return { place: { at: Number(at), jobId: Number(jobId) }, ended: end !== undefined }
}
