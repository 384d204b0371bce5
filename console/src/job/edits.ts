import { allUnsaved, dropUnsaved, keepUnsaved, unsavedAt } from '../ui/unsaved.ts'
import type { Fields } from './fields.tsx'

/** What was typed into a text and is not saved yet. */
export interface Edit {
  readonly jobId: number
  readonly textId: number
  /** Of the text as the editor began with it. */
  readonly etag: string
  readonly fields: Fields
}

const placeOf = (jobId: number, textId: number) => `job ${jobId}, text ${textId}`

export function editsOf(jobId: number): readonly Edit[] {
  return allUnsaved(`job ${jobId}, `)
}

export function editOf(jobId: number, textId: number): Edit | undefined {
  return unsavedAt(placeOf(jobId, textId))
}

export function keepEdit(edit: Edit): void {
  keepUnsaved(placeOf(edit.jobId, edit.textId), edit)
}

export function dropEdit(jobId: number, textId: number): void {
  dropUnsaved(placeOf(jobId, textId))
}
