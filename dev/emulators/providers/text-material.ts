import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type Language, languages, translateColour } from './colour-names.ts'
import { en, type Phrases } from './phrases/en.ts'
import { phrases } from './phrases.ts'
import { cutText, widthOf } from './text-width.ts'

/** What a text is asked to be made from. */
export interface Source {
  /** The brand analysis that came with the prompt, unchecked; undefined where none came. */
  readonly analysis: unknown
  readonly purpose: string | undefined
  /** A language tag (BCP 47). */
  readonly language: string | undefined
  readonly network: Network | undefined
  /** The facts and the brand that came with the prompt, unchecked. */
  readonly facts?: unknown
  readonly brand?: unknown
  /** Differs for another text from the same material: a variant's number, the text to be replaced. */
  readonly variant?: string | undefined
}

/** Where a post will appear, by the prompt. */
export interface Network {
  readonly name: string
  /** How long its caption should be, in characters. */
  readonly aim: number
  /** The most hashtags. */
  readonly hashtags: number
}

/** The parts of an analysis that are present and of the right type. */
const Analysis = z.object({
  subject: z.string().min(1).catch('An image of which no subject is given'),
  composition: z
    .object({
      layout: z.string().catch(''),
      focalPoint: z.string().catch(''),
      orientation: z.enum(['landscape', 'portrait', 'square']).catch('square'),
    })
    .catch({ layout: '', focalPoint: '', orientation: 'square' }),
  palette: z.array(z.object({ hex: z.string(), name: z.string().catch('grey') })).catch([]),
  typography: z
    .object({ style: z.string().catch(''), textSeen: z.array(z.string()).catch([]) })
    .catch({ style: '', textSeen: [] }),
  mood: z.array(z.string()).catch([]),
  audience: z.string().catch(''),
  brandSignals: z.array(z.string()).catch([]),
  suggestions: z.array(z.string()).catch([]),
})

const Facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).catch({})
const lines = z.array(z.string()).catch([])
const Brand = z
  .object({
    name: z.string().catch(''),
    voice: z.string().catch(''),
    formality: z.string().catch(''),
    preferredWords: lines,
    bannedWords: lines,
    do: lines,
    dont: lines,
  })
  .catch({ name: '', voice: '', formality: '', preferredWords: [], bannedWords: [], do: [], dont: [] })

/** What every format is written from, in the words of the text's language. */
export interface Material {
  readonly words: Phrases
  /** A phrase with its placeholders filled in; empty where one of them has no value. */
  readonly say: (phrase: string) => string
  /** A text as a sentence that has an end. */
  readonly sentence: (text: string) => string
  /** One of several phrases, the same each time for the same material. */
  readonly choose: (phrases: readonly string[]) => string
  /** The first of these that is neither empty nor has what the brand bans; that it is emulated where there is none. */
  readonly firstOf: (...texts: readonly string[]) => string
  /** Of some texts those that the brand does not ban, each once. */
  readonly allowed: (texts: readonly string[]) => string[]
  /**
   * Sentences of about so many characters: as many as there is room for, in their order, and the last one in any case.
   *
   * @param must those among them that others make room for, and that are cut if need be
   */
  readonly fill: (aim: number, sentences: readonly string[], last: string, must?: readonly string[]) => string
  readonly isFormal: boolean
  readonly network: Network
  readonly palette: readonly { readonly hex: string; readonly name: string }[]
  /** What the image shows, in English by the analysis; in another language what is measured. */
  readonly subject: string
  readonly moods: readonly string[]
  /** The lettering, line by line. */
  readonly lettering: readonly string[]
  /** What is told of: the product, else what is written large. */
  readonly topic: string
  readonly product: string
  readonly purpose: string
  /** The facts, one a line: `Price: 129.00 €`. */
  readonly details: readonly string[]
  readonly brand: z.infer<typeof Brand>
  /** What the analysis says of audience and improvements, in English alone. */
  readonly audience: string
  readonly advice: readonly string[]
  /** What is measured, as far as the analysis says it as the emulated Gemini does. */
  readonly is: Readonly<Record<'placed' | 'alone' | 'strong' | 'faint' | 'airy' | 'crowded' | 'unread', boolean>>
}

