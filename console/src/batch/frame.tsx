import { thumbnails } from '../new/start.ts'
import { inLanguage } from '../ui/format.ts'
import { StageMark, stageOf } from '../ui/stage.tsx'
import { previewOf } from '../ui/texts.ts'
import type { ListedJob } from './feed.ts'

/** Where the picture of a job can be seen: in the pipeline, or still in this tab. */
export function pictureOf({ jobId, thumbnailUrl }: Pick<ListedJob, 'jobId' | 'thumbnailUrl'>): string | undefined {
  // The small one first: it is here already.
  return thumbnails.get(jobId) ?? thumbnailUrl ?? undefined
}

/** What a job is called: its SKU, its file, or its number. */
export function nameOf({ jobId, metadata }: Pick<ListedJob, 'jobId' | 'metadata'>): string {
  const { sku, file } = metadata ?? {}
  if (typeof sku === 'string' && sku !== '') return sku
  return typeof file === 'string' && file !== '' ? file : `Job ${jobId}`
}

/** A picture of the gallery: it develops as its job comes on. */
export function Frame({ job, place }: { readonly job: ListedJob; readonly place: number }) {
  const stage = stageOf(job)
  const picture = pictureOf(job)
  const preview = previewOf(job.outputs?.texts)
  return (
    <li class={stage}>
      <a class="pic" href={`/console/jobs/${job.jobId}`} tabIndex={-1} aria-hidden="true">
        {picture ? <img src={picture} alt="" loading="lazy" decoding="async" /> : <span class="blank" />}
      </a>
      <p class="xs nowrap">
        <b>{String(place).padStart(3, '0')}</b>
        <a class="open" href={`/console/jobs/${job.jobId}`} title={nameOf(job)}>
          {nameOf(job)}
        </a>
      </p>
      {stage !== 'done' && (
        <p class="xs">
          <StageMark job={job} />
        </p>
      )}
      {stage === 'failed' && job.error && <p class="xs dim nowrap">{job.error.code}</p>}
      {preview && (
        <p class="words" {...inLanguage(preview.language)}>
          {preview.text}
        </p>
      )}
      {stage === 'done' && !preview && <p class="xs dim">No text to show</p>}
    </li>
  )
}
