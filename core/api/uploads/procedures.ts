import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { findImage } from '../../images/snapshots.ts'
import { grantOf, grantUpload, type UploadGrant } from '../../images/uploads.ts'
import { consumeUpload } from '../../usage/upload-quota.ts'
import { procedure } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import { exampleUpload } from './examples.ts'
import type { UploadView } from './schema.ts'

const schema = deferred(() => import('./schema.ts'))

/** Uploads of images for jobs. */
export const uploads = {
  name: 'uploads',
  description: 'Images on their way to a job.',
  procedures: {
    createUpload: procedure
      .meta({
        rest: 'POST /v1/uploads',
        status: 201,
        scope: 'write',
        summary: 'Upload an image',
        description:
          'Grants one upload of exactly this type and at most this size, straight to the storage, within ten minutes. An upload is kept for seven days. With `sha256` a file that was here before need not be sent.',
        errors: ['limit.uploads_per_day', 'limit.upload_bytes_per_day', 'storage.unavailable'],
        limited: true,
        output: schema('Upload'),
        example: { request: { contentType: 'image/jpeg', bytes: 482_113 }, reply: exampleUpload },
      })
      .input(validated(schema('CreateUpload')))
      .mutation(async ({ ctx: { services, actor, reply }, input }): Promise<UploadView> => {
        const { database, store, uploadLimits } = services
        const { userId } = actor
        const request = { ...input, userId, now: services.now() }
        const { sha256 } = input
        if (sha256 !== undefined && (await findImage(database, userId, sha256)) !== undefined) {
          return view(grantOf(request))
        }
        reply.limits = rateLimitHeaders(await consumeUpload(database, userId, input.bytes, uploadLimits))
        return view(await grantUpload(store, request))
      }),
  },
} satisfies Resource

function view({ url, fields, imageUrl, expiresAt }: UploadGrant): UploadView {
  return { url, fields: { ...fields }, present: url === null, imageUrl, expiresAt: expiresAt.toISOString() }
}
