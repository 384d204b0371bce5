import type { BatchNews } from '../../batches/news.ts'
import { byPlace } from '../../queue/read/changes.ts'
import type { JobNews, News } from './news.ts'

/** The most changed jobs that are queued for a watcher, and the most batches; beyond that it must read them itself. */
const maxPending = 5_000

/** The news that one watcher has not taken yet: the latest state of each job and batch. */
export interface Mailbox {
  /** The only batch whose news are kept; undefined for all. */
  readonly batchId: number | undefined
  putJobs(news: readonly JobNews[]): void
  putBatch(news: BatchNews): void
  /**
   * Resolves to the news since the last call, as soon as there are any; undefined if there were too many to queue.
   *
   * @throws the signal's reason once it is aborted and the mailbox was woken
   */
  take(signal: AbortSignal): Promise<News | undefined>
  /** Has a waiting `take` look again. */
  wake(): void
}

/** @param batchId the only batch whose news are kept; undefined for all */
export function createMailbox(batchId: number | undefined): Mailbox {
  const jobs = new Map<number, JobNews>()
  const batches = new Map<number, BatchNews>()
  let overflown = false
  let wake: () => void = () => undefined
  const isFor = (news: { readonly batchId: number | null }) => batchId === undefined || news.batchId === batchId
  return {
    batchId,
    putJobs: (news) => {
      const wanted = news.filter(isFor)
      for (const one of wanted) jobs.set(one.jobId, one)
      if (jobs.size > maxPending) {
        jobs.clear()
        overflown = true
      }
      if (wanted.length > 0) wake()
    },
    putBatch: (news) => {
      if (!isFor(news)) return
      batches.set(news.batchId, news)
      if (batches.size > maxPending) {
        batches.clear()
        overflown = true
      }
      wake()
    },
    take: async (signal) => {
      for (;;) {
        signal.throwIfAborted()
        if (overflown) {
          overflown = false
          return undefined
        }
        if (jobs.size > 0 || batches.size > 0) {
          const news = { jobs: [...jobs.values()].toSorted(byPlace), batches: [...batches.values()] }
          jobs.clear()
          batches.clear()
          return news
        }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    wake: () => wake(),
  }
}
