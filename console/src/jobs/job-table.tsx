import type { ListedJob } from '../batch/feed.ts'
import { nameOf, pictureOf } from '../batch/frame.tsx'
import { inLanguage, time } from '../ui/format.ts'
import { StageMark, stageOf } from '../ui/stage.tsx'
import { previewOf } from '../ui/texts.ts'

interface JobTableProps {
  readonly jobs: readonly ListedJob[]
  readonly selected: ReadonlyMap<number, ListedJob>
  readonly select: (to: ReadonlyMap<number, ListedJob>) => void
}

/** A row for each job. On a phone a row is a small entry: the roles say that it is a table all the same. */
export function JobTable({ jobs, selected, select }: JobTableProps) {
  const all = jobs.every(({ jobId }) => selected.has(jobId))
  const toggle = (some: readonly ListedJob[], on: boolean) => {
    const next = new Map(selected)
    for (const job of some) {
      if (on) next.set(job.jobId, job)
      else next.delete(job.jobId)
    }
    select(next)
  }
  return (
    <table class="jobs" role="table" aria-label="Jobs">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            <input
              type="checkbox"
              aria-label="Select all that are shown"
              checked={all}
              onChange={() => toggle(jobs, !all)}
            />
          </th>
          <th scope="col" role="columnheader">
            <span class="vh">Picture</span>
          </th>
          <th scope="col" role="columnheader">
            SKU or file
          </th>
          <th scope="col" role="columnheader">
            Text
          </th>
          <th scope="col" role="columnheader">
            State
          </th>
          <th scope="col" role="columnheader" class="num opt">
            Texts
          </th>
          <th scope="col" role="columnheader" class="num opt">
            Updated
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {jobs.map((job) => (
          <Row key={job.jobId} job={job} isSelected={selected.has(job.jobId)} toggle={(on) => toggle([job], on)} />
        ))}
      </tbody>
    </table>
  )
}

interface RowProps {
  readonly job: ListedJob
  readonly isSelected: boolean
  readonly toggle: (on: boolean) => void
}

function Row({ job, isSelected, toggle }: RowProps) {
  const { jobId, texts, updatedAt, error, metadata, outputs } = job
  const name = nameOf(job)
  const picture = pictureOf(job)
  const preview = previewOf(outputs?.texts)
  const file = typeof metadata?.file === 'string' && metadata.file !== name ? metadata.file : `Job ${jobId}`
  return (
    <tr role="row" aria-selected={isSelected}>
      <td role="cell">
        <input
          type="checkbox"
          aria-label={`Select ${name}`}
          checked={isSelected}
          onChange={(event) => toggle(event.currentTarget.checked)}
        />
      </td>
      <td role="cell">
        {picture ? <img class="thumb" src={picture} alt="" loading="lazy" /> : <span class="thumb" />}
      </td>
      <td role="cell" class="name">
        <a class="open" href={`/console/jobs/${jobId}`}>
          <b>{name}</b>
        </a>
        <p class="dim">{file}</p>
      </td>
      <td role="cell">
        {preview ? (
          <p class="words two" {...inLanguage(preview.language)}>
            {preview.text}
          </p>
        ) : (
          <span class="dim">No text yet</span>
        )}
      </td>
      <td role="cell">
        <StageMark job={job} />
        {stageOf(job) === 'failed' && error && <p class="xs dim">{error.code}</p>}
      </td>
      <td role="cell" class="num opt">
        {texts.completed} of {texts.wanted}
      </td>
      <td role="cell" class="num opt">
        {time(updatedAt, Date.now())}
      </td>
    </tr>
  )
}
