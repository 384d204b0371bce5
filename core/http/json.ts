import { type FieldProblem, InvalidInput, maxFieldProblems, pointerTo } from './invalid-input.ts'

/** The deepest nesting of objects and lists: some readers of stored JSON overflow their stack beyond it. */
export const maxDepth = 64
/** The longest text of a number whose digits are compared; a double has at most 767 significant ones. */
const maxNumberLength = 1_000

/**
 * Parses a body as I-JSON (RFC 7493): JSON that all readers interpret alike, and that can be returned unchanged.
 *
 * @throws SyntaxError if it is not JSON
 * @throws InvalidInput see `checkJson`
 */
export function parseJson(text: string): unknown {
  checkJson(text)
  return JSON.parse(text)
}

/**
 * Detects what `JSON.parse` would silently change or drop: duplicate names in an object, the name `__proto__`, numbers that
 * a double cannot represent, and lone surrogates; also nesting that is too deep. One pass over the text without recursion;
 * everything else is left to the parser.
 *
 * @throws InvalidInput that names each of them, or the depth alone
 */
export function checkJson(text: string): void {
  const problems: FieldProblem[] = []
  const around: Container[] = []
  const found = (code: FieldProblem['code'], detail: string) => {
    if (problems.length === maxFieldProblems) return
    problems.push({ pointer: pointerTo(around.map(({ at }) => at)), code, detail })
  }

  for (let index = 0; index < text.length; ) {
    const inside = around.at(-1)
    const sign = text.charAt(index)
    if (sign === '"') {
      const end = endOfString(text, index)
      // It is truncated, which the parser will report.
      if (end === -1) break
      const raw = text.slice(index, end + 1)
      index = end + 1
      if (inside?.names && inside.expectsName) {
        const name = textOf(raw)
        inside.expectsName = false
        inside.at = name
        if (!name.isWellFormed()) found('json.lone_surrogate', 'The name has half of a surrogate pair.')
        else if (name === '__proto__') found('json.forbidden_name', 'No field may have this name.')
        else if (inside.names.has(name)) found('json.duplicate_name', 'The name occurs twice in its object.')
        inside.names.add(name)
      } else if (raw.includes('\\u') && !textOf(raw).isWellFormed()) {
        found('json.lone_surrogate', 'has half of a surrogate pair, which is no character')
      }
    } else if (sign === '{' || sign === '[') {
      if (around.length === maxDepth) {
        throw new InvalidInput([
          { pointer: '#', code: 'json.too_deep', detail: `The body is nested more than ${maxDepth} levels deep.` },
        ])
      }
      around.push(sign === '{' ? { names: new Set(), expectsName: true, at: '' } : { expectsName: false, at: 0 })
      index++
    } else if (sign === '}' || sign === ']') {
      around.pop()
      index++
    } else if (sign === ',') {
      if (typeof inside?.at === 'number') inside.at++
      else if (inside) inside.expectsName = true
      index++
    } else if (sign === '-' || (sign >= '0' && sign <= '9')) {
      number.lastIndex = index
      const raw = number.exec(text)?.[0] ?? sign
      index += raw.length
      if (!isExact(raw)) found('json.inexact_number', 'is a number that cannot be kept as it is: send it as text')
    } else {
      index++
    }
  }
  if (problems.length > 0) throw new InvalidInput(problems)
}

/** An object or a list that is open. */
interface Container {
  /** The names so far, of an object. */
  readonly names?: Set<string>
  expectsName: boolean
  /** The name or the index of the current value. */
  at: string | number
}

const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** The end of the string that begins at an index, which is the next quote that is not escaped; -1 if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charAt(end - 1 - backslashes) === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return -1
}

/** The value of a quoted string; undefined if it is invalid, which the parser reports. */
function textOf(raw: string): string {
  if (!raw.includes('\\')) return raw.slice(1, -1)
  try {
    return JSON.parse(raw) as string
  } catch {
    return ''
  }
}

/**
 * Whether a double represents a number to the digit as written: also `0.1`, which is printed unchanged, but not an integer
 * beyond 2^53 that is rounded, nor a number that is too large or too small.
 */
function isExact(raw: string): boolean {
  // 15 digits always survive the round trip.
  if (raw.length <= 15 && !/[eE]/.test(raw)) return true
  if (raw.length > maxNumberLength) return false
  const value = Number(raw)
  if (String(value) === raw) return true
  const digits = digitsOf(raw)
  if (digits === '') return true
  if (!Number.isFinite(value) || value === 0) return false
  return (
    digits === digitsOf(String(value)) ||
    (digits.length <= 100 && digits === digitsOf(value.toPrecision(digits.length)))
  )
}

/** The significant digits, without sign, point and exponent. */
function digitsOf(number: string): string {
  const [mantissa = ''] = number.split(/[eE]/)
  return mantissa.replaceAll(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '')
}
