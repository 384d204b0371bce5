import type { CSSProperties } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { thumbnails } from '../new/start.ts'
import { client } from '../session.ts'
import { FileName } from '../ui/file-name.tsx'
import { inLanguage } from '../ui/format.ts'
import { sentenceOf } from '../ui/problem.tsx'
import { StageMark, stageOf } from '../ui/stage.tsx'
import { previewOf } from '../ui/texts.ts'
import type { ListedJob } from './feed.ts'
import { replaceFile } from './replace.ts'

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

interface FrameProps {
  readonly job: ListedJob
  readonly place: number
  readonly replaced: () => void
  /** Where it stands in a list that is not drawn as a whole. */
  readonly of?: { readonly place: number; readonly all: number }
  readonly style?: CSSProperties | undefined
}

/** A picture of the gallery: it develops as its job comes on. */
export function Frame({ job, place, replaced, of, style }: FrameProps) {
  const stage = stageOf(job)
  const picture = pictureOf(job)
  const preview = previewOf(job.outputs?.texts)
  // That a job is done is known a moment before its texts are.
  const read = job.outputs?.texts.filter(({ result }) => result !== null).length ?? 0
  const isRead = read >= job.texts.completed
  return (
    <li class={stage} style={style} {...(of && { 'aria-posinset': of.place, 'aria-setsize': of.all })}>
      <a class="pic" href={`/console/jobs/${job.jobId}`} tabIndex={-1} aria-hidden="true">
        {picture ? <img src={picture} alt="" loading="lazy" decoding="async" /> : <span class="blank" />}
      </a>
      <p class="xs row nowrap">
        <b>{String(place).padStart(3, '0')}</b>
        <a class="open" href={`/console/jobs/${job.jobId}`} title={nameOf(job)} aria-label={nameOf(job)}>
          <FileName name={nameOf(job)} />
        </a>
      </p>
      {stage !== 'done' && (
        <p class="xs">
          <StageMark job={job} />
        </p>
      )}
      {stage === 'failed' && job.error && <p class="xs dim nowrap">{job.error.code}</p>}
      {stage === 'failed' && job.batchId !== null && (
        <Replace batchId={job.batchId} jobId={job.jobId} name={nameOf(job)} replaced={replaced} />
      )}
      {preview && (
        <p class="words" {...inLanguage(preview.language)}>
          {preview.text}
        </p>
      )}
      {stage === 'done' && !preview && isRead && <p class="xs dim">No text to show</p>}
    </li>
  )
}

interface ReplaceProps {
  readonly batchId: number
  readonly jobId: number
  readonly name: string
  readonly replaced: () => void
}

/** Takes another file in the place of one that failed. */
function Replace({ batchId, jobId, name, replaced }: ReplaceProps) {
  const input = useRef<HTMLInputElement>(null)
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const choose = async (file: File | undefined) => {
    if (file === undefined) return
    setState({ busy: true })
    try {
      await replaceFile(client.value, batchId, jobId, file)
      replaced()
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <>
      <button
        type="button"
        class="btn plain xs"
        disabled={state.busy}
        aria-label={`Replace ${name}`}
        onClick={() => input.current?.click()}
      >
        {state.busy ? 'Being sent' : 'Replace the file'}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/*,.heic,.heif"
        aria-label={`File for ${name}`}
        onChange={(event) => choose(event.currentTarget.files?.[0])}
      />
      {state.error !== undefined && (
        <p class="xs bad" role="alert">
          {sentenceOf(state.error)}
        </p>
      )}
    </>
  )
}
