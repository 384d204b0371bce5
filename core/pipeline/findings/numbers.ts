import type { Finding, Origin } from './finding.ts'
import { type NumberInText, numbersIn } from './read-numbers.ts'
import type { TextField } from './texts.ts'

/**
 * The numbers of a text that occur in none of its sources, each once. In any notation: 1.299,00, 1,299.00 and ١٬٢٩٩ are the
 * same number, and so are 18:00 and 6 pm. A number below ten may have been counted in the image.
 */
export function numberFindings(texts: readonly TextField[], origin: Omit<Origin, 'format'>): Finding[] {
  const isKnown = knownNumbers(origin)
  const told = new Set<string>()
  return texts.flatMap(({ pointer, text }) =>
    numbersIn(text).flatMap((number): Finding[] => {
      if (isKnown(number) || told.has(number.text)) return []
      told.add(number.text)
      const small = number.readings.every((values) => values.every((value) => Number.isInteger(value) && value < 10))
      return [
        {
          code: 'number_invented',
          severity: small && !number.isPercent ? 'info' : 'warning',
          message: `${number.text} stands neither in the purpose, nor in the facts, the brand or the analysis.`,
          field: pointer,
          about: number.text,
        },
      ]
    }),
  )
}

function knownNumbers({ analysis, purpose, facts, brand }: Omit<Origin, 'format'>): (number: NumberInText) => boolean {
  const exact = new Set<number>()
  /** Sources whose values may be rounded: measured or estimated in the image. */
  const measured: number[] = []
  const add = (value: unknown, isMeasured = false): void => {
    if (typeof value === 'number') {
      exact.add(keyOf(value))
      if (isMeasured) measured.push(value)
    } else if (typeof value === 'string') {
      for (const { readings, isAfternoon } of numbersIn(value)) {
        for (const one of readings.flat()) {
          exact.add(keyOf(one))
          if (isAfternoon && one < 12) exact.add(keyOf(one + 12))
        }
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, part] of Object.entries(value)) {
        if (!Array.isArray(value)) add(name)
        add(part, isMeasured)
      }
    }
  }
  const { defaults: _, ...said } = brand ?? { name: '' }
  add([purpose, facts ?? {}, said])
  add(analysis, true)
  // These state nothing: the one of a ratio, and the zero minutes of an hour.
  exact.add(keyOf(0)).add(keyOf(1))
  const isOne = (value: number, { isPercent, isTime }: NumberInText) =>
    exact.has(keyOf(value)) ||
    (isPercent && exact.has(keyOf(value / 100))) ||
    (isTime && value <= 12 && exact.has(keyOf(value + 12))) ||
    measured.some((whole) => roundsTo(whole, value) || (isPercent && whole < 1 && isAbout(whole * 100, value)))
  return (number) => number.readings.some((values) => values.every((value) => isOne(value, number)))
}

/** The form for comparisons: six decimals, since 0.1 × 3 is not exactly 0.3. */
const keyOf = (value: number) => Math.round(value * 1e6)

/** Whether it is the other one with fewer decimals: 5.8 or 5.9 for 5.85. */
function roundsTo(whole: number, value: number): boolean {
  if (Number.isInteger(whole)) return false
  const decimals = `${value}`.split('.')[1]?.length ?? 0
  return Math.abs(whole - value) <= 0.5 / 10 ** decimals + 1e-9
}

/** Rounded to a whole number, or to a multiple of five that is as near. */
function isAbout(whole: number, value: number): boolean {
  return Math.round(whole) === value || (value % 5 === 0 && Math.abs(whole - value) <= 2.5)
}
