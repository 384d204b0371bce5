/**
 * Cuts a text to a number of UTF-16 units, as zod and MySQL drivers count: after a sentence if that keeps most of it,
 * otherwise after a word, with an ellipsis. Words are segmented by language, so that Japanese and Thai, which write no
 * spaces, are cut at words too; a character is never split.
 *
 * @param language a BCP 47 tag
 */
export function clipText(text: string, max: number, language: string): string {
  if (text.length <= max) return text
  // Text further than a word beyond the limit cannot move a boundary before it.
  const near = text.slice(0, max + 100)
  const sentences = lastBoundary(near, max, language, 'sentence').trimEnd()
  // Some languages end sentences with other signs; a sentence without one was cut, not found.
  if (sentences.length >= max * 0.6 && /\p{Sentence_Terminal}["”’»」』)\]]*$/u.test(sentences)) return sentences
  const room = Math.max(0, max - 1)
  const words = lastBoundary(near, room, language, 'word').replace(/[\s\p{Pd}\p{Ps}\p{Pi},;:、，؛،]+$/u, '')
  const cut = words.length >= room / 2 ? words : lastBoundary(near, room, language, 'grapheme').trimEnd()
  return `${cut}…`.slice(0, max)
}

/** The beginning of the text up to the last boundary that is not beyond `max`. */
function lastBoundary(
  text: string,
  max: number,
  language: string,
  granularity: 'sentence' | 'word' | 'grapheme',
): string {
  let end = 0
  for (const { index, segment } of new Intl.Segmenter(language, { granularity }).segment(text)) {
    if (index + segment.length > max) break
    end = index + segment.length
  }
  return text.slice(0, end)
}
