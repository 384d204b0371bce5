import { effect, signal } from '@preact/signals'
import { access } from '../session.ts'
import type { Fields } from './fields.tsx'

/** What was typed into a text and is not saved yet. */
export interface Edit {
  readonly jobId: number
  readonly textId: number
  /** Of the text as the editor began with it. */
  readonly etag: string
  readonly fields: Fields
}

/** Kept until they are saved or discarded, whichever page is shown meanwhile. */
const edits = signal<readonly Edit[]>([])

// Who signs out leaves nothing behind.
access.subscribe((now) => {
  if (now === 'unknown') edits.value = []
})

const ask = (event: BeforeUnloadEvent) => event.preventDefault()
effect(() => {
  if (edits.value.length > 0) addEventListener('beforeunload', ask)
  else removeEventListener('beforeunload', ask)
})

export function editsOf(jobId: number): readonly Edit[] {
  return edits.value.filter((edit) => edit.jobId === jobId)
}

export function editOf(jobId: number, textId: number): Edit | undefined {
  return editsOf(jobId).find((edit) => edit.textId === textId)
}

export function keepEdit(edit: Edit): void {
  edits.value = [...others(edit.jobId, edit.textId), edit]
}

export function dropEdit(jobId: number, textId: number): void {
  edits.value = others(jobId, textId)
}

function others(jobId: number, textId: number): readonly Edit[] {
  return edits.value.filter((edit) => edit.jobId !== jobId || edit.textId !== textId)
}
