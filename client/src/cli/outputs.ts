import type { VisionClient, WantedText } from '../index.ts'
import { UsageError } from './context.ts'

type Format = WantedText['outputFormat']
/** Every format: the compiler names the one that is missing. */
const formats = Object.keys({
  detailed_analysis: true,
  summary: true,
  social_post: true,
  product_description: true,
  alt_text: true,
  brand_guidelines: true,
} satisfies Readonly<Record<Format, true>>)

/**
 * A text that `-o` names: `alt_text`, `alt_text:de`, `social_post:en:instagram`.
 *
 * @throws UsageError
 */
export function wantedText(said: string): WantedText {
  const [format = '', language, platform, ...rest] = said.split(':')
  if (!formats.includes(format) || rest.length > 0) {
    throw new UsageError(`-o ${said} is not format[:language[:platform]]. Formats: ${formats.join(', ')}.`)
  }
  return {
    outputFormat: format as Format,
    ...(language && { language }),
    ...(platform && { platform: platform as NonNullable<WantedText['platform']> }),
  }
}

/**
 * The id of a brand that is given by its id or its name.
 *
 * @throws UsageError
 */
export async function brandOf(vision: VisionClient, said: string): Promise<number> {
  if (/^\d+$/.test(said)) return Number(said)
  const { data } = await vision.api.GET('/v1/brands', { params: { query: { limit: 100 } } })
  const brands = data?.brands ?? []
  const found = brands.filter(({ name }) => name.toLowerCase() === said.toLowerCase())
  const [brand] = found
  if (brand && found.length === 1) return brand.brandId
  const names = brands.map(({ brandId, name }) => `${name} (${brandId})`).join(', ') || 'none'
  const why = found.length > 1 ? `Several brands are called ${said}: give the id.` : `There is no brand ${said}.`
  throw new UsageError(`${why} Yours are: ${names}.`)
}
