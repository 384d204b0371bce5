import type { BrandProfile } from '../brand.ts'
import { ciede2000, labOf } from '../ciede2000.ts'
import type { Swatch } from '../colours.ts'
import type { Finding } from './finding.ts'

/** CIEDE2000: beyond this, two colours are obviously different. */
const distant = 10
/** Colours with a smaller share are details. */
const leastShare = 0.1
/** Chroma in CIELAB below which a colour is a white, a grey or a black: a background, not a brand colour. */
const neutralChroma = 8

type Colour = NonNullable<BrandProfile['palette']>[number]

/**
 * Colours with a share of a tenth or more that are not in the brand's palette, with their distance to the nearest one
 * there, by CIEDE2000. Whites, greys and blacks are ignored. A warning if the image has no colour of the brand.
 */
export function paletteFindings(image: readonly Swatch[], brand: readonly Colour[]): Finding[] {
  if (brand.length === 0) return []
  const measured = image.map((swatch) => ({ ...swatch, ...nearest(swatch.hex, brand) }))
  const none = measured.every(({ distance }) => distance > distant)
  return measured
    .filter(({ hex, share, distance }) => share >= leastShare && distance > distant && !isNeutral(hex))
    .map(({ hex, name, share, distance, colour }) => ({
      code: 'palette_distant',
      severity: none ? 'warning' : 'info',
      message: `${capital(name)} ${hex}, ${Math.round(share * 100)} % of the image, is ${distance.toFixed(1)} (CIEDE2000) from the nearest colour of the brand, ${colour.name ? `${colour.name} ` : ''}${colour.hex}.`,
      field: null,
      about: hex,
    }))
}

function nearest(hex: string, brand: readonly Colour[]): { readonly colour: Colour; readonly distance: number } {
  const [first] = brand
    .map((colour) => ({ colour, distance: ciede2000(labOf(hex), labOf(colour.hex)) }))
    .toSorted((one, other) => one.distance - other.distance)
  if (first === undefined) throw new Error('the brand has no colours')
  return first
}

function isNeutral(hex: string): boolean {
  const [, a, b] = labOf(hex)
  return Math.hypot(a, b) < neutralChroma
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
