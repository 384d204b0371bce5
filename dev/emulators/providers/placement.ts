import { type Colour, distance } from './colour-names.ts'

/** Columns and rows of the thirds in which a subject can stand. */
export const columns = ['left', 'centre', 'right'] as const
export const rows = ['upper', 'middle', 'lower'] as const

/** Where the subject of an image stands. */
export interface Placement {
  readonly column: (typeof columns)[number]
  readonly row: (typeof rows)[number]
  /** How much room it takes: `none` in an image of one tone, `all` where nothing can be told from the background. */
  readonly room: 'none' | 'little' | 'half' | 'all'
}

/** A pixel that is nearer than this to a colour of the edge belongs to the background; by `distance`. */
const sameColour = 90
/** Colours that take a smaller part of the edge are something that reaches into it. */
const edgeShare = 0.08

/**
 * Tells the subject from the background, which is what has the colours of the image's edge, and measures where it stands: by
 * the middle of its pixels, in thirds of the image's width and height around the middle.
 *
 * @param rgb three bytes a pixel, row by row
 */
export function placementOf(rgb: Uint8Array, { width, height }: { width: number; height: number }): Placement {
  const background = edgeColours(rgb, width, height)
  let [count, sumX, sumY] = [0, 0, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = pixelAt(rgb, y * width + x)
      if (background.some((colour) => distance(colour, pixel) < sameColour)) continue
      count += 1
      sumX += (x + 0.5) / width
      sumY += (y + 0.5) / height
    }
  }
  const share = count / (width * height)
  if (share < 0.002) return { column: 'centre', row: 'middle', room: 'none' }
  return {
    column: columns[third(sumX / count)] ?? 'centre',
    row: rows[third(sumY / count)] ?? 'middle',
    room: share < 0.2 ? 'little' : share < 0.7 ? 'half' : 'all',
  }
}

/** The middle of something is rarely in the outer thirds, so these begin nearer to the middle of the image. */
const third = (at: number) => (at < 0.42 ? 0 : at > 0.58 ? 2 : 1)

/** The colours along the edge, those that are alike as one. */
function edgeColours(rgb: Uint8Array, width: number, height: number): Colour[] {
  const found: { colour: Colour; count: number }[] = []
  let total = 0
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)]
    if (x > 0 && x < width - 1 && y > 0 && y < height - 1) continue
    const colour = pixelAt(rgb, at)
    const known = found.find((one) => distance(one.colour, colour) < sameColour / 2)
    if (known) known.count += 1
    else found.push({ colour, count: 1 })
    total += 1
  }
  return found.filter(({ count }) => count / total >= edgeShare).map(({ colour }) => colour)
}

const pixelAt = (rgb: Uint8Array, at: number): Colour => [rgb[3 * at] ?? 0, rgb[3 * at + 1] ?? 0, rgb[3 * at + 2] ?? 0]
