import { findImages } from '../../images/snapshots.ts'
import { snapshotKey } from '../../images/store.ts'
import type { JobRow } from '../../queue/read/read.ts'
import type { ApiServices } from '../services.ts'
import type { ImageView } from './schema.ts'

/** The shortest life of a link to an image, in seconds: enough to show a page, too short to be passed around. */
const linkSeconds = 900
/** How long an image keeps the same link, in seconds: a reloaded page finds it in the cache. */
const sameLinkSeconds = 300

/** The snapshots of jobs as their owner sees them, by the image's id. */
export async function viewImages(
  { database, store, now }: ApiServices,
  jobs: readonly Pick<JobRow, 'imageId'>[],
): Promise<ReadonlyMap<number, ImageView>> {
  const images = await findImages(database, [...new Set(jobs.flatMap((job) => job.imageId ?? []))])
  const signedAt = Math.floor(now() / 1000 / sameLinkSeconds) * sameLinkSeconds
  const life = { signedAt: new Date(signedAt * 1000), seconds: linkSeconds + sameLinkSeconds }
  const expiresAt = new Date((signedAt + life.seconds) * 1000).toISOString()
  const views = await Promise.all(
    [...images.values()].map(async ({ id, userId, sha256, type, bytes, width, height, orientation }) => {
      const url = await store.presignRead(snapshotKey(userId, sha256), life)
      return [id, { url, expiresAt, type, bytes, width, height, orientation, sha256 }] as const
    }),
  )
  return new Map(views)
}
