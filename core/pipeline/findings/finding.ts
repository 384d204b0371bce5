import type { BrandAnalysis } from '../analysis.ts'
import type { BrandProfile, Facts } from '../brand.ts'
import type { OutputFormat } from '../formats.ts'

/** The codes of findings. Stable: clients match on them. */
export const findingCodes = [
  'banned_word',
  'number_invented',
  'fact_missing',
  'length_missed',
  'palette_distant',
] as const
export type FindingCode = (typeof findingCodes)[number]

/** info: worth a look, and often right as it is · warning: review it before the text is used. */
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
  /** The word, the number, the name of the fact or the colour; for a length, the actual one. */
  readonly about: string
}

/** The sources and the target of a text. */
export interface Origin {
  readonly format: OutputFormat
  readonly analysis: BrandAnalysis
  readonly purpose: string
  readonly platform?: string | null | undefined
  readonly facts?: Facts | null | undefined
  readonly brand?: BrandProfile | undefined
}
