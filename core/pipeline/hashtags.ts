/**
 * Normalises hashtags to what platforms link: NFC, with `#`, spaces and hyphens removed by joining, other signs, at which a
 * platform would end them, dropped; digits alone are none, and duplicates are removed.
 *
 * @param value a list, or one text with several
 */
export function mendHashtags(value: unknown): string[] {
  const given = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
  const tags: string[] = []
  const seen = new Set<string>()
  for (const tag of given.flatMap(separate)) {
    const mended = mendHashtag(tag)
    // Compared as on platforms: regardless of case and width.
    const key = mended?.normalize('NFKC').toLowerCase()
    if (mended === undefined || key === undefined || seen.has(key)) continue
    seen.add(key)
    tags.push(mended)
  }
  return tags
}

/** `#one #two` and `one, two` are two; `spring sale` is one. */
function separate(text: string): string[] {
  return text.split(/[#＃﹟,;，、\n]/u)
}

function mendHashtag(text: string): string | undefined {
  const body = joiners(
    text.normalize('NFC').replaceAll(/(?!\u200c|\u200d|\ufe0f)[^\p{XID_Continue}\p{Extended_Pictographic}]/gu, ''),
  )
  if (body === '' || /^[\p{N}_]+$/u.test(body) || body.length >= 100) return undefined
  return `#${body}`
}

/** The viramas of the scripts of India and its neighbours: canonical combining class 9. */
const virama =
  '\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d3b\\u0d3c\\u0d4d\\u0dca\\u0f84\\u1039\\u103a\\u1714\\u17d2\\u1a60\\u1b44'
const joining = '\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Mongolian}\\p{Script=Nko}\\p{Script=Thaana}'
/** UAX 31, section 2.3.1, A1, A2 and B: where the two joiners are visible. Also within emoji. */
const meaningful = new RegExp(
  [
    `(?<=[${joining}]\\p{M}*)\\u200c(?=\\p{M}*[${joining}])`,
    `(?<=\\p{L}\\p{M}*[${virama}]\\p{M}*)[\\u200c\\u200d](?=\\p{L}|$)`,
    `(?<=\\p{Extended_Pictographic}[\\ufe0f\\p{Emoji_Modifier}]*)\\u200d(?=\\p{Extended_Pictographic})`,
  ].join('|'),
  'gu',
)

/** Removes invisible joiners: two tags must not differ in those alone. */
function joiners(text: string): string {
  const kept = new Set([...text.matchAll(meaningful)].map(({ index }) => index))
  return [...text.matchAll(/[\s\S]/gu)]
    .filter(({ 0: character, index }) => !/[\u200c\u200d]/.test(character) || kept.has(index))
    .map(([character]) => character)
    .join('')
}
