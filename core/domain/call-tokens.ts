import type { Step } from '../../drizzle/schema.ts'

/**
 * What one call of a step takes, in tokens: the prompt as it usually is, for which an image counts 1,120
 * (https://ai.google.dev/gemini-api/docs/media-resolution), and the longest answer, without thinking.
 */
export const callTokens: Readonly<Record<Step, { readonly input: number; readonly output: number }>> = {
  analysis: { input: 3_000, output: 4_096 },
  content: { input: 3_000, output: 4_096 },
}

/** How many times as many tokens the next call has after an answer that was cut off. */
export const roomAfterCutOff = 2
