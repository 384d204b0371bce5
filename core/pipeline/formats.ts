import * as z from 'zod'

const sentence = z.string().trim().min(1).max(600)
const paragraph = z.string().trim().min(1).max(3000)
const phrase = z.string().trim().min(1).max(160)
const hex = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^#[0-9a-f]{6}$/)
  .describe('#rrggbb, lower case')

/** What one output format asks of the second step. */
interface Format<Schema extends z.ZodType> {
  /** What the text is for and how it must read, told to the writer. */
  readonly prompt: string
  /** The fields of the answer; the answer is refused, and retried, where it does not fit. */
  readonly schema: Schema
}

const format = <Schema extends z.ZodType>(prompt: string, schema: Schema): Format<Schema> => ({ prompt, schema })

/** Every output format by its name: its own prompt and its own fields. */
export const formats = {
  detailed_analysis: format(
    'Write a detailed analysis of the image for a brand team: what works, what does not, and why, each point tied to something visible.',
    z
      .object({
        title: phrase,
        overview: paragraph,
        sections: z
          .array(z.object({ heading: phrase, body: paragraph }))
          .min(3)
          .max(8),
        strengths: z.array(sentence).min(1).max(8),
        weaknesses: z.array(sentence).min(1).max(8),
        recommendations: z.array(sentence).min(1).max(8),
      })
      .meta({ id: 'DetailedAnalysis' }),
  ),
  summary: format(
    'Sum the image up for somebody with half a minute: one headline, one short paragraph, the points to remember.',
    z
      .object({
        headline: phrase,
        summary: z.string().trim().min(1).max(800),
        keyPoints: z.array(sentence).min(2).max(6),
      })
      .meta({ id: 'Summary' }),
  ),
  social_post: format(
    'Write a post for a social network that goes with the image: a caption that can stand alone, fitting hashtags, and one call to action.',
    z
      .object({
        caption: z.string().trim().min(1).max(2200).describe('The text of the post, without the hashtags'),
        hashtags: z
          .array(z.string().regex(/^#[\p{L}\p{N}_]{1,60}$/u))
          .min(1)
          .max(15)
          .describe('Each with its leading #, no spaces'),
        callToAction: z.string().trim().min(1).max(200),
      })
      .meta({ id: 'SocialPost' }),
  ),
  product_description: format(
    'Write a product description for a shop page: name only what the image shows, invent no measures, materials or prices.',
    z
      .object({
        name: phrase,
        tagline: phrase,
        description: paragraph,
        features: z.array(sentence).min(2).max(8),
        searchKeywords: z.array(phrase).min(3).max(15),
      })
      .meta({ id: 'ProductDescription' }),
  ),
  alt_text: format(
    'Write alternative text for people who cannot see the image: one line without "image of", and a longer description that leaves nothing of importance out.',
    z
      .object({
        altText: z
          .string()
          .trim()
          .min(1)
          .max(125)
          .regex(/^[^\r\n]*$/)
          .describe('One line, at most 125 characters'),
        longDescription: paragraph,
      })
      .meta({ id: 'AltText' }),
  ),
  brand_guidelines: format(
    'Derive brand guidelines from the image: what to do and what to avoid, the colours with their roles, and the tone of voice that fits.',
    z
      .object({
        summary: sentence,
        dos: z.array(sentence).min(2).max(10),
        donts: z.array(sentence).min(2).max(10),
        colours: z
          .array(
            z.object({ hex, name: phrase, role: z.enum(['primary', 'secondary', 'accent', 'background', 'text']) }),
          )
          .min(1)
          .max(8),
        typography: sentence,
        tone: z.object({ voice: sentence, words: z.array(phrase).min(2).max(10) }),
      })
      .meta({ id: 'BrandGuidelines' }),
  ),
} as const

export type OutputFormat = keyof typeof formats

/** The names of the output formats, in the order in which they are documented. */
export const outputFormats = Object.keys(formats) as [OutputFormat, ...OutputFormat[]]

/** The content that a format yields. */
export type Content<F extends OutputFormat = OutputFormat> = { [K in F]: z.infer<(typeof formats)[K]['schema']> }[F]
