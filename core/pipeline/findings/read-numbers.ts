/** A number and its position in a text. */
export interface NumberInText {
  /** As written, with ASCII digits. */
  readonly text: string
  /**
   * Its possible readings, each as a list of numbers: `1.299` is 1299 or 1.299, `31.05.2026` is 31, 5 and 2026. The use of
   * points and commas depends on the language, and often on another language's habits.
   */
  readonly readings: readonly (readonly number[])[]
  readonly isPercent: boolean
  /** It is a time of the day: 18:30, 6 pm. */
  readonly isTime: boolean
  /** It is marked as afternoon: pm. */
  readonly isAfternoon: boolean
}

const token = /\d+(?:[.,':]\d+|[ \u00a0\u2007\u2009\u202f]\d{3}(?!\d))*/g

/** Every number of a text, except the digits of colours. */
export function numbersIn(text: string): readonly NumberInText[] {
  const plain = withAsciiDigits(text).replaceAll(/#[0-9a-f]{6}\b/gi, ' ')
  return [...plain.matchAll(token)].map(({ 0: found, index }) => {
    const before = plain.slice(Math.max(0, index - 2), index)
    const after = plain.slice(index + found.length, index + found.length + 6)
    const halfDay = /^\s?([ap])\.?\s?m\b/i.exec(after)?.[1]?.toLowerCase()
    return {
      text: found,
      readings: readingsOf(found),
      isPercent: /^\s?[%‰]/u.test(after) || /%\s?$/u.test(before),
      isTime: halfDay !== undefined || /^\d{1,2}:\d{2}$/.test(found),
      isAfternoon: halfDay === 'p',
    }
  })
}

/** Converts the digits of all scripts, and their separators, to ASCII. */
function withAsciiDigits(text: string): string {
  return (
    text
      // A superscript or subscript is not a number of its own: m², CO₂.
      .replaceAll(/[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]/g, ' ')
      .replaceAll(/\p{Nd}/gu, digitOf)
      .replaceAll('٫', '.')
      .replaceAll(/(?<=\d)[٬’ʼ＇](?=\d)/g, "'")
      .replaceAll(/(?<=\d)[．](?=\d)/g, '.')
      .replaceAll(/(?<=\d)[，](?=\d)/g, ',')
      .replaceAll(/[٪％﹪]/g, '%')
      .replaceAll(/(?<=\d)：(?=\d)/g, ':')
  )
}

/** Decimal digits form consecutive runs of ten from zero on, which Unicode guarantees (chapter 4.6); some runs are adjacent. */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0
  if (code < 0x80) return digit
  let first = code
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--
  return String((code - first) % 10)
}

function readingsOf(found: string): number[][] {
  const parts = found.split(/[^\d]/)
  const separators = [...found].filter((character) => /\D/.test(character))
  if (separators.length === 0) return [[Number(found)]]
  const readings: number[][] = []
  const whole = grouped(parts, separators)
  if (whole !== undefined) readings.push([whole])
  const decimal = withDecimals(parts, separators)
  if (decimal !== undefined) readings.push([decimal])
  // Several adjacent numbers: a date, a time, sizes, or two numbers with a space between.
  const stand = separators.some((separator) => /[: \u00a0\u2007\u2009\u202f]/.test(separator))
  if (stand || readings.length === 0) readings.push(parts.map(Number))
  return readings
}

/** A whole number in groups of three, or, as in India, of two and finally three. */
function grouped(parts: readonly string[], separators: readonly string[]): number | undefined {
  const [first = '', ...rest] = parts
  if (new Set(separators).size !== 1 || separators[0] === ':' || /^0|^$/.test(first)) return undefined
  const threes = first.length <= 3 && rest.every((part) => part.length === 3)
  const twos =
    separators[0] === ',' &&
    first.length <= 2 &&
    rest.at(-1)?.length === 3 &&
    rest.slice(0, -1).every((part) => part.length === 2)
  return threes || twos ? Number(parts.join('')) : undefined
}

/** A number whose last separator, a point or a comma that occurs once, begins its decimals. */
function withDecimals(parts: readonly string[], separators: readonly string[]): number | undefined {
  const last = separators.at(-1)
  if (last !== '.' && last !== ',') return undefined
  const before = separators.slice(0, -1)
  if (before.includes(last)) return undefined
  const whole = before.length === 0 ? Number(parts[0]) : grouped(parts.slice(0, -1), before)
  return whole === undefined ? undefined : Number(`${whole}.${parts.at(-1)}`)
}
