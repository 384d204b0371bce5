import { isRecord } from './refusals.ts'

// How adapters read the parts of an answer that providers report in different ways.

/** Whether a text has no visible characters; marks and zero-width spaces are not visible. */
export function isBlank(text: string): boolean {
  return !/[^\s\p{C}\p{Z}]/u.test(text)
}

/**
 * Whether a text that hit the length limit is a complete JSON object: some models fill the rest with blanks.
 */
export function isWholeObject(text: string): boolean {
  try {
    return isRecord(JSON.parse(text.replace(/^\s*```\w*/, '').replace(/```\s*$/, '')))
  } catch {
    return false
  }
}

/** The largest plausible number of tokens of a call. */
const mostTokens = 100_000_000

/** A token count as a provider reports it; null if it is none. Google writes large numbers as text. */
export function countOf(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= mostTokens ? count : null
}

/** A part of a count; null if it is larger than the whole, or either is unknown. */
export function partOf(whole: number | null, part: number | null): number | null {
  return whole !== null && part !== null && part <= whole ? part : null
}

/** The name of the model that answered, which determines the price. */
export function nameOf(said: unknown, asked: string): string {
  return typeof said === 'string' && said.trim() ? said.trim() : asked
}
