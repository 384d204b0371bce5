import { useState } from 'preact/hooks'
import { isVisionError, type Text } from 'vision-pipeline-client'
import { client } from '../session.ts'
import { inLanguage } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { dropEdit, editOf, keepEdit } from './edits.ts'
import { type Fields, isObject, labelOf } from './fields.tsx'

interface TextEditorProps {
  readonly jobId: number
  readonly text: Text
  /** Of the text as the editor began with it. */
  readonly etag: string
  readonly done: () => void
  readonly close: () => void
}

/** Edits a text where it stands. Whoever is second, or looks at another page first, loses nothing that was typed. */
export function TextEditor({ jobId, text, etag, done, close }: TextEditorProps) {
  // As it was when the editor opened: what comes later must not replace what is typed.
  const { textId } = text
  const [begun] = useState(editOf(jobId, textId) ?? { etag, fields: text.result as unknown as Fields })
  const [typed, setTyped] = useState<Fields>(begun.fields)
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const [tag, setTag] = useState(begun.etag)
  const change = (name: string, to: unknown) => {
    const fields = { ...(editOf(jobId, textId) ?? begun).fields, [name]: to }
    setTyped(fields)
    keepEdit({ jobId, textId, etag: tag, fields })
  }
  const leave = (how: () => void) => {
    dropEdit(jobId, textId)
    how()
  }
  const isTaken = isVisionError(state.error, 'request.precondition_failed')
  const save = async (ifMatch: string) => {
    setState({ busy: true })
    const params = { path: { jobId, textId }, header: { 'If-Match': ifMatch } }
    try {
      const body = { content: { ...typed } }
      const { response } = await client.value.api.PATCH('/v1/jobs/{jobId}/texts/{textId}', { params, body })
      const now = editOf(jobId, textId)
      if (now === undefined || now.fields === typed) return leave(done)
      // What was typed meanwhile is an edit of what was just saved.
      const saved = response.headers.get('etag') ?? ifMatch
      keepEdit({ ...now, etag: saved })
      setTag(saved)
      setState({})
    } catch (error) {
      setState({ error })
    }
  }
  const saveOver = async () => {
    const params = { path: { jobId, textId } }
    try {
      const { response } = await client.value.api.GET('/v1/jobs/{jobId}/texts/{textId}', { params })
      const now = response.headers.get('etag') ?? tag
      setTag(now)
      await save(now)
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault()
        void save(tag)
      }}
    >
      {Object.entries(begun.fields).map(([name, value]) => (
        <Field key={name} name={name} value={value} language={text.language} change={(to) => change(name, to)} />
      ))}
      {isTaken ? (
        <div class="note" role="alert">
          <p>This text was changed elsewhere while you edited it. What you typed is still here.</p>
          <p class="row">
            <button type="button" class="btn" onClick={saveOver}>
              Save mine as the next revision
            </button>
            <button type="button" class="btn plain" onClick={() => leave(done)}>
              Leave theirs
            </button>
          </p>
        </div>
      ) : (
        state.error !== undefined && <Problem error={state.error} nameOf={fieldAt} />
      )}
      <p class="row actions">
        <button type="submit" class="btn go" disabled={state.busy}>
          <Icon name="tick" />
          Save
        </button>
        <button type="button" class="btn plain" onClick={() => leave(close)}>
          Discard
        </button>
      </p>
    </form>
  )
}

/** `#/content/hashtags/1` as the editor shows it: the second of its entries. */
function fieldAt(pointer: string): string {
  const [name = '', index] = pointer.split('/').slice(2)
  return labelOf(name) + (/^\d+$/.test(index ?? '') ? `, entry ${Number(index) + 1}` : '')
}

interface FieldProps {
  readonly name: string
  readonly value: unknown
  readonly language: string
  readonly change: (to: unknown) => void
}

/** A field as its kind needs it: words, a list with a line for each entry, or what is nested as JSON. */
function Field({ name, value, language, change }: FieldProps) {
  const [invalid, setInvalid] = useState(false)
  const isList = Array.isArray(value) && value.every((entry) => typeof entry === 'string')
  const isNested = !isList && (isObject(value) || Array.isArray(value))
  const shown = isList ? value.join('\n') : isNested ? JSON.stringify(value, null, 2) : String(value ?? '')
  const input = (text: string) => {
    if (isList) return change(text.split('\n').filter((line) => line.trim() !== ''))
    if (!isNested) return change(text)
    try {
      change(JSON.parse(text))
      setInvalid(false)
    } catch {
      setInvalid(true)
    }
  }
  return (
    <label class="field">
      <span class="dim">
        {labelOf(name)}
        {isList && ', a line for each'}
        {isNested && ', as JSON'}
      </span>
      <textarea
        class={isNested ? 'mono' : 'serif'}
        rows={Math.min(12, Math.max(1, shown.split('\n').length, Math.ceil(shown.length / 60)))}
        defaultValue={shown}
        aria-invalid={invalid}
        {...inLanguage(language)}
        onInput={(event) => input(event.currentTarget.value)}
      />
      {invalid && <span class="bad">This is no JSON: what was there before is kept.</span>}
    </label>
  )
}
