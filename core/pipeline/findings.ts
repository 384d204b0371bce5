import type { BrandAnalysis } from './analysis.ts'
import type { BrandProfile, Facts } from './brand.ts'
import { factFindings } from './findings/facts.ts'
import { lengthFindings } from './findings/lengths.ts'
import { numberFindings } from './findings/numbers.ts'
import { paletteFindings } from './findings/palette.ts'
import { textsIn } from './findings/texts.ts'
import { wordFindings } from './findings/words.ts'
import type { Format } from './formats/format.ts'
import { type Content, formats, type OutputFormat } from './formats.ts'
import { platformOf } from './platforms.ts'

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

/** One thing that somebody should look at before the text is used. The text is there all the same. */
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

/** A text that has more to be looked at is to be written anew, not gone through. */
const maxFindings = 50
const maxAbout = 200

/**
 * What code can find in a text once it is there: banned words, numbers from nowhere, facts that are missing, lengths that miss
 * their targets, an image in other colours than the brand's. Pure, and no finding keeps a text from being used.
 */
export function findingsIn(content: Content, origin: Origin): readonly Finding[] {
  const format: Format = formats[origin.format]
  const texts = textsIn(format.schema, content)
  const platform = platformOf(origin.platform)
  return [
    ...wordFindings(texts, origin.brand?.bannedWords ?? [], format.quotesWhatNotToDo ?? []),
    ...numberFindings(texts, origin),
    ...(format.carriesFacts ? factFindings(texts, origin.facts ?? {}) : []),
    ...lengthFindings(texts, content, format, platform),
    ...paletteFindings(origin.analysis.palette, origin.brand?.palette ?? []),
  ]
    .slice(0, maxFindings)
    .map((finding) => ({ ...finding, about: finding.about.slice(0, maxAbout) }))
}
