/** A part of a text: in both, in the earlier one alone, or in the later one alone. */
export interface Part {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Of more words than this, times as many, not the words are compared but the whole. */
const mostPairs = 4_000_000

/**
 * The difference of two texts word by word, by their longest common subsequence.
 *
 * @param language BCP 47: where a word ends, as of Japanese, depends on it
 */
export function wordDiff(before: string, after: string, language: string): readonly Part[] {
  const [old, now] = [wordsOf(before, language), wordsOf(after, language)]
  let start = 0
  while (start < old.length && start < now.length && old[start] === now[start]) start++
  let end = 0
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++
  const parts: Part[] = []
  const add = (kind: Part['kind'], words: readonly string[]) => {
    const text = words.join('')
    const last = parts.at(-1)
    if (text === '') return
    if (last?.kind === kind) parts[parts.length - 1] = { kind, text: last.text + text }
    else parts.push({ kind, text })
  }
  add('same', old.slice(0, start))
  for (const [kind, words] of middle(old.slice(start, old.length - end), now.slice(start, now.length - end)))
    add(kind, words)
  add('same', old.slice(old.length - end))
  return parts
}

function* middle(
  old: readonly string[],
  now: readonly string[],
): Generator<readonly [Part['kind'], readonly string[]]> {
  if (old.length * now.length > mostPairs) {
    yield ['removed', old]
    yield ['added', now]
    return
  }
  // How long the common part of what follows each pair is.
  const width = now.length + 1
  const common = new Uint16Array((old.length + 1) * width)
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === now[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0)
    }
  }
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    const [word, other] = [old[i], now[j]]
    if (word !== undefined && word === other) {
      yield ['same', [word]]
      i++
      j++
    } else if (
      other === undefined ||
      (word !== undefined && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      yield ['removed', [word ?? '']]
      i++
    } else {
      yield ['added', [other]]
      j++
    }
  }
}

/** Words with what stands between them as words of their own. */
function wordsOf(text: string, language: string): string[] {
  return Array.from(new Intl.Segmenter(language, { granularity: 'word' }).segment(text), ({ segment }) => segment)
}
