import type { Facts } from '../brand.ts'
import type { Finding } from './finding.ts'
import { fold } from './fold.ts'
import { numbersIn } from './read-numbers.ts'
import type { TextField } from './texts.ts'

/**
 * The facts of a job that are missing in a text, each once. Only people know whether a fact was needed, and a paraphrase or
 * translation cannot be distinguished from an omission: hence no warning. The truth of a text is not checked.
 */
export function factFindings(texts: readonly TextField[], facts: Facts): Finding[] {
  const whole = texts.map(({ text }) => text).join('\n')
  const folded = fold(whole)
  const numbers = new Set(numbersIn(whole).flatMap(({ readings }) => readings.flat()))
  const stands = (value: string) => {
    const needed = numbersIn(value)
    // Beside its numbers, a fact has units and words that differ in other languages.
    if (needed.length > 0) {
      return needed.every(({ readings }) => readings.some((values) => values.every((one) => numbers.has(one))))
    }
    if (folded.includes(fold(value))) return true
    const words = fold(value).match(/\p{L}[\p{L}\p{M}]{3,}/gu) ?? []
    return words.length > 0 && words.every((word) => folded.includes(word))
  }
  return Object.entries(facts).flatMap(([name, fact]) =>
    valuesOf(fact)
      .filter((value) => !stands(value))
      .map(
        (value): Finding => ({
          code: 'fact_missing',
          severity: 'info',
          message: `The text does not have the fact “${name}”: ${value.slice(0, 200)}`,
          field: null,
          about: name,
        }),
      ),
  )
}

function valuesOf(fact: Facts[string]): string[] {
  if (typeof fact === 'boolean') return []
  return typeof fact === 'object' ? [...fact] : [String(fact)]
}
