/** The script in which a language is written; Latin where it is not named. */
const scripts: Readonly<Record<string, RegExp>> = {
  ja: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu,
  zh: /\p{Script=Han}/gu,
  ko: /\p{Script=Hangul}/gu,
  hi: /\p{Script=Devanagari}/gu,
  th: /\p{Script=Thai}/gu,
  ar: /\p{Script=Arabic}/gu,
  he: /\p{Script=Hebrew}/gu,
  el: /\p{Script=Greek}/gu,
  ru: /\p{Script=Cyrillic}/gu,
}

/** The commonest words that mark a language that is written in Latin script. */
const words: Readonly<Record<string, string>> = {
  en: 'the and of with a is to in for on its',
  de: 'der die das und mit ein eine ist auf für nicht im',
  fr: 'le la les et des une un avec pour dans est du',
  es: 'el la los las y con una un para en del que',
  it: 'il la le e con una un per in del che di',
  pt: 'o a os as e com uma um para em do da que',
  nl: 'de het een en met voor van op is in',
  sv: 'och att det en ett med för på är som av',
  pl: 'i w na z do się jest dla od nie',
  tr: 've bir için ile bu da de çok',
}

/**
 * Whether a text is in a language, as far as scripts and common words show; texts in Latin script are distinguished by which of
 * the lists has most of their words.
 *
 * @param tag BCP 47
 */
export function isIn(text: string, tag: string): boolean {
  const language = new Intl.Locale(tag).language
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  if (letters === 0) return false
  const script = scripts[language]
  // Names and brands may stay as they are.
  if (script) return (text.match(script)?.length ?? 0) / letters > (language === 'ja' ? 0.2 : 0.5)
  const all = text.toLowerCase().match(/\p{L}+/gu) ?? []
  const counts = Object.entries(words).map(([name, list]) => {
    const known = new Set(list.split(' '))
    return { name, count: all.filter((word) => known.has(word)).length }
  })
  const most = Math.max(...counts.map(({ count }) => count))
  return most > 0 && counts.some(({ name, count }) => name === language && count === most)
}
