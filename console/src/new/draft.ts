import { effect, signal } from '@preact/signals'
import type { WantedText } from 'vision-pipeline-client'
import { type Format, formats } from '../ui/texts.ts'

/** What is to be made of the pictures. */
export interface Draft {
  readonly name: string
  readonly purpose: string
  readonly languages: readonly string[]
  /** `alt_text en`: a format and a language. */
  readonly cells: readonly string[]
  readonly brandId: number | null
}

const name = 'vision-draft'
const fresh: Draft = {
  name: '',
  purpose: 'Sell it in our shop',
  languages: ['en', 'de', 'fr', 'ja', 'ar'],
  cells: ['alt_text en', 'product_description en'],
  brandId: null,
}

/** It is kept for the next visit: a start that was broken off is found again by the same words. */
export const draft = signal<Draft>(stored())
effect(() => localStorage.setItem(name, JSON.stringify(draft.value)))

export function changeDraft(to: Partial<Draft>): void {
  draft.value = { ...draft.value, ...to }
}

/** The texts of each picture, in the order of the list. */
export function textsOf({ cells, languages }: Draft): WantedText[] {
  return formats.flatMap((outputFormat) =>
    languages
      .filter((language) => cells.includes(cellOf(outputFormat, language)))
      .map((language) => ({ outputFormat, language })),
  )
}

export function cellOf(format: Format, language: string): string {
  return `${format} ${language}`
}

/** Adds a column. @returns whether the tag names a language */
export function addLanguage(text: string): boolean {
  try {
    const [tag] = Intl.getCanonicalLocales(text.trim())
    if (tag === undefined) return false
    const { languages, cells } = draft.value
    if (!languages.includes(tag))
      changeDraft({ languages: [...languages, tag], cells: [...cells, cellOf('alt_text', tag)] })
    return true
  } catch {
    return false
  }
}

function stored(): Draft {
  try {
    const before = JSON.parse(localStorage.getItem(name) ?? '{}') as Partial<Draft>
    return { ...fresh, ...before }
  } catch {
    return fresh
  }
}
