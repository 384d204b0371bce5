import type { Content, OutputFormat } from '../../../core/pipeline/formats.ts'
import { capital, type Material, materialOf, type Source } from './text-material.ts'
import { cutText, widthOf } from './text-width.ts'

/** The content of a text, before it is fitted to a schema. */
export interface Draft {
  readonly draft: Readonly<Record<string, unknown>>
  /** A text for a property that the draft does not have. */
  readonly fallback: (property: string) => string
}

/**
 * Drafts the text of a format: its words are plain, what it says comes from the analysis, the purpose, the facts and the brand,
 * and it says that it is emulated. The same material gives the same text. An unknown format gets the properties of all the
 * known ones, to be picked by name.
 */
export function draftContent(source: Source, format: string | undefined): Draft {
  if (source.analysis === undefined) {
    const lack = 'No analysis was given to write from'
    const draft = { note: lack, hashtags: ['#Emulated'], colours: [{ hex: '#808080' }] }
    return { draft, fallback: (property) => `${lack} (${property})` }
  }
  const material = materialOf(source)
  const write = Object.hasOwn(writers, format ?? '') ? writers[format as OutputFormat] : undefined
  const draft = write ? write(material) : Object.assign({}, ...Object.values(writers).map((writer) => writer(material)))
  return { draft, fallback: (property) => `${material.words.notice} ${property}: ${material.subject}` }
}

/** How long a text should be, in characters: what the pipeline's formats aim at. */
const aims = { phrase: 60, sentence: 200, paragraph: 600, summary: 350, altText: 100 }

const writers: { readonly [F in OutputFormat]: (material: Material) => Content<F> } = {
  detailed_analysis: (about) => {
    const { say, words, fill, allowed, firstOf, is } = about
    const feel = say(words.feel)
    return {
      title: phrase(firstOf(say(words.title), say(words.headline), say(words.name))),
      overview: fill(
        aims.paragraph,
        [
          about.subject,
          say(words.occasion),
          standing(about),
          reading(about),
          feel,
          say(words.details),
          say(words.brand),
        ],
        words.notice,
      ),
      sections: [
        section(about, words.composition, [about.subject, standing(about), is.airy ? words.airy : '']),
        section(about, words.colour, [say(words.colours), say(words.lead)]),
        section(about, words.lettering, [reading(about)]),
        section(about, words.effect, [feel, about.audience]),
      ],
      strengths: some(about, [
        is.strong ? words.strong : '',
        is.airy ? words.airy : '',
        say(words.legible),
        say(words.lead),
        say(words.coherent),
      ]),
      weaknesses: some(about, [
        is.faint ? words.faint : '',
        is.crowded ? words.crowded : '',
        about.lettering.length === 0 ? say(words.mute) : '',
        say(words.small),
      ]),
      recommendations: allowed(about.advice).map(short),
    }
  },
  summary: (about) => {
    const { say, words, fill, firstOf, allowed } = about
    return {
      headline: phrase(firstOf(say(words.headline), say(words.title), say(words.name))),
      summary: fill(aims.summary, [about.subject, say(words.occasion), reading(about), say(words.feel)], words.notice),
      keyPoints: allowed([
        say(words.occasion),
        ...about.details.slice(0, 3),
        say(words.lead),
        standing(about),
        reading(about),
        ...about.advice,
      ])
        .slice(0, 6)
        .map(short),
    }
  },
  social_post: (about) => {
    const { say, words, fill, choose, network, isFormal } = about
    const manner = isFormal ? 'formal' : 'informal'
    const asks = conversational.has(network.name) ? words.questions[manner] : ''
    return {
      caption: fill(
        network.aim,
        [
          hook(about),
          say(words.occasion),
          say(words.details),
          asks,
          say(words.own),
          dress(about),
          say(words.brand),
          about.sentence(choose(words.taglines.map(say))),
          say(words.suits),
          say(words.feel),
          about.audience,
          say(words.coherent),
        ],
        say(words.post),
        [say(words.occasion), say(words.details)],
      ),
      hashtags: about
        .allowed([about.brand.name, about.topic, ...about.palette.map(({ name }) => name), ...about.moods, 'Emulated'])
        .map(hashtag)
        .filter((tag, index, all) => all.indexOf(tag) === index)
        .slice(0, network.hashtags),
      callToAction: about.firstOf(choose(words.actions[manner]), ...words.actions[manner]),
    }
  },
  product_description: (about) => {
    const { say, words, fill, choose, details, allowed } = about
    return {
      name: phrase(about.firstOf(about.product, about.lettering.slice(0, 2).join(' '), say(words.name))),
      tagline: about.firstOf(choose(words.taglines.map(say)), ...words.taglines.map(say)),
      description: fill(
        aims.paragraph,
        [
          hook(about),
          say(words.occasion),
          // Six features are facts.
          details.length > 6 ? say(words.details) : '',
          say(words.own),
          dress(about),
          say(words.brand),
          say(words.suits),
          say(words.feel),
        ],
        words.notice,
        [say(words.occasion), details.length > 6 ? say(words.details) : ''],
      ),
      features: some(about, [...details.slice(0, 6), dress(about), say(words.lead)]),
      searchKeywords: allowed([
        ...(about.product ? [about.product] : about.lettering.slice(0, 2)),
        about.brand.name,
        ...about.palette.map(({ name }) => name),
        ...about.moods,
      ]).map(phrase),
    }
  },
  alt_text: (about) => {
    const { say, words, fill } = about
    // Three lines of lettering and more are a message.
    const isText = about.lettering.length > 2 && !about.product
    const adorns = /decorat|ornament|dekorativ|schmückt|décorati|装飾/i.test(about.purpose)
    return {
      imageRole: adorns ? 'decorative' : isText ? 'text' : 'informative',
      altText: adorns ? '' : altText(about, isText),
      longDescription: fill(
        aims.paragraph,
        [about.subject, standing(about), reading(about), say(words.colours), say(words.feel), say(words.occasion)],
        words.notice,
      ),
    }
  },
  brand_guidelines: (about) => {
    const { say, words, fill, brand } = about
    return {
      summary: fill(aims.sentence, [cutText(say(words.observed), 150), say(words.occasion)], words.notice),
      dos: some(about, [...brand.do.slice(0, 3), ...words.dos.map(say), say(words.keepLettering), ...about.advice]),
      donts: [...brand.dont.slice(0, 3), ...words.donts.map(say)].filter(Boolean).map(short),
      colours: about.palette.map(({ hex, name }, index) => ({ hex, name, role: roles[index] ?? 'accent' })),
      typography: short(reading(about)),
      tone: {
        voice: short(about.firstOf(say(words.ownVoice), say(words.voice))),
        words: about.allowed([...brand.preferredWords, ...about.moods]),
      },
    }
  },
}

