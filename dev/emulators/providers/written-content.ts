import * as z from 'zod'
import type { Content, OutputFormat } from '../../../core/pipeline/formats.ts'
import { type Language, languages, translateColour } from './colour-names.ts'
import { moods, phrases } from './phrases.ts'

/** The material of a text. */
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
}

/** Where a post will appear, by the prompt. */
export interface Network {
  readonly name: string
  /** How long its caption should be, in characters. */
  readonly aim: number
  /** The most hashtags. */
  readonly hashtags: number
}

/** The content of a text, before it is fitted to a schema. */
export interface Draft {
  readonly draft: Readonly<Record<string, unknown>>
  /** A text for a property that the draft does not have. */
  readonly fallback: (property: string) => string
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
  typography: z.object({ style: z.string().catch('') }).catch({ style: '' }),
  mood: z.array(z.string()).catch([]),
  style: z.array(z.string()).catch([]),
  audience: z.string().catch(''),
  brandSignals: z.array(z.string()).catch([]),
  suggestions: z.array(z.string()).catch([]),
})
type Analysis = z.infer<typeof Analysis>

const Facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).catch({})
const Brand = z
  .object({
    name: z.string().catch(''),
    preferredWords: z.array(z.string()).catch([]),
    bannedWords: z.array(z.string()).catch([]),
  })
  .catch({ name: '', preferredWords: [], bannedWords: [] })

/**
 * Drafts the text of a format from an analysis: the words are plain and the facts all come from the analysis and the
 * purpose. An unknown format gets the properties of all the known ones, to be picked by name. Where the language is none
 * of those that are known here, the text is in English and says so.
 */
export function draftContent(source: Source, format: string | undefined): Draft {
  if (source.analysis === undefined) {
    const lack = 'No analysis was given to write from'
    const draft = { note: lack, hashtags: ['#Emulated'], colours: [{ hex: '#808080' }] }
    return { draft, fallback: (property) => `${lack} (${property})` }
  }
  const read = Analysis.safeParse(source.analysis)
  const material = materialOf(read.success ? read.data : Analysis.parse({}), source)
  const write = Object.hasOwn(writers, format ?? '') ? writers[format as OutputFormat] : undefined
  const draft = write ? write(material) : Object.assign({}, ...Object.values(writers).map((writer) => writer(material)))
  return { draft, fallback: (property) => `${material.notice} ${property}: ${material.subject}` }
}

/** What every format is written from, in the words of the text's language. */
interface Material {
  readonly palette: Analysis['palette']
  readonly moods: readonly string[]
  readonly styles: readonly string[]
  readonly network: Network
  readonly notice: string
  readonly subject: string
  /** What the analysis says in English of composition, lettering and audience; in another language what is measured. */
  readonly composition: string
  readonly lettering: string
  readonly audience: string
  readonly advice: readonly string[]
  /** The product's name, where it is a fact. */
  readonly product: string | undefined
  /** The facts, one a line: `Price: 129.00 €`. */
  readonly details: readonly string[]
  /** Sentences on the product, its facts and the brand, as far as there are any. */
  readonly told: { readonly product: string; readonly details: string; readonly brand: string }
  readonly preferredWords: readonly string[]
  readonly signals: readonly string[]
  /** A phrase with its placeholders filled in. */
  readonly say: (phrase: string) => string
  readonly words: (typeof phrases)[Language]
  /** Sentences one after the other. */
  readonly join: (...sentences: readonly string[]) => string
  /** Whether the brand wants none of it. */
  readonly isBanned: (text: string) => boolean
  /** There is no colour but one. */
  readonly alone: boolean
}

