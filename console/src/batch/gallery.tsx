import { useState } from 'preact/hooks'
import { number } from '../ui/format.ts'
import { type Stage, stageOf } from '../ui/stage.tsx'
import type { ListedJob } from './feed.ts'
import { Frame } from './frame.tsx'
import { useView } from './use-view.ts'
import { placeIn } from './window.ts'

/** More than these are drawn as they come into view: a page of thousands would be slow, and keep all of their pictures. */
const mostAtOnce = 30

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
  /** Another file was put in the place of one. */
  readonly replaced: () => void
}

/** The pictures of a batch, in the order in which they were sent. */
export function Gallery({ jobs, all, filter, setFilter, replaced }: GalleryProps) {
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
      {found.length > mostAtOnce ? (
        <Window key={chosen?.name} found={found} replaced={replaced} />
      ) : (
        <ul class="sheet" aria-label="Images">
          {found.map(({ job, place }) => (
            <Frame key={job.jobId} job={job} place={place} replaced={replaced} />
          ))}
        </ul>
      )}
      {all > jobs.length && jobs.length > 0 && filter === 'All' && (
        <p class="dim">The first {number(jobs.length)} are shown; the export has all.</p>
      )}
    </section>
  )
}

interface WindowProps {
  readonly found: readonly { readonly job: ListedJob; readonly place: number }[]
  readonly replaced: () => void
}

/** Many pictures: those near the window alone, and the one that has the focus, which would be lost with it. */
function Window({ found, replaced }: WindowProps) {
  const { list, view } = useView(found.length)
  const [held, setHeld] = useState<number>()
  const heldAt = held === undefined ? -1 : found.findIndex(({ job }) => job.jobId === held)
  // In their order: an element that is moved loses the focus too.
  const drawn = [
    ...(heldAt >= 0 && heldAt < view.from ? [heldAt] : []),
    ...Array.from({ length: Math.min(view.to, found.length) - view.from }, (_, at) => view.from + at),
    ...(heldAt >= view.to ? [heldAt] : []),
  ]
  const hold = ({ target }: FocusEvent) => {
    const place = Number((target as Element).closest('li')?.getAttribute('aria-posinset'))
    setHeld(found[place - 1]?.job.jobId)
  }
  const release = ({ relatedTarget }: FocusEvent) => {
    if (!list.current?.contains(relatedTarget as Node | null)) setHeld(undefined)
  }
  const style = {
    gridTemplateColumns: `repeat(${view.columns}, minmax(0, 1fr))`,
    gridAutoRows: `${view.tile}px`,
    paddingTop: `${view.before}px`,
    paddingBottom: `${view.after}px`,
  }
  return (
    <ul ref={list} class="sheet windowed" aria-label="Images" style={style} onFocusIn={hold} onFocusOut={release}>
      {drawn.map((at) => {
        const one = found[at]
        if (one === undefined) return null
        const isInView = at >= view.from && at < view.to
        return (
          <Frame
            key={one.job.jobId}
            job={one.job}
            place={one.place}
            replaced={replaced}
            of={{ place: at + 1, all: found.length }}
            style={isInView ? undefined : placeIn(view, at)}
          />
        )
      })}
    </ul>
  )
}
