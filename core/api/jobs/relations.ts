import type { JobRow } from '../../queue/read/read.ts'
import { getRunningTimes } from '../../queue/read/running-time.ts'
import { readOverrides, withOverrides } from '../../usage/limit-overrides.ts'
import { readSpend } from '../../usage/spend.ts'
import type { ApiServices } from '../services.ts'
import type { ImageView } from './schema.ts'
import { viewImages } from './view-images.ts'

/** The parts of a job's view from other tables. */
export interface Relations {
  /** The snapshots that they use, by id. */
  readonly images: ReadonlyMap<number, ImageView>
  /** The sum of its runs' durations by job id, in milliseconds. */
  readonly runningTimes: ReadonlyMap<number, number>
  /** The owner's daily budget is spent: blocked jobs wait for the next day. */
  readonly spendExhausted: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Reads the relations of jobs of one owner: one query for each kind, whatever the number of jobs. */
export async function readRelations(services: ApiServices, jobs: readonly JobRow[]): Promise<Relations> {
  const started = jobs.filter((job) => job.startedAt !== null).map((job) => job.id)
  // Sequential: concurrent queries would each take another connection.
  const images = await viewImages(services, jobs)
  const runningTimes = await getRunningTimes(services.database, started)
  const blocked = jobs.find((job) => job.status === 'blocked')
  const spendExhausted = blocked !== undefined && (await hasSpentAll(services, blocked.userId))
  return { images, runningTimes, spendExhausted, now: services.now() }
}

async function hasSpentAll({ database, limits }: ApiServices, userId: string): Promise<boolean> {
  const { costPerDay } = withOverrides(limits, await database.run((on) => readOverrides(on, userId)))
  if (costPerDay === undefined) return false
  return (await database.run((on) => readSpend(on, userId))).spent >= costPerDay
}
