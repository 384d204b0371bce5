import { useEffect, useState } from 'preact/hooks'
import type { Text } from 'vision-pipeline-client'
import { client } from '../session.ts'
import { Copy } from '../ui/copy.tsx'
import { count, inLanguage, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { editOf } from './edits.ts'
import { type Fields, FieldsView, plainText } from './fields.tsx'
import { FindingList } from './findings.tsx'
import { Regenerate } from './regenerate.tsx'
import { Revisions } from './revisions.tsx'
import { TextEditor } from './text-editor.tsx'

interface TextViewProps {
  readonly jobId: number
  /** As the job has it. */
  readonly shown: Text
  /** Not while its job runs. */
  readonly canChange: boolean
  readonly reload: () => void
}

/** A text, and what can be done with it. */
export function TextView({ jobId, shown, canChange, reload }: TextViewProps) {
  const { textId } = shown
  const [mode, setMode] = useState<'view' | 'edit' | 'regenerate'>(() => (editOf(jobId, textId) ? 'edit' : 'view'))
  const [failure, setFailure] = useState<unknown>()
  /** Shown before the API has answered, and put back if it refuses: what can be undone, and nothing else, is. */
  const [hoped, setHoped] = useState<boolean>()
  const path = { jobId, textId }
  // With the tag by which the API knows whether it was changed since.
  const loaded = useLoad(
    async (on, signal) => {
      const { data, response } = await on.api.GET('/v1/jobs/{jobId}/texts/{textId}', { params: { path }, signal })
      return data && { text: data.text, etag: response.headers.get('etag') ?? '' }
    },
    [jobId, textId, shown.revision, shown.approved, shown.status],
  )
  useEffect(() => setFailure(undefined), [shown.revision])
  useEffect(() => setHoped(undefined), [loaded.data, loaded.error])
  const { text, etag } = loaded.data ?? { text: shown, etag: '' }
  const readAgain = () => {
    loaded.reload()
    reload()
  }
  const changed = () => {
    setMode('view')
    readAgain()
  }
  if (text.result === null) return <Missing text={text} />
  const fields = text.result as unknown as Fields
  if (mode === 'edit' && etag) {
    return <TextEditor jobId={jobId} text={text} etag={etag} done={changed} close={() => setMode('view')} />
  }
  const isApproved = hoped ?? text.approved
  const approve = async () => {
    if (hoped !== undefined) return
    setFailure(undefined)
    setHoped(!text.approved)
    const params = { path, header: { 'If-Match': etag } }
    try {
      await client.value.api.PATCH('/v1/jobs/{jobId}/texts/{textId}', { params, body: { approved: !text.approved } })
      // An instruction that is being typed stays.
      readAgain()
    } catch (error) {
      setHoped(undefined)
      setFailure(error)
      loaded.reload()
    }
  }
  const warnings = text.findings.length
  return (
    <>
      <p class="dim row between about">
        <span>
          Revision {text.revision}, {text.author === 'user' ? 'by hand' : text.model}
          {text.createdAt && `, ${time(text.createdAt, Date.now())}`}
        </span>
        {isApproved && (
          <span class="st">
            <Icon name="done" />
            Approved
          </span>
        )}
      </p>
      <article class="prose" {...inLanguage(text.language)}>
        <FieldsView fields={fields} />
      </article>
      {text.status === 'waiting' && (
        <p class="st" role="status">
          <Icon name="texts" />
          The next revision is being written.
        </p>
      )}
      {failure !== undefined && <Problem error={failure} />}
      <div class="row actions">
        <button type="button" class={isApproved ? 'btn' : 'btn go'} disabled={!etag} data-key="a" onClick={approve}>
          <Icon name={isApproved ? 'close' : 'tick'} />
          {isApproved
            ? 'Take approval back'
            : warnings === 0
              ? 'Approve'
              : `Approve with ${count(warnings, 'finding')}`}
        </button>
        <button
          type="button"
          class="btn"
          // The editor opens with the tag: who presses the key before that has come need not press it again.
          disabled={!canChange || loaded.error !== undefined || hoped !== undefined}
          data-key="e"
          onClick={() => setMode('edit')}
        >
          <Icon name="edit" />
          Edit
        </button>
        <Copy text={plainText(fields)} name="Copy" />
        <button type="button" class="btn" disabled={!canChange} onClick={() => setMode('regenerate')}>
          <Icon name="retry" />
          Regenerate
        </button>
      </div>
      <Findings text={text} />
      <Revisions jobId={jobId} text={text} />
      {mode === 'regenerate' && (
        <Regenerate jobId={jobId} textId={textId} done={changed} close={() => setMode('view')} />
      )}
    </>
  )
}

function Missing({ text }: { readonly text: Text }) {
  const words = {
    waiting: 'This text is still to be written.',
    failed: 'This text could not be written.',
    cancelled: 'This text was cancelled with its job.',
    completed: 'This text is empty.',
  }
  return (
    <section class="empty">
      <p>{words[text.status]}</p>
      {text.error && (
        <>
          <p>{text.error.message}</p>
          <a class="mono dim" href={`/problems/${text.error.code}`}>
            {text.error.code}
          </a>
        </>
      )}
    </section>
  )
}

function Findings({ text }: { readonly text: Text }) {
  if (text.findings.length === 0) return null
  return (
    <section class="sec" aria-labelledby="findings">
      <div class="row between">
        <h2 id="findings">{count(text.findings.length, 'finding')}</h2>
        {text.brandVersion !== null && <span class="dim">Brand version {text.brandVersion}</span>}
      </div>
      <FindingList findings={text.findings} />
    </section>
  )
}
