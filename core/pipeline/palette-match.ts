import { ciede2000, labOf } from './ciede2000.ts'

/** A colour of a brand. */
export interface BrandColour {
  /** #rrggbb */
  readonly hex: string
  readonly name?: string | undefined
}

/** A colour of an image beside the one of the brand that it is nearest to. */
export interface ColourMatch<Swatch> {
  readonly swatch: Swatch
  readonly nearest: BrandColour
  /** CIEDE2000. */
  readonly distance: number
  /** Near enough to be taken for it. */
  readonly isOfBrand: boolean
  /** A white, a grey or a black: a background, which needs no brand. */
  readonly isNeutral: boolean
}

/** CIEDE2000: beyond this, two colours are obviously different. */
const distant = 10
/** Chroma in CIELAB below which a colour is a white, a grey or a black. */
const neutralChroma = 8

/** The colours of an image, each with the nearest of a brand's palette; none if the brand has no colours. */
export function matchPalette<Swatch extends { readonly hex: string }>(
  image: readonly Swatch[],
  brand: readonly BrandColour[],
): ColourMatch<Swatch>[] {
  if (brand.length === 0) return []
  return image.map((swatch) => {
    const lab = labOf(swatch.hex)
    const [first] = brand
      .map((nearest) => ({ nearest, distance: ciede2000(lab, labOf(nearest.hex)) }))
      .toSorted((one, other) => one.distance - other.distance)
    if (first === undefined) throw new Error('the brand has no colours')
    const [, a, b] = lab
    return { swatch, ...first, isOfBrand: first.distance <= distant, isNeutral: Math.hypot(a, b) < neutralChroma }
  })
}
