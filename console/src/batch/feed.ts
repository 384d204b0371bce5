import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { type Batch, isVisionError, type VisionClient } from 'vision-pipeline-client'
import type { components, operations } from '../../../client/src/openapi.ts'

export type ListedJob = components['schemas']['ListedJob']
type JobPage = components['schemas']['JobPage']
type JobQuery = NonNullable<operations['getJobHistory']['parameters']['query']>
type Changed = components['schemas']['JobChangedEvent']
type BatchState = components['schemas']['BatchEvent']

/** A batch and its jobs, as they are now. */
export interface Feed {
  readonly batch: ReadonlySignal<Batch | undefined>
  /** By id, in the order in which they were made. */
  readonly jobs: ReadonlySignal<ReadonlyMap<number, ListedJob>>
  /** How changes come. */
  readonly by: ReadonlySignal<'stream' | 'waiting' | 'nothing'>
  readonly error: ReadonlySignal<unknown>
  /** Reads all of it again: after something was done to it. */
  refresh(): void
  stop(): void
}

/** As many as are read with their texts; of a larger batch the bar still counts all. */
const most = 2_000
const pageSize = 100
const gatherMs = 300
const slowGatherMs = 3_000
/** A stream that has not opened by then is taken for one that some proxy holds back. */
const openMs = 10_000
const againMs = 3_000

/** Follows a batch: by its one stream, and where nothing streams by calls that wait for the next change. */
export function followBatch(on: VisionClient, batchId: number): Feed {
  const batch = signal<Batch | undefined>(undefined)
  const jobs = signal<ReadonlyMap<number, ListedJob>>(new Map())
  const by = signal<'stream' | 'waiting' | 'nothing'>('nothing')
  const error = signal<unknown>(undefined)
  const stop = new AbortController()
  let round = new AbortController()
  const details = createDetails(on, jobs, error, stop.signal)

  async function open(): Promise<void> {
    round.abort()
    round = new AbortController()
    const both = AbortSignal.any([stop.signal, round.signal])
    try {
      const { data } = await on.api.GET('/v1/batches/{batchId}', { params: { path: { batchId } }, signal: both })
      batch.value = data
      await readAll(on, batchId, jobs, both)
      error.value = undefined
      if (data && !data.ended && (data.eventsUrl === null || !(await stream(data.eventsUrl, both)))) await wait(both)
      if (both.aborted) return
      by.value = 'nothing'
      // A stream that ended before its batch was cut off for good, as when its ticket has expired: another one.
      if (batch.value?.ended === false) setTimeout(() => !both.aborted && void open(), againMs)
    } catch (problem) {
      if (both.aborted) return
      error.value = problem
      // What is not there, or not the caller's, does not come back; a key that was refused asks for another.
      if (isRefused(problem)) return
      setTimeout(() => !both.aborted && void open(), againMs)
    }
  }

  /** @returns whether it opened */
  function stream(url: string, both: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const events = new EventSource(url)
      const end = (opened: boolean) => {
        clearTimeout(timer)
        events.close()
        resolve(opened)
      }
      const timer = setTimeout(() => events.readyState !== EventSource.OPEN && end(false), openMs)
      both.addEventListener('abort', () => end(true))
      let wasOpen = false
      events.onopen = () => {
        by.value = 'stream'
        error.value = undefined
        // What came while the network was cut is read too: jobs may have been added or have gone since.
        if (wasOpen) readAll(on, batchId, jobs, both).catch(() => undefined)
        wasOpen = true
      }
      // It reconnects by itself, unless it was refused.
      events.onerror = () => events.readyState === EventSource.CLOSED && end(by.value === 'stream')
      events.addEventListener('job', ({ data }) => details.changed(JSON.parse(data) as Changed))
      events.addEventListener('deleted', ({ data }) => details.gone((JSON.parse(data) as Changed).jobId))
      events.addEventListener('batch_deleted', () => void open())
      events.addEventListener('batch', ({ data }) => {
        const state = JSON.parse(data) as BatchState
        if (batch.value) batch.value = { ...batch.value, ...state }
        if (state.ended) end(true)
      })
    })
  }

  async function wait(both: AbortSignal): Promise<void> {
    by.value = 'waiting'
    await on.waitForBatch(batchId, {
      signal: both,
      onChange: (state) => {
        batch.value = state
        const known = jobs.value.size
        if (known === state.jobs || known >= most) return details.stale()
        readAll(on, batchId, jobs, both).catch((problem: unknown) => {
          if (!both.aborted) error.value = problem
        })
      },
    })
  }

  void open()
  return { batch, jobs, by, error, refresh: () => void open(), stop: () => stop.abort() }
}

