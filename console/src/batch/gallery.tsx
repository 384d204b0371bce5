import { useState } from 'preact/hooks'
import { number } from '../ui/format.ts'
import { type Stage, stageOf } from '../ui/stage.tsx'
import type { ListedJob } from './feed.ts'
import { Frame } from './frame.tsx'

const step = 60

const filters: readonly { readonly name: string; readonly stages: readonly Stage[] }[] = [
  { name: 'All', stages: [] },
  { name: 'Done', stages: ['done'] },
  { name: 'Working', stages: ['image', 'analysis', 'texts'] },
  { name: 'Waiting', stages: ['waiting'] },
  { name: 'Failed', stages: ['failed'] },
  { name: 'Cancelled', stages: ['cancelled'] },
]

interface GalleryProps {
  readonly jobs: readonly ListedJob[]
  /** How many the batch has, read or not. */
  readonly all: number
  /** The name of the filter, which the address holds. */
  readonly filter: string
  readonly setFilter: (name: string) => void
}

/** The pictures of a batch, in the order in which they were sent. */
export function Gallery({ jobs, all, filter, setFilter }: GalleryProps) {
  const [shown, setShown] = useState(step)
  const places = jobs.map((job, at) => ({ job, place: at + 1, stage: stageOf(job) }))
  const of = (stages: readonly Stage[]) => places.filter(({ stage }) => stages.length === 0 || stages.includes(stage))
  const chosen = filters.find(({ name }) => name === filter) ?? filters[0]
  const found = of(chosen?.stages ?? [])
  return (
    <section class="sec" aria-labelledby="images">
      <div class="row between">
        <h2 id="images">Images</h2>
        <span class="row" role="group" aria-label="Show">
          {filters.map(({ name, stages }) => {
            const { length } = of(stages)
            if (length === 0 && name !== 'All' && name !== chosen?.name) return null
            return (
              <button
                key={name}
                type="button"
                class="chip"
                aria-pressed={name === chosen?.name}
                onClick={() => setFilter(name)}
              >
                {name} <span class="dim">{number(name === 'All' ? Math.max(all, length) : length)}</span>
              </button>
            )
          })}
        </span>
      </div>
      {found.length === 0 && <p class="dim">No image is at this stage now.</p>}
      <ul class="sheet" aria-label="Images">
        {found.slice(0, shown).map(({ job, place }) => (
          <Frame key={job.jobId} job={job} place={place} />
        ))}
      </ul>
      {found.length > shown && (
        <p class="row actions">
          <button type="button" class="btn" onClick={() => setShown(shown + step)}>
            Show {Math.min(step, found.length - shown)} more
          </button>
          <span class="dim">
            {number(shown)} of {number(found.length)}, in the order of the files
          </span>
        </p>
      )}
      {all > jobs.length && jobs.length > 0 && filter === 'All' && (
        <p class="dim">The first {number(jobs.length)} are shown; the export has all.</p>
      )}
    </section>
  )
}
