import type { Job } from 'vision-pipeline-client'
import { Icon, type IconName } from './icon.tsx'

/** How far a job has come, as its picture and its mark show it. */
export type Stage = 'waiting' | 'image' | 'analysis' | 'texts' | 'done' | 'failed' | 'cancelled'

/** What a stage is known by: any view of a job has it. */
export type Staged = Pick<Job, 'status' | 'step' | 'texts'> & { readonly image?: Job['image'] | undefined }

export function stageOf({ status, step, image, texts }: Staged): Stage {
  if (status === 'completed') return 'done'
  if (status === 'failed' || status === 'cancelled') return status
  if (step === 'content') return texts.completed > 0 || status === 'processing' ? 'texts' : 'waiting'
  if (status !== 'processing') return 'waiting'
  return image ? 'analysis' : 'image'
}

/** In the order in which a job goes through them. */
export const stages: readonly Stage[] = ['done', 'texts', 'analysis', 'image', 'waiting', 'failed', 'cancelled']

export const stageNames: Readonly<Record<Stage, string>> = {
  waiting: 'Waiting',
  image: 'Image',
  analysis: 'Analysis',
  texts: 'Texts',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** The mark of a stage, with its name. */
export function StageMark({ job }: { readonly job: Staged }) {
  const stage = stageOf(job)
  const { completed, wanted } = job.texts
  return (
    <span class={`st ${stage === 'failed' ? 'bad' : ''}`}>
      <Icon name={stage satisfies IconName} />
      {stage === 'texts' ? `Texts, ${completed} of ${wanted}` : stageNames[stage]}
    </span>
  )
}

/** How many are at which stage: by length, texture and label. */
export function StageBar({ counts }: { readonly counts: ReadonlyMap<Stage, number> }) {
  const shown = stages.filter((stage) => (counts.get(stage) ?? 0) > 0)
  const label = shown.map((stage) => `${counts.get(stage)} ${stageNames[stage].toLowerCase()}`).join(', ')
  return (
    <>
      <div class="bar" role="img" aria-label={label || 'No jobs yet'}>
        {shown.map((stage) => (
          <i key={stage} class={`k-${stage}`} style={{ flexGrow: counts.get(stage) }} />
        ))}
      </div>
      <ul class="key">
        {shown.map((stage) => (
          <li key={stage}>
            <b class={stage === 'failed' ? 'bad' : ''}>{counts.get(stage)?.toLocaleString('en')}</b>
            <i class={`k-${stage}`} />
            {stageNames[stage]}
          </li>
        ))}
      </ul>
    </>
  )
}
