import type { Step } from '../../drizzle/schema.ts'

/**
 * What one call of a step takes, in tokens: the prompt as it usually is, for which an image counts 1,120
 * (https://ai.google.dev/gemini-api/docs/media-resolution), and at most so much answer, thinking aside.
 */
export const callTokens: Readonly<Record<Step, { readonly input: number; readonly output: number }>> = {
  analysis: { input: 3_000, output: 4_096 },
  content: { input: 3_000, output: 4_096 },
}

/** After an answer that was cut off the next call has so many times the room. */
export const roomAfterCutOff = 2
