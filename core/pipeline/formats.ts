import type * as z from 'zod'
import { altText } from './formats/alt-text.ts'
import { brandGuidelines } from './formats/brand-guidelines.ts'
import { detailedAnalysis } from './formats/detailed-analysis.ts'
import { productDescription } from './formats/product-description.ts'
import { socialPost } from './formats/social-post.ts'
import { summary } from './formats/summary.ts'

/** Every output format by name: its own prompt, fields and example. */
export const formats = {
  detailed_analysis: detailedAnalysis,
  summary,
  social_post: socialPost,
  product_description: productDescription,
  alt_text: altText,
  brand_guidelines: brandGuidelines,
} as const

export type OutputFormat = keyof typeof formats

/** The names of the output formats, in display order. */
export const outputFormats = Object.keys(formats) as [OutputFormat, ...OutputFormat[]]

/** The content of a format. */
export type Content<F extends OutputFormat = OutputFormat> = { [K in F]: z.infer<(typeof formats)[K]['schema']> }[F]
