import type { BrandAnalysis } from '../analysis.ts'
import type { BrandProfile, Facts } from '../brand.ts'
import type { OutputFormat } from '../formats.ts'

/** What can be found in a text. Stable: clients match on them. */
export const findingCodes = [
  'banned_word',
  'number_invented',
  'fact_missing',
  'length_missed',
  'palette_distant',
] as const
export type FindingCode = (typeof findingCodes)[number]

/** info: worth a look, and often right as it is · warning: look at it before the text is used. */
export const severities = ['info', 'warning'] as const
export type Severity = (typeof severities)[number]

/** One point to review before the text is used. The text is delivered all the same. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** For people, in English. */
  readonly message: string
  /** Where in the content, as a JSON pointer (RFC 6901); null where it is about all of it or about the image. */
  readonly field: string | null
  /** The word, the number, the name of the fact or the colour; of a length, how many there are. */
  readonly about: string
}

/** What a text was written from, and for what. */
export interface Origin {
  readonly format: OutputFormat
  readonly analysis: BrandAnalysis
  readonly purpose: string
  readonly platform?: string | null | undefined
  readonly facts?: Facts | null | undefined
  readonly brand?: BrandProfile | undefined
}
