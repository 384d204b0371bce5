import { findImages } from '../images/snapshots.ts'
import { snapshotKey } from '../images/store.ts'
import type { JobRow } from '../jobs/read.ts'
import type { ImageView } from './schemas.ts'
import type { ApiServices } from './services.ts'

/** A link to an image lasts so long, in seconds: enough to show a page, too short to be passed around. */
export const linkSeconds = 900

/** The snapshots of jobs as their owner sees them, by the image's id. */
export async function viewImages(
  { database, store, now }: ApiServices,
  jobs: readonly Pick<JobRow, 'imageId'>[],
): Promise<ReadonlyMap<number, ImageView>> {
  const images = await findImages(database, [...new Set(jobs.flatMap((job) => job.imageId ?? []))])
  // A link is signed for a whole second.
  const expiresAt = new Date((Math.floor(now() / 1000) + linkSeconds) * 1000).toISOString()
  const views = await Promise.all(
    [...images.values()].map(async ({ id, userId, sha256, type, bytes, width, height }) => {
      const url = await store.presignRead(snapshotKey(userId, sha256), linkSeconds)
      return [id, { url, expiresAt, type, bytes, width, height, sha256 }] as const
    }),
  )
  return new Map(views)
}
