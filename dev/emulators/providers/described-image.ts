import type { AnalysisAnswer } from '../../../core/pipeline/analysis.ts'
import { fitSchema, type JsonSchema } from './fit-schema.ts'
import type { Look, LookColour } from './look.ts'
import { moods } from './phrases.ts'

/**
 * What the emulated Gemini says of an image, as JSON: measured from its pixels, with regard to the purpose.
 *
 * @param schema what the answer must fit
 */
export function writeAnalysis(
  look: Look | undefined,
  purpose: string | undefined,
  schema: JsonSchema | undefined,
): string {
  const draft = look ? analyse(look, purpose) : { subject: 'No image came with the request.' }
  if (!schema) return look ? JSON.stringify(draft) : draft.subject
  const known = look ? describe(look) : draft.subject
  return JSON.stringify(fitSchema(schema, draft, (property) => `${property}: ${known}`))
}

/** The brand analysis that can be written from measurements alone. */
function analyse(look: Look, purpose: string | undefined): AnalysisAnswer {
  const { colours, orientation, width, height, nearMonochrome } = look
  const [main, second] = colours
  const light = look.brightness > 0.66 ? moods[0] : look.brightness < 0.33 ? moods[1] : moods[2]
  const contrast = look.contrast > 0.25 ? moods[3] : look.contrast < 0.08 ? moods[5] : moods[4]
  const serves = purpose ? `For the purpose “${purpose}”` : 'As no purpose was stated, in general'
  return {
    subject: describe(look),
    composition: {
      layout: second
        ? `${colours.length} areas of colour share the ${orientation} frame.`
        : `One flat area of ${main.name} fills the ${orientation} frame.`,
      focalPoint: second ? `The ${look.focus}, where the tones vary most` : 'None: the image is one flat tone',
      orientation,
    },
    palette: colours.map((colour) => ({ ...colour })),
    typography: {
      style: 'Lettering was not read: this emulated answer is measured from pixels only.',
      textSeen: [],
    },
    mood: [light, contrast, nearMonochrome ? moods[6] : moods[7]],
    style: [
      nearMonochrome ? 'near-monochrome' : colours.length === 1 ? 'one colour' : `${colours.length} colours`,
      second ? `${main.name} against ${second.name}` : 'flat colour',
    ],
    audience: `${serves}: people who like images that are ${light}, led by ${main.name}.`,
    brandSignals: [
      `${main.name} (${main.hex}) leads with ${percent(main.share)} of the area.`,
      ...(second ? [`${second.name} (${second.hex}) stands beside it with ${percent(second.share)}.`] : []),
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

function describe({ type, width, height, orientation, colours }: Look): string {
  const [main, ...others] = colours
  const rest = others.length > 0 ? `, with ${others.slice(0, 2).map(area).join(' and ')}` : ''
  return `A ${orientation} image (${type.toUpperCase()}, ${width} x ${height} pixels), mostly ${area(main)}${rest}.`
}

const area = ({ name, hex, share }: LookColour) => `${name} (${hex}, ${percent(share)})`
const percent = (share: number) => `${Math.round(share * 1000) / 10} %`
