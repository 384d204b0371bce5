import * as z from 'zod'

const sentence = z.string().trim().min(1).max(600)
const phrase = z.string().trim().min(1).max(160)

/**
 * What the first step says of an image: the structured brand analysis that Gemini returns and the second step writes
 * from. Colours are `#rrggbb` in lower case; a share is the part of the image's area, 0 to 1.
 */
export const BrandAnalysis = z
  .object({
    subject: sentence.describe('What the image shows, in one or two sentences'),
    composition: z.object({
      layout: sentence.describe('How the parts are arranged'),
      focalPoint: phrase.describe('Where the eye goes first'),
      orientation: z.enum(['landscape', 'portrait', 'square']),
    }),
    palette: z
      .array(
        z.object({
          hex: z
            .string()
            .trim()
            .toLowerCase()
            .regex(/^#[0-9a-f]{6}$/)
            .describe('The colour as #rrggbb, lower case'),
          name: phrase.describe('A common name of the colour'),
          share: z.number().min(0).max(1).describe('The part of the image area, 0 to 1'),
        }),
      )
      .min(1)
      .max(8)
      .describe('The dominant colours, largest share first'),
    typography: z.object({
      style: sentence.describe('The lettering seen, or that there is none'),
      textSeen: z
        .array(z.string().trim().min(1).max(300))
        .max(30)
        .describe('Each text legible in the image, as written'),
    }),
    mood: z.array(phrase).min(1).max(6),
    style: z.array(phrase).min(1).max(6),
    audience: sentence.describe('Whom the image speaks to'),
    brandSignals: z.array(sentence).max(10).describe('Logos, products, recurring motifs, claims'),
    suggestions: z.array(sentence).min(1).max(10).describe('What would serve the stated purpose better'),
  })
  .meta({ id: 'BrandAnalysis' })

export type BrandAnalysis = z.infer<typeof BrandAnalysis>
