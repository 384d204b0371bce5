import type { Place } from '../queue/changes.ts'

/** How far the watcher of many jobs has come: the id of its last event says it. */
export interface Known {
  readonly place: Place
  /** It was told, after that, that the batch has ended and takes no more jobs. */
  readonly ended: boolean
}

/** What an id of an event looks like: a moment in milliseconds since the epoch, a job, and whether the end was told. */
export const knownPattern = /^(\d{1,13})-(\d{1,15})(-end)?$/

/** The id of an event. */
export function idOf({ place, ended }: Known): string {
  return `${place.at}-${place.jobId}${ended ? '-end' : ''}`
}

/** What an id of an event says; undefined for what is none. */
export function knownOf(id: string): Known | undefined {
  const [, at, jobId, end] = knownPattern.exec(id) ?? []
  if (at === undefined || jobId === undefined) return undefined
  return { place: { at: Number(at), jobId: Number(jobId) }, ended: end !== undefined }
}
