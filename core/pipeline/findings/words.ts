import type { Finding } from './finding.ts'
import { fold } from './fold.ts'
import type { TextField } from './texts.ts'

/**
 * The banned words of a brand in a text, in any case, each once per field. Words match as whole words, and as parts in
 * scripts that set no spaces between words or append particles, as Korean does; a final `*` matches any ending. Spaces and
 * hyphens are equivalent.
 *
 * @param exempt fields that say what not to do, and so may quote banned words
 */
export function wordFindings(
  texts: readonly TextField[],
  bannedWords: readonly string[],
  exempt: readonly string[] = [],
): Finding[] {
  const patterns = bannedWords.flatMap((word) => {
    const pattern = patternOf(word)
    return pattern ? [{ word, pattern }] : []
  })
  return texts
    .filter(({ pointer }) => !exempt.some((field) => pointer === field || pointer.startsWith(`${field}/`)))
    .flatMap(({ pointer, text }) => {
      const folded = fold(`${text}\n${tagsApart(text)}`)
      return patterns
        .filter(({ pattern }) => pattern.test(folded))
        .map(
          ({ word }): Finding => ({
            code: 'banned_word',
            severity: 'warning',
            message: `The brand does not use “${word}”.`,
            field: pointer,
            about: word,
          }),
        )
    })
}

/** The hashtags of a text split into words: `#CheapDeals` has two. */
function tagsApart(text: string): string {
  const tags = text.match(/#[\p{L}\p{M}\p{N}_]+/gu) ?? []
  return tags.map((tag) => tag.replaceAll(/(\p{Ll})(?=\p{Lu})/gu, '$1 ').replaceAll('_', ' ')).join('\n')
}

const letter = '[\\p{L}\\p{M}\\p{N}]'
/** Scripts without spaces between words, and Hangul, whose particles are appended. */
const unspaced =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u

function patternOf(word: string): RegExp | undefined {
  const anyEnding = word.trimEnd().endsWith('*')
  const parts = fold(word.trimEnd().replace(/\*+$/, ''))
    .split(/[\s\p{Pd}]+/u)
    .filter((part) => part !== '')
  const characters = [...parts.join('')]
  const [first, last] = [characters[0], characters.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const bounded = (character: string) => new RegExp(letter, 'u').test(character) && !unspaced.test(character)
  const body = parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('[\\s\\p{Pd}]+')
  const before = bounded(first) ? `(?<!${letter})` : ''
  const after = bounded(last) && !anyEnding ? `(?!${letter})` : ''
  return new RegExp(`${before}${body}${after}`, 'u')
}