/** Reads the material of a text. Where its language is none of those known here, the text is in English and says so. */
export function materialOf({ purpose = '', language = 'en', network, ...source }: Source): Material {
  const read = Analysis.safeParse(source.analysis)
  const about = read.success ? read.data : Analysis.parse({})
  const tag = language.split('-')[0]?.toLowerCase()
  const known = languages.find((one) => one === tag)
  const to = known ?? 'en'
  const elsewhere = known ? '' : ` It is in English, not in ${language.slice(0, 35)}.`
  const words = { ...phrases[to], notice: phrases[to].notice + elsewhere, post: phrases[to].post + elsewhere }
  const facts = Facts.parse(source.facts)
  const brand = Brand.parse(source.brand)
  const listed = listing(to)
  const isBanned = banning(brand.bannedWords)

  const palette = about.palette.map(({ hex, name }) => ({ hex, name: translateColour(name, to) }))
  const names = [...new Set(palette.map(({ name }) => name))]
  const [main = translateColour('grey', to), ...others] = names
  const lettering = about.typography.textSeen
    .map((line) => cutText(line.trim(), 60))
    .filter((line) => line && !isBanned(line))
  const product = Object.hasOwn(facts, 'name') && typeof facts.name === 'string' ? facts.name : ''
  const topic = product || lettering[0] || brand.name
  const details = Object.entries(facts).flatMap(([name, value]) => {
    const label = capital((Object.hasOwn(words.labels, name) ? words.labels[name as 'price'] : undefined) ?? name)
    if (value === false || value === product) return []
    return value === true ? [label] : [`${label}: ${[value].flat().join(to === 'ja' ? '、' : ', ')}`]
  })
  const moods = about.mood.map((mood) => translated(mood, en.moods, words.moods))
  const place = en.places.find((one) => about.composition.focalPoint.endsWith(`, ${one}`))

  const quoted = (texts: readonly string[]) =>
    listed(texts.slice(0, 2).map((line) => words.quotes.replace('…', () => line)))

  const values: Record<string, string> = {
    purpose: ended(purpose, to),
    offer: purpose.replace(/[.。]$/, ''),
    main,
    Main: capital(main),
    hex: about.palette[0]?.hex ?? '',
    others: listed(others.slice(0, 2)),
    names: listed(names),
    colours: listed(palette.map(({ hex, name }) => `${name} ${hex}`)),
    feel: listed(moods),
    mood: moods[0] ?? '',
    place: place ? translated(place, en.places, words.places) : '',
    shape: words.shapes[about.composition.orientation],
    network: network && network.name !== en.network ? network.name : words.network,
    topic,
    details: details.join(to === 'ja' ? '、' : ', '),
    quotes: quoted(lettering),
    claims: quoted(lettering.filter((line) => !topic.toLowerCase().includes(line.toLowerCase()))),
    brand: brand.name,
    words: listed(brand.preferredWords.slice(0, 4)),
    voice: ended(brand.voice, to),
  }
  const say = (phrase: string) => {
    const isWhole = [...phrase.matchAll(/\{(\w+)\}/g)].every(([, name = '']) => values[name] !== '')
    return isWhole ? phrase.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole) : ''
  }
  const isEnglish = to === 'en'
  values.seen = say(others.length > 0 ? words.seen : words.seenAlone)
  const subject = isEnglish ? about.subject : values.seen
  if (isEnglish) values.seen = about.subject

  const seed = createHash('sha256')
    .update(JSON.stringify([about.subject, purpose, source.variant ?? '']))
    .digest()
  const allowed = (texts: readonly string[]) => [...new Set(texts)].filter((text) => text !== '' && !isBanned(text))
  const join = (sentences: readonly string[]) => sentences.filter(Boolean).join(to === 'ja' ? '' : ' ')
  const { layout } = about.composition
  return {
    words,
    say,
    sentence: (text) => ended(text, to),
    choose: (list) => list[(seed[0] ?? 0) % list.length] ?? '',
    firstOf: (...texts) => allowed(texts)[0] ?? words.notice,
    allowed,
    fill(aim, sentences, last, must = []) {
      const wanted = allowed(sentences)
      const most = Math.round(aim * 1.15)
      const room = most - widthOf(join([...must.map(() => ''), last])) - must.length
      const needed = allowed(must).map((sentence) => cutText(sentence, Math.floor(room / must.length)))
      const kept = new Set(wanted.filter((sentence) => must.includes(sentence)))
      const lengthWith = (sentence: string) =>
        widthOf(join([...wanted.filter((one) => one === sentence || kept.has(one)), last]))
      if (widthOf(join([...kept, last])) > most) return join([...needed, last])
      for (const sentence of wanted) if (lengthWith(sentence) <= aim) kept.add(sentence)
      return cutText(join([...wanted.filter((sentence) => kept.has(sentence)), last]), most)
    },
    isFormal: brand.formality === 'formal',
    network: network ?? { name: words.network, aim: 300, hashtags: 4 },
    palette,
    subject,
    moods,
    lettering,
    topic,
    product,
    purpose,
    details,
    brand,
    audience: isEnglish ? about.audience : say(words.audience),
    advice: isEnglish && about.suggestions.length > 0 ? about.suggestions : words.advice.map(say),
    is: {
      placed: place !== undefined,
      alone: others.length === 0,
      strong: about.mood.includes(en.moods[3]),
      faint: about.mood.includes(en.moods[5]),
      airy: layout.endsWith('with much room around it.'),
      crowded: layout.endsWith('fills most of it.'),
      unread: about.typography.style.includes('not read'),
    },
  }
}

/** Names one after the other, as the language does it. */
function listing(language: Language): (items: readonly string[]) => string {
  const format = new Intl.ListFormat(language === 'en' ? 'en-GB' : language, { type: 'conjunction' })
  return (items) => format.format(items)
}

function translated(text: string, from: readonly string[], to: readonly string[]): string {
  return to[from.indexOf(text)] ?? text
}

function banning(bannedWords: readonly string[]): (text: string) => boolean {
  const banned = bannedWords.map((word) => word.toLowerCase().replaceAll('*', '').trim()).filter(Boolean)
  return (text) => banned.some((word) => text.toLowerCase().includes(word))
}

export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** As a sentence that has an end. */
function ended(text: string, language: Language): string {
  if (text === '' || /[.!?…。！？]$/.test(text)) return text
  return text + (language === 'ja' ? '。' : '.')
}