function materialOf(about: Analysis, { purpose = '', language = 'en', network, ...source }: Source): Material {
  const tag = language.split('-')[0]?.toLowerCase()
  const known = languages.find((one) => one === tag)
  const to = known ?? 'en'
  const words = phrases[to]
  const facts = Facts.parse(source.facts)
  const brand = Brand.parse(source.brand)
  const palette = about.palette.map(({ hex, name }) => ({ hex, name: translateColour(name, to) }))
  const translated = about.mood.map((mood) => words.moods[moods.indexOf(mood as never)] ?? mood)
  const [main = { hex: '#808080', name: translateColour('grey', to) }, ...others] = palette
  const comma = to === 'ja' ? '、' : ', '
  const product = Object.hasOwn(facts, 'name') && typeof facts.name === 'string' ? facts.name : undefined
  const details = Object.entries(facts).flatMap(([name, value]) => {
    const label = capital((Object.hasOwn(words.labels, name) ? words.labels[name as 'price'] : undefined) ?? name)
    if (value === false || value === product) return []
    return value === true ? [label] : [`${label}: ${[value].flat().join(comma)}`]
  })
  const values: Record<string, string> = {
    purpose: purpose || '–',
    main: main.name,
    Main: capital(main.name),
    hex: main.hex,
    others: [...new Set(others.map(({ name }) => name))].filter((name) => name !== main.name).join(comma) || main.name,
    colours: palette.map(({ hex, name }) => `${name} ${hex}`).join(comma) || main.name,
    feel: translated.join(comma) || '–',
    shape: words.shapes[about.composition.orientation],
    network: network && network.name !== phrases.en.network ? network.name : words.network,
    product: product ?? '',
    details: details.join(comma),
    brand: brand.name,
    words: brand.preferredWords.slice(0, 4).join(comma),
  }
  const say = (phrase: string) => phrase.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
  const isEnglish = to === 'en'
  values.subject = isEnglish ? about.subject : say(others.length > 0 ? words.subject : words.subjectAlone)
  const elsewhere = known ? '' : ` It is in English, not in ${language.slice(0, 35)}.`
  return {
    palette,
    moods: translated,
    styles: isEnglish ? about.style : [],
    network: network ?? { name: words.network, aim: 300, hashtags: 4 },
    notice: words.notice + elsewhere,
    subject: values.subject,
    composition: isEnglish
      ? `${about.composition.layout} Focal point: ${about.composition.focalPoint}.`
      : values.subject,
    lettering: isEnglish ? about.typography.style : words.letteringUnread,
    audience: isEnglish ? about.audience : say(words.audience),
    advice: isEnglish && about.suggestions.length > 0 ? about.suggestions : words.advice.map(say),
    product,
    details,
    told: {
      product: product ? say(words.meet) : '',
      details: details.length > 0 ? say(words.details) : '',
      brand: brand.name && brand.preferredWords.length > 0 ? say(words.brand) : '',
    },
    preferredWords: brand.preferredWords,
    signals: isEnglish ? about.brandSignals : [],
    say,
    words: { ...words, post: words.post + elsewhere },
    join: (...sentences) => sentences.filter(Boolean).join(to === 'ja' ? '' : ' '),
    isBanned: (text) =>
      brand.bannedWords.some((word) => text.toLowerCase().includes(word.toLowerCase().replace('*', ''))),
    alone: others.length === 0,
  }
}

/** How long a text should be, in characters: what the pipeline's formats aim at. */
const aims = { phrase: 60, sentence: 200, paragraph: 600, summary: 350, altText: 100 }

