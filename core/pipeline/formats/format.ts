import type * as z from 'zod'
import type { Platform } from '../platforms.ts'

/** Of whom and where a text is written for. */
export interface Setting {
  /** A BCP 47 tag. */
  readonly language: string
  /** Where a post will appear. */
  readonly platform: Platform
}

/** A text, put right, and what of it is not as it should be but can be lived with. */
export interface Finished<Content> {
  readonly content: Content
  readonly issue?: string | undefined
}

/** What a text should come to, by JSON pointer. */
export interface Targets {
  /** The length to aim for, as the network counts. */
  readonly lengths?: Readonly<Record<string, number>>
  /** So many entries. */
  readonly counts?: Readonly<Record<string, readonly [least: number, most: number]>>
}

/** What one output format asks of the second step. */
export interface Format<Schema extends z.ZodType = z.ZodType> {
  /** Counts the changes of the prompt, the fields and their descriptions. Stored with each text. */
  readonly version: number
  /** What the text is for and how it must read, told to the writer. */
  readonly prompt: (platform: Platform) => string
  /** The fields of the answer. */
  readonly schema: Schema
  /** The text that the example's analysis and purpose should lead to. */
  readonly example: z.input<Schema>
  /** The most tokens of an answer, in any language; after one that was cut off the adapters allow twice as many. */
  readonly maxOutputTokens: number
  /** Whether the text is for those whom the purpose is for, and so should have the facts that came with the job. */
  readonly carriesFacts?: boolean
  /** Fields, as JSON pointers, that say what not to do, and so may quote what must not be said. */
  readonly quotesWhatNotToDo?: readonly string[]
  /** Targets that the prompt names beside those of the fields, by JSON pointer. */
  readonly targets?: (platform: Platform) => Targets
  /** Repairs values by rules that no schema expresses. */
  readonly finish?: (content: z.output<Schema>, setting: Setting) => Finished<z.output<Schema>>
}

export const format = <Schema extends z.ZodType>(parts: Format<Schema>): Format<Schema> => parts
