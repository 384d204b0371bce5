import type { VisionClient } from 'vision-pipeline-client'
import { wantedOf } from '../job/wanted.ts'

/**
 * Puts another file in the place of one that failed: a job like it, with its texts, facts and metadata, and then the failed one goes.
 * Broken off in between, both are there: nothing is lost.
 *
 * @throws VisionError what the file or the batch is refused with
 */
export async function replaceFile(on: VisionClient, batchId: number, jobId: number, file: File): Promise<void> {
  const { metadata, ...wanted } = wantedOf(await on.get(jobId))
  const imageUrl = await on.upload(file)
  await on.api.POST('/v1/batches/{batchId}/jobs', {
    params: { path: { batchId } },
    body: {
      jobs: [
        {
          ...wanted,
          imageUrl,
          metadata: { ...metadata, file: file.name },
          // Of this place and this file: a second click makes no second job.
          idempotencyKey: `replaces-${jobId}-${imageUrl}`.slice(0, 200),
        },
      ],
    },
  })
  await on.api.DELETE('/v1/jobs/{jobId}', { params: { path: { jobId } } })
}