const writers: { readonly [F in OutputFormat]: (material: Material) => Content<F> } = {
  detailed_analysis: (about) => {
    const { say, words, told } = about
    return {
      title: cut(say(words.title), aims.phrase),
      overview: fill(about, aims.paragraph, [
        [about.notice, told.product, told.details, ended(say(words.purpose)), about.subject],
        [say(words.colours), say(words.feel), told.brand],
      ]),
      sections: [
        { heading: words.composition, body: about.composition },
        { heading: words.colour, body: fill(about, aims.paragraph, [[say(words.colours)], about.signals]) },
        { heading: words.lettering, body: about.lettering },
        { heading: words.effect, body: fill(about, aims.paragraph, [[say(words.feel), about.audience]]) },
      ],
      strengths: [say(words.clear), say(words.coherent)].map(short),
      weaknesses: [short(say(words.open))],
      recommendations: about.advice.map(short),
    }
  },
  summary: (about) => {
    const { say, words, told } = about
    return {
      headline: cut(say(words.title), aims.phrase),
      summary: fill(about, aims.summary, [
        [about.notice, about.subject, told.product],
        [say(words.feel), told.brand, say(words.colours)],
      ]),
      keyPoints: [say(words.purpose), ...about.details.slice(0, 3), say(words.clear), ...about.advice]
        .slice(0, 6)
        .map(short),
    }
  },
  social_post: (about) => {
    const { say, words, told, network } = about
    const asks = conversational.has(network.name) ? words.question : ''
    return {
      caption: fill(about, network.aim, [
        [say(words.post), told.product, told.details, ended(say(words.about))],
        [asks, about.subject, told.brand, say(words.feel), about.audience, say(words.coherent), ...about.advice],
        [say(words.clear), say(words.colours)],
      ]),
      hashtags: [
        ...new Set([...about.palette.map(({ name }) => name), ...about.moods, ...about.styles].map(hashtag)),
      ].slice(0, network.hashtags),
      callToAction: words.action,
    }
  },
  product_description: (about) => {
    const { say, words, told, details } = about
    return {
      name: cut(about.product ?? say(words.name), aims.phrase),
      tagline: say(words.tagline),
      description: fill(about, aims.paragraph, [
        [about.notice, told.product, ended(say(words.about)), about.subject],
        // Eight features are taken.
        [details.length > 6 ? told.details : '', told.brand, say(words.feel), about.audience],
      ]),
      features: [...details.slice(0, 6), say(words.colours), say(words.clear), ...about.signals].slice(0, 8).map(short),
      searchKeywords: [
        ...(about.product ? [about.product] : []),
        ...[...about.palette.map(({ name }) => name), ...about.moods, ...about.styles].map((word) =>
          cut(word, aims.phrase),
        ),
      ],
    }
  },
  alt_text: (about) => {
    const { say, words, notice } = about
    return {
      imageRole: 'informative',
      altText: cut(about.product ?? say(about.alone ? words.altAlone : words.alt), aims.altText),
      longDescription: fill(about, aims.paragraph, [
        [notice, about.subject, say(words.feel), ended(say(words.purpose))],
        [about.composition === about.subject ? '' : about.composition, say(words.colours)],
      ]),
    }
  },
  brand_guidelines: (about) => {
    const { say, words, notice } = about
    return {
      summary: fill(about, aims.sentence, [[cut(say(words.observed), 130), notice, ended(say(words.purpose))]]),
      dos: [...words.dos.map(say), ...about.advice].map(short),
      donts: words.donts.map(say).map(short),
      colours: about.palette.map(({ hex, name }, index) => ({ hex, name, role: roles[index] ?? 'accent' })),
      typography: about.lettering,
      tone: { voice: say(words.voice), words: [...about.preferredWords, ...about.moods, ...about.styles] },
    }
  },
}

const roles = ['primary', 'secondary', 'accent', 'background', 'text'] as const
/** Networks where a question is at home. */
const conversational = new Set(['Facebook', 'Threads', 'TikTok'])

/**
 * Sentences of about so many characters: the first group in any case, and of the others as many as there is room for. Every
 * group but the first does without what the brand has banned.
 */
function fill(
  { join, isBanned }: Material,
  aim: number,
  [must = [], ...groups]: readonly (readonly string[])[],
): string {
  const kept = [...must]
  for (const sentence of groups.flat()) {
    if (sentence && !isBanned(sentence) && widthOf(join(...kept, sentence)) <= aim) kept.push(sentence)
  }
  return cut(join(...kept), Math.round(aim * 1.15))
}

/** How long a text is: a sign of Japanese says as much as two letters, and some networks count it so. */
const widthOf = (text: string) => text.length + (text.match(/[\u3000-\u9fff\uff00-\uffef]/g)?.length ?? 0)

/** A text of so many characters at most, cut at a word. */
function cut(text: string, most: number): string {
  if (widthOf(text) <= most) return text
  let end = Math.min(text.length, most - 1)
  while (widthOf(text.slice(0, end)) >= most) end -= 1
  const whole = text.slice(0, end).replace(/[\uD800-\uDBFF]$/, '')
  const atWord = whole.replace(/\s+\S*$/, '')
  return `${atWord.length > whole.length / 2 ? atWord : whole}…`
}

const short = (text: string) => cut(text, aims.sentence)

const hashtag = (text: string) =>
  `#${(text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).map(capital).join('').slice(0, 40) || 'Emulated'}`

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** As a sentence that has an end. */
const ended = (text: string) => (/[.!?…。！？]$/.test(text) ? text : `${text}.`)