/** Whether asking again would get the same answer. */
function isRefused(problem: unknown): boolean {
  return isVisionError(problem) && problem.status >= 400 && problem.status < 500 && problem.status !== 429
}

/** The jobs with their texts, from the first that was made. */
async function readAll(
  on: VisionClient,
  batchId: number,
  jobs: Signal<ReadonlyMap<number, ListedJob>>,
  signal: AbortSignal,
): Promise<void> {
  const found = new Map<number, ListedJob>()
  for (let cursor: JobPage['nextCursor'] = null; found.size < most; ) {
    const query: JobQuery = {
      batchId,
      limit: pageSize,
      include: ['outputs' as const],
      ...(cursor !== null && { cursor }),
    }
    const { data }: { data?: JobPage } = await on.api.GET('/v1/jobs', { params: { query }, signal })
    for (const job of data?.jobs ?? []) found.set(job.jobId, job)
    // Shown as they come.
    jobs.value = inOrder([...jobs.value.values(), ...found.values()])
    cursor = data?.nextCursor ?? null
    if (cursor === null) break
  }
  jobs.value = inOrder(found.values())
}

/** Each once, the later one of two. */
function inOrder(all: Iterable<ListedJob>): ReadonlyMap<number, ListedJob> {
  return new Map([...new Map(Array.from(all, (job) => [job.jobId, job])).entries()].sort(([a], [b]) => a - b))
}

/** Shows changes at once, and reads the texts and pictures that came with them a little later, many at a time. */
function createDetails(
  on: VisionClient,
  jobs: Signal<ReadonlyMap<number, ListedJob>>,
  error: Signal<unknown>,
  signal: AbortSignal,
) {
  const wanted = new Set<number>()
  let isPlanned = false

  function want(ids: Iterable<number>, inMs: number): void {
    for (const id of ids) wanted.add(id)
    if (wanted.size === 0 || isPlanned) return
    isPlanned = true
    setTimeout(read, inMs)
  }

  async function read(): Promise<void> {
    let inMs = gatherMs
    const ids = [...wanted].slice(0, pageSize)
    for (const id of ids) wanted.delete(id)
    try {
      const query = { ids, limit: pageSize, include: ['outputs' as const] }
      const { data } = await on.api.GET('/v1/jobs', { params: { query }, signal })
      error.value = undefined
      jobs.value = inOrder([...jobs.value.values(), ...(data?.jobs.filter(isNewer) ?? [])])
    } catch (problem) {
      if (!signal.aborted) error.value = problem
      // A network that was cut comes back: what changed meanwhile is not told again.
      if (!isRefused(problem)) for (const id of ids) wanted.add(id)
      inMs = againMs
    }
    isPlanned = false
    if (!signal.aborted) want([], inMs)
  }

  const isNewer = (job: ListedJob) => job.version >= (jobs.value.get(job.jobId)?.version ?? 0)

  return {
    changed(event: Changed): void {
      const before = jobs.value.get(event.jobId)
      if (before && event.version <= before.version) return
      if (before) jobs.value = new Map(jobs.value).set(event.jobId, { ...before, ...event })
      const isThere = before && event.texts.completed === before.texts.completed && before.image !== null
      if (!isThere || event.status !== before.status) want([event.jobId], gatherMs)
    },
    gone(jobId: number): void {
      const left = new Map(jobs.value)
      left.delete(jobId)
      jobs.value = left
    },
    /** Something has changed, and nobody says what. */
    stale(): void {
      const open = [...jobs.value.values()].filter(({ finishedAt }) => finishedAt === null)
      want(
        open.map(({ jobId }) => jobId),
        open.length > pageSize ? slowGatherMs : gatherMs,
      )
    },
  }
}
