import type { Step } from '../../drizzle/schema.ts'

/**
 * The tokens of one call of a step: a typical prompt, in which an image counts 1,120
 * (https://ai.google.dev/gemini-api/docs/media-resolution), and the longest answer, without thinking.
 */
export const callTokens: Readonly<Record<Step, { readonly input: number; readonly output: number }>> = {
  analysis: { input: 3_000, output: 4_096 },
  content: { input: 3_000, output: 4_096 },
}

/** The factor by which a call's limit grows after an answer that was cut off. */
export const roomAfterCutOff = 2
