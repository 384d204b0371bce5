import type { VisionClient } from 'vision-pipeline-client'
import { sentenceOf } from '../ui/problem.tsx'

export type Change = 'retry' | 'cancel' | 'delete'

const atOnce = 4

/** Changes jobs, a few at once. @returns how many were changed, and what was said of the first of the others */
export async function changeJobs(
  on: VisionClient,
  change: Change,
  jobIds: readonly number[],
): Promise<{ readonly changed: number; readonly refused: number; readonly why: string | undefined }> {
  let changed = 0
  let why: string | undefined
  const queue = jobIds.values()
  const workers = Array.from({ length: atOnce }, async () => {
    for (const jobId of queue) {
      const params = { path: { jobId } }
      try {
        if (change === 'delete') await on.api.DELETE('/v1/jobs/{jobId}', { params })
        else await on.api.POST(`/v1/jobs/{jobId}/${change}`, { params })
        changed++
      } catch (error) {
        why ??= sentenceOf(error)
      }
    }
  })
  await Promise.all(workers)
  return { changed, refused: jobIds.length - changed, why }
}