const roles = ['primary', 'secondary', 'accent', 'background', 'text'] as const
/** Networks where a question is at home. */
const conversational = new Set(['Facebook', 'Threads', 'TikTok'])

function hook({ topic, choose, allowed, say, words }: Material): string {
  const hooks = (topic ? words.hooks : words.hooksAlone).map(say)
  return allowed([choose(hooks), ...hooks])[0] ?? ''
}

const dress = ({ is, say, words }: Material) => say(is.alone ? words.dressAlone : words.dress)
const standing = ({ is, say, words }: Material) => say(is.placed ? words.stands : words.unplaced)

function reading({ is, lettering, say, words }: Material): string {
  return lettering.length > 0 ? say(words.reads) : is.unread ? words.unread : words.unlettered
}

/** What stands instead of the image: the thing and where, or the words that are the message; the longest that has room. */
function altText({ is, product, lettering, say, words, firstOf }: Material, isText: boolean): string {
  const lettered = [say(words.altLettering), say(words.altLetteringAlone)]
  const named = is.placed ? [say(words.altSubject), say(words.altSubjectAlone)] : []
  const plain = is.alone ? words.altAlone : is.placed ? words.altColours : words.altAreas
  const candidates = [...(isText || !product ? lettered : named), product || (lettering[0] ?? ''), say(plain)]
  const fitting = candidates.filter((text) => widthOf(text) <= aims.altText)
  return cutText(capital(firstOf(...fitting, say(words.altAlone))), aims.altText)
}

function section({ fill, firstOf, words }: Material, heading: string, sentences: readonly string[]) {
  const headings = [heading, words.composition, words.colour, words.lettering]
  return { heading: firstOf(...headings), body: fill(aims.paragraph, sentences, '') || words.notice }
}

/** At least one entry of a list, and eight at most. */
function some({ allowed, words }: Material, texts: readonly string[]): string[] {
  const entries = allowed(texts).slice(0, 8).map(short)
  return entries.length > 0 ? entries : [words.notice]
}

const phrase = (text: string) => cutText(text, aims.phrase)
const short = (text: string) => cutText(text, aims.sentence)

const hashtag = (text: string) =>
  `#${(text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).map(capital).join('').slice(0, 40) || 'Emulated'}`
