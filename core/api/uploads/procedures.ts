import type { Resource } from '../../http/resource.ts'
import { validated } from '../../http/validation.ts'
import { grantUpload } from '../../images/uploads.ts'
import { consumeUpload } from '../../usage/upload-quota.ts'
import { procedure } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import { exampleUpload } from './examples.ts'
import { CreateUpload, Upload, type UploadView } from './schema.ts'

/** Images on their way to a job. */
export const uploads = {
  name: 'uploads',
  description: 'Images on their way to a job.',
  procedures: {
    createUpload: procedure
      .meta({
        rest: 'POST /v1/uploads',
        status: 201,
        summary: 'Upload an image',
        description:
          'Grants one upload of exactly this type and at most this size, straight to the storage, within ten minutes. An upload is kept for seven days.',
        errors: ['limit.uploads_per_day', 'limit.upload_bytes_per_day', 'storage.unavailable'],
        limited: true,
        output: Upload,
        example: { request: { contentType: 'image/jpeg', bytes: 482_113 }, reply: exampleUpload },
      })
      .input(validated(CreateUpload))
      .mutation(async ({ ctx: { services, actor, reply }, input }): Promise<UploadView> => {
        const now = services.now()
        const left = await consumeUpload(services.database, actor.userId, input.bytes, services.uploadLimits)
        reply.limits = rateLimitHeaders(left)
        const grant = await grantUpload(services.store, { ...input, userId: actor.userId, now })
        return { ...grant, fields: { ...grant.fields }, expiresAt: grant.expiresAt.toISOString() }
      }),
  },
} satisfies Resource
