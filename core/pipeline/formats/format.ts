import type * as z from 'zod'
import type { Platform } from '../platforms.ts'

/** The audience and the place of a text. */
export interface Setting {
  /** A BCP 47 tag. */
  readonly language: string
  /** Where a post will appear. */
  readonly platform: Platform
}

/** A repaired text, and its tolerable defects. */
export interface Finished<Content> {
  readonly content: Content
  readonly issue?: string | undefined
}

/** The target of a text, by JSON pointer. */
export interface Targets {
  /** The target length, as the network counts. */
  readonly lengths?: Readonly<Record<string, number>>
  /** The target number of entries. */
  readonly counts?: Readonly<Record<string, readonly [least: number, most: number]>>
}

/** One output format, for the second step. */
export interface Format<Schema extends z.ZodType = z.ZodType> {
  /** The version of the prompt, the fields and their descriptions. Stored with each text. */
  readonly version: number
  /** The purpose and style of the text, as instructions for the writer. */
  readonly prompt: (platform: Platform) => string
  /** The fields of the answer. */
  readonly schema: Schema
  /** The text that the example's analysis and purpose lead to. */
  readonly example: z.input<Schema>
  /** The most tokens of an answer, in any language; after an answer that was cut off the adapters double it. */
  readonly maxOutputTokens: number
  /** Whether the text addresses the audience, and so should contain the job's facts. */
  readonly carriesFacts?: boolean
  /** Fields, as JSON pointers, that say what not to do, and so may quote banned words. */
  readonly quotesWhatNotToDo?: readonly string[]
  /** Targets in the prompt beyond those of the fields, by JSON pointer. */
  readonly targets?: (platform: Platform) => Targets
  /** Repairs values by rules that a schema cannot express. */
  readonly finish?: (content: z.output<Schema>, setting: Setting) => Finished<z.output<Schema>>
}

export const format = <Schema extends z.ZodType>(parts: Format<Schema>): Format<Schema> => parts
