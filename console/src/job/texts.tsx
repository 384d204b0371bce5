import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Job, Text } from 'vision-pipeline-client'
import { languageName } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Tabs } from '../ui/tabs.tsx'
import { type Format, formatNames, formats } from '../ui/texts.ts'
import { editsOf } from './edits.ts'
import { TextView } from './text-view.tsx'

/** The texts of a job: formats as tabs, and of each its languages. The address says which is shown. */
export function Texts({ job, reload }: { readonly job: Job; readonly reload: () => void }) {
  const { path, query, route } = useLocation()
  const { texts } = job.outputs
  const [chosen, setChosen] = useState(Number(query.text) || 1)
  useEffect(() => {
    if (query.text) setChosen(Number(query.text))
  }, [query.text])
  const text = texts.find(({ textId }) => textId === chosen) ?? texts[0]
  const edited = editsOf(job.jobId).map(({ textId }) => textId)
  if (text === undefined) return <p class="dim">No text was asked for.</p>
  const wanted = formats.filter((format) => texts.some(({ outputFormat }) => outputFormat === format))
  const siblings = texts.filter(({ outputFormat }) => outputFormat === text.outputFormat)
  const choose = (textId: number) => {
    setChosen(textId)
    route(`${path}?text=${textId}`, true)
  }
  const first = (format: Format) => texts.find(({ outputFormat }) => outputFormat === format)?.textId ?? 1
  const unsaved = texts.filter(({ textId }) => textId !== text.textId && edited.includes(textId))
  return (
    <section aria-label="Texts">
      {unsaved.length > 0 && (
        <p class="note row">
          What you typed is not saved yet:
          {unsaved.map((one) => (
            <button key={one.textId} type="button" class="btn plain" onClick={() => choose(one.textId)}>
              {formatNames[one.outputFormat]}, {labelOf(one)}
            </button>
          ))}
        </p>
      )}
      <Tabs
        label="Texts"
        tabs={wanted.map((format) => ({ id: format, name: formatNames[format] }))}
        chosen={text.outputFormat}
        choose={(format) => choose(first(format))}
        panel="text"
      />
      <div id="text" role="tabpanel" aria-label={formatNames[text.outputFormat]}>
        {siblings.length > 1 && (
          <span class="row chips" role="group" aria-label="Language">
            {siblings.map((sibling) => (
              <button
                key={sibling.textId}
                type="button"
                class="chip"
                aria-pressed={sibling.textId === text.textId}
                onClick={() => choose(sibling.textId)}
              >
                {labelOf(sibling)}
                {sibling.approved && <Icon name="tick" />}
                {sibling.approved && <span class="vh">approved</span>}
              </button>
            ))}
          </span>
        )}
        <TextView
          key={text.textId}
          jobId={job.jobId}
          shown={text}
          canChange={job.finishedAt !== null}
          reload={reload}
        />
      </div>
    </section>
  )
}

function labelOf({ language, platform, variant }: Text): string {
  return [languageName(language), platform, variant > 1 && `no. ${variant}`].filter(Boolean).join(', ')
}
