import { expect, test } from 'vitest'
import type { BatchNews } from '../../core/batches/news.ts'
import { type BatchOwner, createBatchEnds } from '../../core/live/changes/batch-ends.ts'
import { createMailbox } from '../../core/live/changes/mailbox.ts'
import type { JobNews } from '../../core/live/changes/news.ts'
import { createScan, fullEvery, settledMs, usualMs } from '../../core/live/changes/scan.ts'
import type { Change } from '../../core/queue/read/changes.ts'

const start = 1_000_000
const change = (jobId: number, version: number, at = start): Change => ({ jobId, version, at, gone: false })
const page = (changes: readonly Change[], more = false) => ({ changes, more })
const news = (jobId: number, batchId: number | null = null): JobNews => ({
  ...change(jobId, 1),
  batchId,
  row: undefined,
})

test('one poll in ten reads back to what an open transaction may have dated, the others the last seconds', () => {
  const scan = createScan(start)
  const from = Array.from({ length: fullEvery + 1 }, (_, poll) => {
    const { at } = scan.next()
    scan.record(page([]), [], start + poll * 1_000)
    return at
  })
  // The first full poll began at `start`, so everything before that, less the longest transaction, has settled.
  const usual = from.slice(1, fullEvery).map((_, poll) => Math.max(start - settledMs, start + poll * 1_000 - usualMs))
  expect(from).toEqual([start - settledMs, ...usual, start - settledMs])
  scan.rescan()
  expect(scan.next().at).toBe(start + fullEvery * 1_000 - settledMs)
  expect([scan.fullBegun(), scan.fullDone()]).toEqual([3, 2])
})

test('a poll of several pages goes on after the last change of each, and counts from its first statement', () => {
  const scan = createScan(start)
  expect(scan.next()).toEqual({ at: start - settledMs, jobId: 0 })
  expect(scan.record(page([change(1, 1), change(2, 1)], true), [], start)).toBe(true)
  expect(scan.next()).toMatchObject({ at: start, jobId: 2 })
  expect(scan.fullDone()).toBe(0)
  expect(scan.record(page([change(3, 1)]), [], start + 5_000)).toBe(false)
  expect(scan.next().at).toBe(start - usualMs)
})

test('a delivered version is not delivered again, and is forgotten once nothing can appear before it', () => {
  const scan = createScan(start)
  scan.next()
  scan.record(page([change(1, 3)]), [change(1, 3)], start)
  expect(scan.unseen([change(1, 2), change(1, 3), change(1, 4), change(2, 1)])).toEqual([change(1, 4), change(2, 1)])
  scan.rescan()
  scan.next()
  scan.record(page([]), [], start + settledMs + 1)
  expect(scan.unseen([change(1, 3)])).toEqual([change(1, 3)])
})

test('a state that is newer than the change that led to it is known at its own place too', () => {
  const scan = createScan(start)
  scan.next()
  // The job changed again before its state was read, so its first change brought its second version.
  scan.record(page([change(1, 1, start)]), [change(1, 2, start)], start)
  scan.next()
  expect(scan.unseen([change(1, 2, start + 400)])).toEqual([])
  scan.record(page([change(1, 2, start + 400)]), [], start + 1_000)
  scan.rescan()
  scan.next()
  scan.record(page([]), [], start + settledMs + 200)
  expect(scan.unseen([change(1, 2, start + 400)])).toEqual([])
})

test('the end of a batch is held until a full poll that began after it was read has finished', () => {
  let [begun, done] = [1, 1]
  let isWatched = true
  const scan = { fullBegun: () => begun, fullDone: () => done }
  const owner: BatchOwner = { scan, isWatched: () => isWatched, follows: () => false }
  const ends = createBatchEnds<BatchOwner>()
  const ended = { batchId: 7, state: { ended: true, jobs: 2 } } as unknown as BatchNews
  const unread = () => [...ends.unread().keys()]
  ends.check(owner, [7])
  expect(unread()).toEqual([7])
  expect(ends.record(ends.unread(), [ended])).toEqual([])
  expect(unread()).toEqual([])
  const held = ends.held()
  expect(ends.release(held)).toEqual([])
  begun = 2
  expect(ends.release(held)).toEqual([])
  done = 2
  // A job of it was redriven meanwhile: this end is delivered, and the batch checked anew. The same end is not told twice.
  ends.check(owner, [7])
  expect(ends.release(held)).toMatchObject([{ news: ended }])
  expect(unread()).toEqual([7])
  ends.record(ends.unread(), [{ ...ended }])
  expect([unread(), ends.held()]).toEqual([[], []])
  // Nothing is kept for somebody who has left.
  ends.check(owner, [7])
  ends.record(ends.unread(), [ended])
  expect(ends.held()).toHaveLength(1)
  isWatched = false
  expect([unread(), ends.held()]).toEqual([[], []])
  ends.check(owner, [7])
  expect(unread()).toEqual([])
})

test('a batch without jobs is checked for a while, and delivered once', () => {
  const owner: BatchOwner = {
    scan: { fullBegun: () => 0, fullDone: () => 0 },
    isWatched: () => true,
    follows: () => false,
  }
  const ends = createBatchEnds<BatchOwner>()
  const empty = { batchId: 7, state: { ended: false, jobs: 0 } } as unknown as BatchNews
  ends.check(owner, [7])
  let polls = 0
  let delivered = 0
  for (; ends.unread().size > 0 && polls < 100; polls++) delivered += ends.record(ends.unread(), [empty]).length
  expect([polls, delivered]).toEqual([21, 1])
})

test('a mailbox keeps the latest state of each job of its batch, in the order of changes', async () => {
  const { signal } = new AbortController()
  const mailbox = createMailbox(7)
  const taken = mailbox.take(signal)
  mailbox.putJobs([news(3, 7), news(2, null), { ...news(1, 7), version: 1 }])
  mailbox.putJobs([{ ...news(1, 7), version: 2 }])
  expect((await taken)?.jobs.map(({ jobId, version }) => [jobId, version])).toEqual([
    [1, 2],
    [3, 1],
  ])
})

test('a mailbox that is full is emptied, and its watcher told once', async () => {
  const { signal } = new AbortController()
  const mailbox = createMailbox(undefined)
  mailbox.putJobs(Array.from({ length: 5_001 }, (_, index) => news(index)))
  expect(await mailbox.take(signal)).toBeUndefined()
  mailbox.putJobs([news(1)])
  expect((await mailbox.take(signal))?.jobs).toHaveLength(1)
})

test('a mailbox holds no more batches than jobs, and its watcher reads on by itself beyond that', async () => {
  const { signal } = new AbortController()
  const mailbox = createMailbox(undefined)
  const put = (batchId: number) => mailbox.putBatch({ batchId, state: undefined, closed: true })
  for (let batchId = 0; batchId <= 5_000; batchId++) put(batchId)
  expect((await mailbox.take(signal))?.batches.length).toBeUndefined()
  put(1)
  expect((await mailbox.take(signal))?.batches).toHaveLength(1)
})
