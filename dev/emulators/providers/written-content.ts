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
  readonly signals: readonly string[]
  /** A phrase with its placeholders filled in. */
  readonly say: (phrase: string) => string
  readonly words: (typeof phrases)[Language]
  /** Sentences one after the other. */
  readonly join: (...sentences: readonly string[]) => string
}

function materialOf(about: Analysis, { purpose = '', language = 'en', network }: Source): Material {
  const tag = language.split('-')[0]?.toLowerCase()
  const known = languages.find((one) => one === tag)
  const to = known ?? 'en'
  const words = phrases[to]
  const palette = about.palette.map(({ hex, name }) => ({ hex, name: translateColour(name, to) }))
  const translated = about.mood.map((mood) => words.moods[moods.indexOf(mood as never)] ?? mood)
  const [main = { hex: '#808080', name: translateColour('grey', to) }, ...others] = palette
  const comma = to === 'ja' ? '、' : ', '
  const values: Record<string, string> = {
    purpose: purpose || '–',
    main: main.name,
    Main: capital(main.name),
    hex: main.hex,
    others: others.map(({ name }) => name).join(comma),
    colours: palette.map(({ hex, name }) => `${name} ${hex}`).join(comma) || main.name,
    feel: translated.join(comma) || '–',
    shape: words.shapes[about.composition.orientation],
    network: network?.name ?? words.network,
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
    signals: isEnglish ? about.brandSignals : [],
    say,
    words: { ...words, post: words.post + elsewhere },
    join: (...sentences) => sentences.filter(Boolean).join(to === 'ja' ? '' : ' '),
  }
}

const writers: { readonly [F in OutputFormat]: (material: Material) => Content<F> } = {
  detailed_analysis: ({ say, words, join, notice, ...about }) => ({
    title: say(words.title),
    overview: join(notice, about.subject, say(words.colours), say(words.feel), ended(say(words.purpose))),
    sections: [
      { heading: words.composition, body: about.composition },
      { heading: words.colour, body: join(say(words.colours), ...about.signals) },
      { heading: words.lettering, body: about.lettering },
      { heading: words.effect, body: join(say(words.feel), about.audience) },
    ],
    strengths: [say(words.clear), say(words.coherent)],
    weaknesses: [say(words.open)],
    recommendations: [...about.advice],
  }),
  summary: ({ say, words, join, notice, ...about }) => ({
    headline: say(words.title),
    summary: join(notice, about.subject, say(words.feel), say(words.colours)),
    keyPoints: [say(words.purpose), say(words.clear), ...about.advice].slice(0, 6),
  }),
  social_post: ({ say, words, join, network, ...about }) => ({
    caption: caption(network, join, [
      say(words.post),
      ended(say('{purpose}')),
      ...(conversational.has(network.name) ? [words.question] : []),
      about.subject,
      say(words.feel),
      ...about.advice,
    ]),
    hashtags: [
      ...new Set([...about.palette.map(({ name }) => name), ...about.moods, ...about.styles].map(hashtag)),
    ].slice(0, network.hashtags),
    callToAction: words.action,
  }),
  product_description: ({ say, words, join, notice, ...about }) => ({
    name: say(words.name),
    tagline: say(words.tagline),
    description: join(ended(say('{purpose}')), about.subject, say(words.feel), about.audience, notice),
    features: [say(words.colours), say(words.clear), ...about.signals],
    searchKeywords: [...about.palette.map(({ name }) => name), ...about.moods, ...about.styles],
  }),
  alt_text: ({ say, words, join, notice, ...about }) => ({
    imageRole: 'informative',
    altText: about.subject,
    longDescription: join(
      about.subject,
      about.composition,
      say(words.colours),
      say(words.feel),
      ended(say(words.purpose)),
      notice,
    ),
  }),
  brand_guidelines: ({ say, words, join, notice, ...about }) => ({
    summary: join(say(words.observed), ended(say(words.purpose)), notice),
    dos: [...words.dos.map(say), ...about.advice],
    donts: words.donts.map(say),
    colours: about.palette.map(({ hex, name }, index) => ({ hex, name, role: roles[index] ?? 'accent' })),
    typography: about.lettering,
    tone: { voice: say(words.voice), words: [...about.moods, ...about.styles] },
  }),
}

const roles = ['primary', 'secondary', 'accent', 'background', 'text'] as const
/** Networks where a question is at home. */
const conversational = new Set(['Facebook', 'Threads', 'TikTok'])

/** As many of the sentences as a caption of the network's length takes: what it is and what it is about in any case. */
function caption({ aim }: Network, join: Material['join'], sentences: readonly string[]): string {
  const kept = sentences.filter((_, index) => index < 3 || join(...sentences.slice(0, index + 1)).length <= aim)
  return join(...kept)
}

const hashtag = (text: string) =>
  `#${(text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).map(capital).join('').slice(0, 40) || 'Emulated'}`

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** As a sentence that has an end. */
const ended = (text: string) => (/[.!?…。！？]$/.test(text) ? text : `${text}.`)
