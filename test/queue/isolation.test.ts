import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isPassing } from '../../core/database/classify-error.ts'
import { type Database, openDatabase } from '../../core/database/client.ts'
import type { Isolation } from '../../core/database/session.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { LeaseLost } from '../../core/domain/run.ts'
import { keepImage } from '../../core/images/snapshots.ts'
import type { ImageStore } from '../../core/images/store.ts'
import { sweepImages } from '../../core/images/sweep.ts'
import { cancelling, cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { changeOwnJobs } from '../../core/queue/change/change-own.ts'
import { deleteVisionJob, deleting } from '../../core/queue/change/delete.ts'
import { redriveVisionJob, redriveVisionJobs, redriving } from '../../core/queue/change/redrive.ts'
import { expireVisionJobs } from '../../core/queue/claim/expire.ts'
import { pruneVisionJobs } from '../../core/queue/prune/prune.ts'
import {
  completeVisionJob,
  failVisionJob,
  retryVisionJob,
  saveAnalysis,
  saveImage,
} from '../../core/queue/settle/settle.ts'
import { analysisOutput, badAnswer, claim, contentOutput, hour, makeJobs, spending } from '../support/database/jobs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

const isolations: readonly Isolation[] = ['READ COMMITTED', 'REPEATABLE READ']
let direct: TestDatabase
beforeAll(async () => {
  // Its own: what it locks depends on the rows that were there before.
  direct = await createTestDatabase()
})
afterAll(() => direct.drop())

/** A database that counts the tries that met a lock fault. */
function counting(url: string, isolation: Isolation) {
  const database = openDatabase(url, { connections: 8, random: Math.random, isolation })
  const faults: string[] = []
  const counts = { calls: 0 }
  const noted = async <T>(work: Promise<T>): Promise<T> => {
    counts.calls++
    try {
      return await work
    } catch (error) {
      if (isPassing(error)) faults.push(String(error instanceof Error ? error.cause : error))
      throw error
    }
  }
  const counted: Database = {
    run: (work, options) => database.run((on) => noted(work(on)), options),
    transact: (work, landed) => database.transact((tx) => noted(work(tx)), landed),
    close: database.close,
  }
  return { database: counted, faults, counts }
}

/** The bucket is not the subject. */
const store = { put: async () => undefined, delete: async () => undefined } as unknown as ImageStore
const image = (word: string) => Buffer.from(word)
const detected = { type: 'image/png', width: 1, height: 1, orientation: 1 } as const

/** What a client or another worker may have done meanwhile is no news here. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (error instanceof LeaseLost) return
    if (error instanceof VisionError && error.code !== 'database.unavailable') return
    throw error
  })
}

/** Lets time pass by a statement of the test's own, which scans tables that others work on: the loser of a deadlock tries again. */
async function pass(statement: string): Promise<void> {
  for (;;) {
    const fault = await direct.sql(statement).then(
      () => undefined,
      (error) => error,
    )
    if (fault === undefined) return
    if (!isPassing(fault)) throw fault
  }
}

describe.each(isolations)('in %s', (isolation) => {
  test('the session is what it says', async () => {
    const { database } = counting(direct.url, isolation)
    const [row] = await database.run(async (on) => {
      const [rows] = await on.execute(`SHOW VARIABLES LIKE 't%\\_isolation'`)
      return rows as unknown as { Value: string }[]
    })
    expect(row?.Value).toBe(isolation.replace(' ', '-'))
    await database.close()
  })

  test('workers, clients, operators and sweepers get through side by side', async () => {
    const { database, faults, counts } = counting(direct.url, isolation)
    const spent = { analysis: spending() }
    const rounds = 12
    const users = ['ann', 'ben', 'eve']
    const made: number[] = []
    const some = () => made[Math.floor(Math.random() * made.length)] ?? 1
    const userOf = new Map<number, string>()

    const client = async (userId: string) => {
      for (let round = 0; round < rounds; round++) {
        for (const id of await makeJobs(database, 2, { userId })) {
          made.push(id)
          userOf.set(id, userId)
        }
        const [one, other, third] = [some(), some(), some()].map((jobId) => ({
          jobId,
          userId: userOf.get(jobId) ?? '',
        }))
        if (one) await quietly(cancelVisionJob(database, one))
        if (other) await quietly(deleteVisionJob(database, other))
        if (third) await quietly(redriveVisionJob(database, third, { lifeMs: hour }))
        // A job that is not there, as a client that guesses ids asks for.
        await quietly(cancelVisionJob(database, { jobId: 1_000_000 + round, userId }))
        await quietly(deleteVisionJob(database, { jobId: 1_000_000 + round, userId }))
        await keepImage(database, store, userId, image(`picture ${round}`), detected)
      }
    }
    /** Changes all that match, of users whose single jobs others change meanwhile. */
    const bulk = async (userId: string) => {
      const all = { dryRun: false, limit: 500, hasTime: () => true }
      for (let round = 0; round < rounds; round++) {
        await changeOwnJobs(database, { userId, code: badAnswer.code }, redriving(hour), all)
        await changeOwnJobs(database, { userId, statuses: ['scheduled'] }, cancelling, all)
        await changeOwnJobs(database, { userId, statuses: ['cancelled', 'completed'] }, deleting, all)
      }
    }
    const worker = async () => {
      const workerId = randomUUID()
      for (let round = 0; round < rounds; round++) {
        const lane = round % 2 === 0 ? 'analysis' : 'content'
        for (const [index, run] of (await claim(database, { workerId, limit: 3, lane })).entries()) {
          if (lane === 'analysis') {
            const { id } = await keepImage(database, store, run.userId, image(`picture ${index}`), detected)
            await quietly(saveImage(database, run, id))
            await quietly(saveAnalysis(database, run, analysisOutput, spent))
          }
          if (index === 0) await quietly(completeVisionJob(database, run, contentOutput, spent))
          else if (index === 1) await quietly(failVisionJob(database, run, badAnswer, spent))
          else await quietly(retryVisionJob(database, run, badAnswer, spent, { delayMs: 0, costsRetry: true }))
        }
      }
    }
    const sweeper = async () => {
      for (let round = 0; round < rounds; round++) {
        await pass('UPDATE vision_jobs SET finished_at = finished_at - INTERVAL 40 DAY WHERE id % 7 = 0')
        await pruneVisionJobs(database, { olderThanDays: 30, limit: 20 })
        await redriveVisionJobs(database, {}, { limit: 3, dryRun: false, lifeMs: hour })
        await expireVisionJobs(database)
        await pass('UPDATE vision_images SET sweep_at = UTC_TIMESTAMP(3) WHERE sweep_at IS NOT NULL AND id % 5 = 0')
        await quietly(sweepImages(database, store))
      }
    }
    await Promise.all([
      ...users.map(client),
      ...users.map(client),
      ...users.map(bulk),
      worker(),
      worker(),
      worker(),
      sweeper(),
      sweeper(),
    ])
    // None surfaced, or it would have been thrown; few happened, or work would be done again and again.
    expect(faults.length, [...new Set(faults)].join()).toBeLessThanOrEqual(counts.calls / 50)
    await database.close()
  })
})
