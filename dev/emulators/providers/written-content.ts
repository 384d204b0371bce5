import * as z from 'zod'
import type { Content, OutputFormat } from '../../../core/pipeline/formats.ts'

/** What a text is written from. */
export interface Source {
  /** The brand analysis that came with the prompt, unchecked; undefined where none came. */
  readonly analysis: unknown
  readonly purpose: string | undefined
  /** A language tag (BCP 47). */
  readonly language: string | undefined
}

/** What a text says, before it is fitted to a schema. */
export interface Draft {
  readonly draft: Readonly<Record<string, unknown>>
  /** A text for a property that the draft does not have. */
  readonly fallback: (property: string) => string
}

/** What is read of an analysis: whatever part of it is there and of the right type. */
const Analysis = z.object({
  subject: z.string().min(1).catch('An image of which no subject is given'),
  composition: z
    .object({ layout: z.string().catch(''), focalPoint: z.string().catch(''), orientation: z.string().catch('') })
    .catch({ layout: '', focalPoint: '', orientation: '' }),
  palette: z
    .array(z.object({ hex: z.string(), name: z.string().catch('a colour'), share: z.number().catch(0) }))
    .catch([]),
  typography: z.object({ style: z.string().catch('') }).catch({ style: '' }),
  mood: z.array(z.string()).catch([]),
  style: z.array(z.string()).catch([]),
  audience: z.string().catch(''),
  brandSignals: z.array(z.string()).catch([]),
  suggestions: z.array(z.string()).catch([]),
})

/** What every format is written from, in the words it uses. */
interface Material extends z.infer<typeof Analysis> {
  readonly purpose: string
  /** `navy #101c58, orange #ff8c00` */
  readonly colours: string
  readonly main: { readonly hex: string; readonly name: string }
  readonly feel: string
  /** Goes before the longest text where another language than English was asked for. */
  readonly notice: string
}

/**
 * Drafts the text of a format from an analysis: the words are plain and the facts all come from the analysis and the
 * purpose. An unknown format gets the properties of all the known ones, to be picked by name.
 */
export function draftContent({ analysis, purpose, language }: Source, format: string | undefined): Draft {
  if (analysis === undefined) {
    const lack = 'No analysis was given to write from'
    return { draft: { note: lack }, fallback: (property) => `${lack} (${property})` }
  }
  const read = Analysis.safeParse(analysis)
  const known = read.success ? read.data : Analysis.parse({})
  const material: Material = {
    ...known,
    purpose: purpose ?? 'no stated purpose',
    colours: known.palette.map(({ hex, name }) => `${name} ${hex}`).join(', ') || 'no colours named',
    main: known.palette[0] ?? { hex: '#808080', name: 'grey' },
    feel: known.mood.join(', ') || 'no mood named',
    notice:
      !language || /^en\b/i.test(language)
        ? ''
        : `[emulated, written in English: ${language.slice(0, 35)} was asked for] `,
  }
  const write = Object.hasOwn(writers, format ?? '') ? writers[format as OutputFormat] : undefined
  const draft = write ? write(material) : Object.assign({}, ...Object.values(writers).map((writer) => writer(material)))
  return { draft, fallback: (property) => `${material.notice}${property}: ${material.subject}` }
}

const writers: { readonly [F in OutputFormat]: (material: Material) => Content<F> } = {
  detailed_analysis: ({ notice, ...about }) => ({
    title: `${capital(about.main.name)} first: an analysis for ${about.purpose}`,
    overview: `${notice}${about.subject} The colours are ${about.colours}. The mood is ${about.feel}. The purpose: ${about.purpose}.`,
    sections: [
      { heading: 'Composition', body: `${about.composition.layout} Focal point: ${about.composition.focalPoint}.` },
      { heading: 'Colour', body: `${capital(about.colours)}. ${about.brandSignals.map(capital).join(' ')}` },
      { heading: 'Lettering', body: about.typography.style },
      { heading: 'Mood and audience', body: `Mood: ${about.feel}. ${about.audience}` },
    ],
    strengths: [
      `${capital(about.main.name)} (${about.main.hex}) gives the image one clear lead.`,
      `The style holds together: ${about.style.join(', ')}.`,
    ],
    weaknesses: [`For ${about.purpose}, ${about.suggestions.length} points are still open: see the recommendations.`],
    recommendations: about.suggestions,
  }),
  summary: ({ notice, ...about }) => ({
    headline: `${capital(about.main.name)} leads, for ${about.purpose}`,
    summary: `${notice}${about.subject} Mood: ${about.feel}. Colours: ${about.colours}.`,
    keyPoints: [`Purpose: ${about.purpose}`, `Colours: ${about.colours}`, ...about.suggestions].slice(0, 6),
  }),
  social_post: ({ notice, ...about }) => ({
    caption: `${notice}${about.subject} Made for ${about.purpose}: ${about.feel}, in ${about.colours}.`,
    hashtags: [about.main.name, ...about.mood, ...about.style].map(hashtag).slice(0, 5),
    callToAction: `See what ${about.main.name} does for ${about.purpose}.`,
  }),
  product_description: ({ notice, ...about }) => ({
    name: `The ${about.main.name} one`,
    tagline: `${capital(about.feel)}, for ${about.purpose}`,
    description: `${notice}${about.subject} It comes in ${about.colours} and feels ${about.feel}. ${about.audience}`,
    features: [
      `Colours: ${about.colours}`,
      ...about.brandSignals.map(capital),
      ...about.style.map((style) => `Style: ${style}`),
    ],
    searchKeywords: [...about.palette.map(({ name }) => name), ...about.mood, ...about.style],
  }),
  alt_text: ({ notice, ...about }) => ({
    imageRole: 'informative',
    altText: `Mostly ${about.palette.map(({ name }) => name).join(', then ') || about.subject}; mood: ${about.feel}`,
    longDescription: `${notice}${about.subject} ${about.composition.layout} Colours: ${about.colours}. Mood: ${about.feel}. Described for: ${about.purpose}.`,
  }),
  brand_guidelines: ({ notice, ...about }) => ({
    summary: `${notice}Observed in this image: ${about.subject} Guidelines for ${about.purpose}.`,
    dos: [`Let ${about.main.name} (${about.main.hex}) lead.`, `Keep the mood: ${about.feel}.`, ...about.suggestions],
    donts: [`Colours other than ${about.colours}.`, `Whatever breaks the mood: ${about.feel}.`],
    colours: about.palette.map(({ hex, name }, index) => ({ hex, name, role: roles[index] ?? 'accent' })),
    typography: about.typography.style,
    tone: { voice: `${capital(about.feel)}. ${about.audience}`, words: [...about.mood, ...about.style] },
  }),
}

const roles = ['primary', 'secondary', 'accent', 'background', 'text'] as const

const hashtag = (text: string) =>
  `#${(text.match(/[\p{L}\p{N}]+/gu) ?? []).map(capital).join('').slice(0, 40) || 'Emulated'}`

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
