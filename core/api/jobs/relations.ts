import type { JobRow } from '../../queue/read.ts'
import { getRunningTimes } from '../../queue/running-time.ts'
import { readSpend } from '../../usage/spend.ts'
import type { ApiServices } from '../services.ts'
import { viewImages } from './images.ts'
import type { ImageView } from './schema.ts'

/** The parts of a job's view that stand in other tables. */
export interface Relations {
  /** The snapshots that they use, by id. */
  readonly images: ReadonlyMap<number, ImageView>
  /** How long their runs have taken together, by the job's id, in milliseconds. */
  readonly runningTimes: ReadonlyMap<number, number>
  /** The owner has spent the day's budget: blocked jobs wait for the next day. */
  readonly spendExhausted: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Reads the relations of jobs of one owner: one query for each kind, however many jobs there are. */
export async function readRelations(services: ApiServices, jobs: readonly JobRow[]): Promise<Relations> {
  const started = jobs.filter((job) => job.startedAt !== null).map((job) => job.id)
  // Sequential: in parallel each would take another connection.
  const images = await viewImages(services, jobs)
  const runningTimes = await getRunningTimes(services.database, started)
  const { costPerDay } = services.limits
  const blocked = costPerDay === undefined ? undefined : jobs.find((job) => job.status === 'blocked')
  const spendExhausted =
    blocked !== undefined &&
    costPerDay !== undefined &&
    (await services.database.run((on) => readSpend(on, blocked.userId))).spent >= costPerDay
  return { images, runningTimes, spendExhausted, now: services.now() }
}
