import { jsonrepair } from 'jsonrepair'

/** Far above the length of any requested answer, in characters. */
const longest = 256 * 1024
/**
 * The most of an answer that is repaired, in characters: jsonrepair is quadratic for some texts, such as a run of
 * backticks, and the longest requested answer has half of this.
 */
export const mostRepaired = 32 * 1024
/** The most places where an object may begin that are tried, and the deepest nesting. */
const mostStarts = 24
const deepest = 32

/**
 * The JSON objects in a model's answer. First the complete ones, in order, whatever surrounds them: a byte order mark, a
 * code fence, an introduction, an afterthought, a repetition. Then the repaired ones of those whose JSON is slightly
 * broken. A text that was cut off in the middle is not repaired: missing content cannot be made up.
 *
 * @returns lazily, so that later candidates cost nothing once one is accepted; bounded in size and time
 */
export function* readObjects(text: string): Generator<object> {
  if (text.length > longest) return
  const candidates = balanced(text.trim())
  let whole = false
  for (const candidate of candidates) {
    const value = parse(candidate)
    if (value === undefined) continue
    whole = true
    yield value
  }
  // The object as a JSON text inside a JSON text.
  const inner = parseString(text.trim())
  if (inner !== undefined && !whole) yield* readObjects(inner)
  let room = mostRepaired
  for (const candidate of candidates) {
    if (parse(candidate) !== undefined) continue
    room -= candidate.length
    if (room < 0) return
    const value = repair(candidate)
    if (value !== undefined) yield value
  }
}

/** The parts of the text that may be objects: from a brace to its closing one, none within another. */
function balanced(text: string): string[] {
  const found: string[] = []
  let starts = 0
  for (let start = text.indexOf('{'); start !== -1 && starts < mostStarts; starts++) {
    const end = closing(text, start)
    if (end === undefined) {
      // Only closing brackets are missing, after a complete value: nothing was cut off.
      const rest = withoutFence(text.slice(start))
      if (/["\]}]$/.test(rest) && starts === 0) found.push(rest)
      start = text.indexOf('{', start + 1)
      continue
    }
    found.push(text.slice(start, end))
    start = text.indexOf('{', end)
  }
  return found
}

/** Character by character: a pattern is cubic for the endless blanks that models sometimes write. */
function withoutFence(text: string): string {
  let end = text.length
  while (end > 0 && /[\s`]/.test(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/** The end of the object that begins at `start`; undefined if it has none, or is too deep to be an answer. */
function closing(text: string, start: number): number | undefined {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') {
      if (++depth > deepest) return undefined
    } else if (character === '}' || character === ']') {
      if (--depth === 0) return at + 1
    }
  }
  return undefined
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function parseString(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' && value.includes('{') && value.length < text.length ? value : undefined
  } catch {
    return undefined
  }
}

function repair(text: string): object | undefined {
  try {
    // A fence has three backticks; with more, jsonrepair searches to the end from each one.
    return parse(jsonrepair(text.replaceAll(/`{4,}/g, '```')))
  } catch {
    return undefined
  }
}
