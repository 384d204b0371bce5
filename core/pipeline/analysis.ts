import * as z from 'zod'
import { contrastsOf, mendPalette, type Swatch } from './colours.ts'
import { hexColour, hints, phrase, sentence, share } from './fields.ts'

const swatch = z.object({
  hex: hexColour.describe('The colour as #rrggbb, lower case'),
  name: phrase.describe('A common name of the colour'),
  share: share.describe('The part of the image area, 0 to 1'),
})
const orientation = z.enum(['landscape', 'portrait', 'square'])

/** The schema that the model answers. */
export const AnalysisAnswer = z.object({
  subject: sentence.describe('What the image shows, in one or two sentences'),
  composition: z.object({
    layout: sentence.describe('How the parts are arranged'),
    focalPoint: phrase.describe('Where the eye goes first'),
    orientation,
  }),
  palette: z.array(swatch).min(1).max(8).describe('The dominant colours, largest share first'),
  typography: z.object({
    style: sentence.describe('The lettering seen, or that there is none'),
    textSeen: z
      .array(z.string().trim().min(1).max(1000).register(hints, { mend: 'verbatim' }))
      .max(30)
      .describe('Each text legible in the image, as written, in its own language and script; empty if there is none'),
  }),
  mood: z.array(phrase).min(1).max(6).describe('The moods it conveys, a word or two each'),
  style: z.array(phrase).min(1).max(6).describe('Its styles, a few words each: photograph, flat illustration, …'),
  audience: sentence.describe('Whom the image speaks to'),
  brandSignals: z
    .array(sentence)
    .max(10)
    .describe('Logos, products, recurring motifs, claims; empty if there are none'),
  suggestions: z.array(sentence).min(1).max(10).describe('What would serve the stated purpose better'),
})
export type AnalysisAnswer = z.infer<typeof AnalysisAnswer>

/**
 * The output of the first step: the structured brand analysis that the second step writes from. Colours are `#rrggbb` in
 * lower case; a share is the part of the image's area, 0 to 1.
 */
export const BrandAnalysis = AnalysisAnswer.extend({
  paletteEstimated: z
    .boolean()
    .describe('Whether the model estimated the palette; where not, it was measured from the pixels'),
  contrast: z
    .array(
      z.object({
        colours: z.array(hexColour).length(2),
        ratio: z.number().min(1).max(21).describe('1 to 21'),
        text: z.enum(['any', 'large', 'none']).describe('What text in the one on the other may be'),
      }),
    )
    .describe('The contrast of the first five colours of the palette with each other, computed by WCAG 2.2'),
}).meta({ id: 'BrandAnalysis' })
export type BrandAnalysis = z.infer<typeof BrandAnalysis>

/** Facts about an image that need no model. */
export interface ImageFacts {
  /** In pixels, as displayed. */
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** The dominant colours, measured from the pixels, if there is a decoder. */
  readonly palette?: readonly Swatch[] | undefined
}

/** The shape of an image as displayed; undefined if its size is unknown. */
export function orientationOf({ width, height }: ImageFacts): z.infer<typeof orientation> | undefined {
  if (width === undefined || height === undefined) return undefined
  if (width === height) return 'square'
  return width > height ? 'landscape' : 'portrait'
}

/** The answer with measured values in place of estimates, and with the values derived from them. */
export function completeAnalysis(answer: AnalysisAnswer, facts: ImageFacts): BrandAnalysis {
  const measured = facts.palette?.slice(0, 8).map(({ hex, name, share }) => ({ hex, name, share }))
  const palette = measured?.length ? measured : mendPalette(answer.palette)
  return {
    ...answer,
    composition: { ...answer.composition, orientation: orientationOf(facts) ?? answer.composition.orientation },
    palette,
    paletteEstimated: palette !== measured,
    contrast: contrastsOf(palette.map(({ hex }) => hex)),
  }
}
