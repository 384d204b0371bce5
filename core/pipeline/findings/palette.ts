import type { Swatch } from '../colours.ts'
import { type BrandColour, matchPalette } from '../palette-match.ts'
import type { Finding } from './finding.ts'

/** Colours with a smaller share are details. */
const leastShare = 0.1

/**
 * Colours with a share of a tenth or more that are not in the brand's palette, with their distance to the nearest one
 * there, by CIEDE2000. Whites, greys and blacks are ignored. A warning if the image has no colour of the brand.
 */
export function paletteFindings(image: readonly Swatch[], brand: readonly BrandColour[]): Finding[] {
  const matches = matchPalette(image, brand)
  const none = matches.every(({ isOfBrand }) => !isOfBrand)
  return matches
    .filter(({ swatch, isOfBrand, isNeutral }) => swatch.share >= leastShare && !isOfBrand && !isNeutral)
    .map(({ swatch: { hex, name, share }, distance, nearest }) => ({
      code: 'palette_distant',
      severity: none ? 'warning' : 'info',
      message: `${capital(name)} ${hex}, ${Math.round(share * 100)} % of the image, is ${distance.toFixed(1)} (CIEDE2000) from the nearest colour of the brand, ${nearest.name ? `${nearest.name} ` : ''}${nearest.hex}.`,
      field: null,
      about: hex,
    }))
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
