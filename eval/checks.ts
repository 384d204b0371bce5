import type { BrandAnalysis } from '../core/pipeline/analysis.ts'
import { ciede2000, labOf } from '../core/pipeline/ciede2000.ts'
import { exampleAnalysis, examplePurpose } from '../core/pipeline/example.ts'
import { withoutOpener } from '../core/pipeline/formats/alt-text.ts'
import { formats, type OutputFormat } from '../core/pipeline/formats.ts'
import { languages as emulatedLanguages } from '../dev/emulators/providers/colour-names.ts'
import type { Case } from './cases.ts'
import { isIn } from './language.ts'

/** The checks, in the order of the table. */
export const checkNames = ['fits', 'language', 'facts', 'numbers', 'phrases', 'palette'] as const
export type CheckName = (typeof checkNames)[number]
/** The fault that each check found; no entry where the check does not apply. */
export type Findings = Partial<Record<CheckName, string[]>>

/** Phrases that no brand team wants to read, and those that give a machine away. */
const banned =
  /\bas an ai\b|\blanguage model\b|\bi cannot\b|\bgame[- ]chang|\bunleash\b|\belevate your\b|\bdelve\b|\blorem ipsum\b|\bin today['’]s fast|\[insert|previous instructions are/i

/** The analysis of a case: whether the palette has the colours that are in the image. */
export function checkAnalysis(of: Case, { palette }: BrandAnalysis): Findings {
  const found = palette.map(({ hex }) => labOf(hex))
  const missing = of.colours.flatMap((colour) => {
    const nearest = Math.min(...found.map((lab) => ciede2000(lab, labOf(colour))))
    return nearest > 10 ? [`${colour} is ${nearest.toFixed(1)} from the nearest`] : []
  })
  return { palette: missing }
}

/**
 * The text of a case.
 *
 * @param emulated an emulated text is in English where its language is none of those that the emulator writes
 */
export function checkContent(
  of: Case,
  format: OutputFormat,
  content: unknown,
  analysis: BrandAnalysis,
  { emulated }: { readonly emulated: boolean },
): Findings {
  const text = textsIn(content).join('\n')
  const parsed = formats[format].schema.safeParse(content)
  return {
    fits: parsed.success
      ? []
      : [parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')],
    ...((!emulated || isEmulated(of.language)) && {
      language: isIn(text, of.language) ? [] : [`is not in ${of.language}: ${text.slice(0, 60)}`],
    }),
    ...(customerFacing.has(format) && {
      facts: of.facts.filter((fact) => !text.includes(fact)).map((fact) => `${fact} is lost`),
    }),
    numbers: inventedNumbers(text, of, analysis),
    phrases: phrasesIn(content, text),
  }
}

const isEmulated = (tag: string) => emulatedLanguages.some((language) => language === new Intl.Locale(tag).language)

/** Formats addressed to customers, which must repeat the offer. */
const customerFacing = new Set<OutputFormat>(['social_post', 'product_description'])

/** Numbers that neither the purpose nor the analysis has, of two digits or more: a small one may be counted in the image. */
function inventedNumbers(text: string, of: Case, analysis: BrandAnalysis): string[] {
  const known = `${of.purpose} ${of.texts.join(' ')} ${JSON.stringify(analysis)} ${of.language}`
  const numbers = text.replaceAll(/#[0-9a-f]{6}\b/gi, '').match(/\d[\d.,:]*\d/g) ?? []
  return [...new Set(numbers)].filter((number) => !known.includes(number)).map((number) => `${number} is invented`)
}

function phrasesIn(content: unknown, text: string): string[] {
  const { altText } = content as { altText?: string }
  const found = banned.exec(text)?.[0]
  const leaked = ['Fernhill', examplePurpose, exampleAnalysis.subject].find((fact) => text.includes(fact))
  return [
    ...(found ? [`says “${found}”`] : []),
    ...(leaked ? ['has a fact of the example'] : []),
    ...(altText && withoutOpener(altText, 'en') !== altText ? [`opens with “${altText.slice(0, 20)}”`] : []),
    ...(text.trim() === 'OK' ? ['obeys the image'] : []),
  ]
}

/** Every text in an answer. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
