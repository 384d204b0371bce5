import type { components } from '../../../client/src/openapi.ts'

type Text = components['schemas']['Text']
export type Format = components['schemas']['OutputFormat']

/** The formats, in the order of the list that texts are chosen from. */
export const formatNames: Readonly<Record<Format, string>> = {
  alt_text: 'Alt text',
  product_description: 'Product description',
  social_post: 'Social post',
  summary: 'Summary',
  detailed_analysis: 'Detailed analysis',
  brand_guidelines: 'Brand guidelines',
}
export const formats = Object.keys(formatNames) as Format[]

/** The field of a format that stands for all of it in a list. */
const leads: Readonly<Record<Format, string>> = {
  alt_text: 'altText',
  product_description: 'description',
  social_post: 'caption',
  summary: 'summary',
  detailed_analysis: 'overview',
  brand_guidelines: 'summary',
}

/** The text that is shown for a job in a list: its alt text, or else the first that is there. */
export function previewOf(texts: readonly Text[] | undefined): { text: string; language: string } | undefined {
  const there = texts?.filter(({ result }) => result !== null) ?? []
  const chosen = there.find(({ outputFormat }) => outputFormat === 'alt_text') ?? there[0]
  if (chosen === undefined) return undefined
  const value = (chosen.result as unknown as Record<string, unknown>)[leads[chosen.outputFormat]]
  return typeof value === 'string' && value !== '' ? { text: value, language: chosen.language } : undefined
}
