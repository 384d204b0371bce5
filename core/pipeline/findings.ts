import { factFindings } from './findings/facts.ts'
import type { Finding, Origin } from './findings/finding.ts'
import { lengthFindings } from './findings/lengths.ts'
import { numberFindings } from './findings/numbers.ts'
import { paletteFindings } from './findings/palette.ts'
import { textsIn } from './findings/texts.ts'
import { wordFindings } from './findings/words.ts'
import type { Format } from './formats/format.ts'
import { type Content, formats } from './formats.ts'
import { platformOf } from './platforms.ts'

/** A text with more findings should be written anew, not reviewed. */
const maxFindings = 50
const maxAbout = 200

/**
 * The checks of a completed text: banned words, numbers without a source, missing facts, lengths that miss their targets,
 * colours far from the brand's. Pure; no finding withholds a text.
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
