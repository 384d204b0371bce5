import type { AnalysisAnswer } from '../../../core/pipeline/analysis.ts'
import { fitSchema, type JsonSchema } from './fit-schema.ts'
import type { Look } from './look.ts'
import { moods } from './phrases/en.ts'
import { placeOf } from './places.ts'

/** What is known of an image. */
export interface Seen {
  readonly look: Look
  /** Its lettering, line by line; undefined where it was not read. */
  readonly lettering: readonly string[] | undefined
}

/**
 * What the emulated Gemini says of an image, as JSON: measured from its pixels and read from its lettering, with regard to the
 * purpose.
 *
 * @param schema what the answer must fit
 */
export function writeAnalysis(
  seen: Seen | undefined,
  purpose: string | undefined,
  schema: JsonSchema | undefined,
): string {
  const draft = seen ? analyse(seen, purpose) : { subject: 'No image came with the request.' }
  if (!schema) return seen ? JSON.stringify(draft) : draft.subject
  return JSON.stringify(fitSchema(schema, draft, (property) => `${property}: ${draft.subject}`))
}

/** The brand analysis that can be written from measurements and lettering alone. */
function analyse({ look, lettering }: Seen, purpose: string | undefined): AnalysisAnswer {
  const { colours, orientation, width, height, nearMonochrome, placement } = look
  const [main, second] = colours
  const light = look.brightness > 0.66 ? moods[0] : look.brightness < 0.33 ? moods[1] : moods[2]
  const contrast = look.contrast > 0.25 ? moods[3] : look.contrast < 0.08 ? moods[5] : moods[4]
  const serves = purpose ? `For the purpose “${purpose}”` : 'As no purpose was stated, in general'
  const place = placement.room === 'none' ? undefined : placeOf(placement)
  const names = [...new Set(colours.map(({ name }) => name))]
  return {
    subject: describe(look),
    composition: {
      layout: place
        ? `The subject stands ${place} of a ${orientation} frame${room[placement.room]}.`
        : second
          ? `${colours.length} areas of colour share a ${orientation} frame.`
          : `One flat area of ${main.name} fills a ${orientation} frame.`,
      focalPoint: place ? `The subject, ${place}` : 'None: nothing stands out from its surroundings',
      orientation,
    },
    palette: colours.map((colour) => ({ ...colour })),
    typography: { style: styleOf(lettering), textSeen: [...(lettering ?? [])] },
    mood: [light, contrast, nearMonochrome ? moods[6] : moods[7]],
    style: [
      nearMonochrome ? 'near-monochrome' : names.length === 1 ? 'one colour' : `${names.length} colours`,
      second ? `${main.name} against ${second.name}` : 'flat colour',
    ],
    audience: `${serves}: people who like images that are ${light}, led by ${main.name}.`,
    brandSignals: [
      ...(lettering?.[0] ? [`The lettering “${lettering[0]}”.`] : []),
      `${main.name} leads with ${percent(main.share)} of the area.`,
      ...(second ? [`${second.name} stands beside it with ${percent(second.share)}.`] : []),
    ].map((signal) => signal.charAt(0).toUpperCase() + signal.slice(1)),
    suggestions: [
      `${serves}, ${contrast === moods[3] ? 'keep the strong' : 'raise the'} contrast between the colours.`,
      second
        ? `Give ${second.name} (${second.hex}) one clear role beside ${main.name} (${main.hex}).`
        : `Set a second colour against ${main.name} (${main.hex}).`,
      `Check that ${width} x ${height} pixels in ${orientation} suit where the image will appear.`,
    ],
  }
}

const room = {
  none: '',
  little: ', with much room around it',
  half: ', and takes about half of it',
  all: ', and fills most of it',
}

function describe({ orientation, colours, brightness }: Look): string {
  const [main, ...others] = new Set(colours.map(({ name }) => name))
  const tone = brightness > 0.66 ? 'bright' : brightness < 0.33 ? 'dark' : 'evenly lit'
  const article = /^[aeiou]/.test(tone) ? 'An' : 'A'
  const rest = others.length > 0 ? `mostly ${main}, with ${others.slice(0, 2).join(' and ')}` : `all ${main}`
  return `${article} ${tone} ${orientation} image, ${rest}.`
}

function styleOf(lettering: Seen['lettering']): string {
  if (!lettering) return 'The lettering was not read.'
  if (lettering.length === 0) return 'No lettering was found.'
  return `${lettering.length === 1 ? 'One line' : `${lettering.length} lines`} of lettering.`
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`
