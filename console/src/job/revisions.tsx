import { useState } from 'preact/hooks'
import type { Text } from 'vision-pipeline-client'
import { inLanguage, time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { Compare } from './compare.tsx'
import { type Fields, FieldsView } from './fields.tsx'

/** What a text said before. */
export function Revisions({ jobId, text }: { readonly jobId: number; readonly text: Text }) {
  const [isOpen, setOpen] = useState(false)
  if (text.revision < 2) return null
  return (
    <details class="sec" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{text.revision} revisions</h2>
      </summary>
      {isOpen && <Earlier jobId={jobId} text={text} />}
    </details>
  )
}

function Earlier({ jobId, text }: { readonly jobId: number; readonly text: Text }) {
  const { textId, revision, language } = text
  const { data, error, reload } = useLoad(
    async (on, signal) => {
      const params = { path: { jobId, textId } }
      return (await on.api.GET('/v1/jobs/{jobId}/texts/{textId}/revisions', { params, signal })).data
    },
    [jobId, textId, revision],
  )
  if (error !== undefined) return <Problem error={error} retry={reload} />
  const revisions = data?.revisions ?? []
  return (
    <div class="list">
      {revisions.length > 1 && <Compare revisions={revisions} language={language} />}
      {revisions
        .filter((one) => one.revision !== revision)
        .map((one) => (
          <details key={one.revision}>
            <summary>
              Revision {one.revision}, {one.author === 'user' ? `by ${one.requestedBy}` : one.model},{' '}
              {time(one.createdAt, Date.now())}
              {one.instruction && <span class="dim"> “{one.instruction}”</span>}
            </summary>
            <article class="prose" {...inLanguage(language)}>
              <FieldsView fields={one.result as Fields} />
            </article>
          </details>
        ))}
    </div>
  )
}
