import { signal } from '@preact/signals'
import type { RunImage, RunProgress, VisionClient } from 'vision-pipeline-client'
import { sentenceOf } from '../ui/problem.tsx'
import { changeDraft, type Draft, textsOf } from './draft.ts'
import { clearPictures, type Picture } from './pictures.ts'

/** What the pipeline did not take of what was sent. */
export interface Left {
  readonly file: string
  readonly why: string
}

/** Of batches that were started in this tab. */
export const leftOut = new Map<number, readonly Left[]>()
/** Of jobs that were started in this tab: shown until the pipeline has a picture of its own. */
export const thumbnails = new Map<number, string>()

export const progress = signal<RunProgress | null>(null)

/**
 * Uploads pictures, four at once, and makes a job for each. Called again with the same it finds what is there and goes on.
 *
 * @returns the id of the batch; undefined if nothing was taken
 * @throws what the calls throw
 */
export async function startBatch(
  on: VisionClient,
  pictures: readonly Picture[],
  draft: Draft,
  signal: AbortSignal,
): Promise<number | undefined> {
  const bySource = new Map(pictures.map((picture) => [picture.source, picture]))
  progress.value = { images: pictures.length, uploaded: 0, jobs: 0, refused: 0 }
  try {
    const run = await on.run(
      pictures.map(
        ({ source, name, sku, facts }): RunImage => ({
          image: source,
          name,
          ...(sku && { sku }),
          ...(Object.keys(facts).length > 0 && { facts }),
        }),
      ),
      {
        name: draft.name,
        purpose: draft.purpose,
        outputs: textsOf(draft),
        ...(draft.brandId !== null && { brand: draft.brandId }),
        signal,
        onProgress: (now) => {
          progress.value = now
        },
      },
    )
    for (const { image, jobId } of run.jobs) {
      const thumbnail = bySource.get(image.image as Picture['source'])?.thumbnail
      if (thumbnail) thumbnails.set(jobId, thumbnail)
    }
    const [batchId] = run.batchIds
    const left = run.refused.map(({ image, error }) => ({ file: image.name ?? '', why: sentenceOf(error) }))
    if (batchId === undefined) throw new Error(`No picture was taken. ${left[0]?.why ?? ''}`)
    leftOut.set(batchId, left)
    clearPictures(new Set(thumbnails.values()))
    changeDraft({ name: '' })
    return batchId
  } finally {
    progress.value = null
  }
}
