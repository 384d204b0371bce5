import type { AnalysisAnswer } from '../../../core/pipeline/analysis.ts'
import { fitSchema, type JsonSchema } from './fit-schema.ts'
import type { Look, LookColour } from './look.ts'

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
  const light = look.brightness > 0.66 ? 'bright' : look.brightness < 0.33 ? 'dark' : 'mid-toned'
  const contrast = look.contrast > 0.25 ? 'strong' : look.contrast < 0.08 ? 'faint' : 'moderate'
  const serves = purpose ? `For the purpose “${purpose}”` : 'As no purpose was stated, in general'
  return {
    subject: describe(look),
    composition: {
      layout: second
        ? `${colours.length} colour areas in a ${orientation} frame: ${colours.map(area).join(', ')}.`
        : `One flat area of ${main.name} (${main.hex}) that fills the ${orientation} frame.`,
      focalPoint: second ? `The ${look.focus}, where the tones vary most` : 'None: the image is one flat tone',
      orientation,
    },
    palette: colours.map((colour) => ({ ...colour })),
    typography: {
      style: 'Lettering was not read: this emulated answer is measured from pixels only.',
      textSeen: [],
    },
    mood: [moods[light], `${contrast} in contrast`, nearMonochrome ? 'restrained' : `coloured by ${main.name}`],
    style: [
      nearMonochrome ? 'near-monochrome' : `${colours.length === 1 ? 'single' : colours.length}-colour`,
      second ? `${main.name} against ${second.name}` : 'flat colour',
      light,
    ],
    audience: `${serves}: people who answer to ${light} images of ${contrast} contrast, led by ${main.name}.`,
    brandSignals: [
      `${main.name} (${main.hex}) leads with ${percent(main.share)} of the area.`,
      ...(second ? [`${second.name} (${second.hex}) stands beside it with ${percent(second.share)}.`] : []),
    ],
    suggestions: [
      `${serves}, ${contrast === 'strong' ? 'keep' : 'raise'} the ${contrast} contrast (${look.contrast}).`,
      second
        ? `Give ${second.name} (${second.hex}) one clear role beside ${main.name} (${main.hex}).`
        : `Set a second colour against ${main.name} (${main.hex}).`,
      `Check that ${width} x ${height} pixels in ${orientation} suit where the image will appear.`,
    ],
  }
}

const moods = { bright: 'light and open', dark: 'dark and heavy', 'mid-toned': 'balanced' } as const

function describe({ type, width, height, orientation, colours, brightness }: Look): string {
  const [main, ...others] = colours
  const rest = others.length > 0 ? `, with ${others.map(area).join(', ')}` : ''
  return `A ${orientation} ${type.toUpperCase()} image of ${width} x ${height} pixels, mostly ${area(main)}${rest}; brightness ${brightness}.`
}

const area = ({ name, hex, share }: LookColour) => `${name} (${hex}, ${percent(share)})`
const percent = (share: number) => `${Math.round(share * 1000) / 10} %`
