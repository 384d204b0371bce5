import { type Colour, colourName, distance } from './colour-names.ts'
import { type ImageType, openImage, UndecodableImage } from './open-image.ts'
import { type Placement, placementOf } from './placement.ts'

/** One of an image's dominant colours. */
export interface LookColour {
  /** The mean of the pixels counted under it, as `#rrggbb` in lower case. */
  readonly hex: string
  /** The nearest common name. */
  readonly name: string
  /** The part of the image's area, 0 to 1, to three decimals. */
  readonly share: number
}

/** Measurements of an image that need no understanding of it. */
export interface Look {
  readonly type: ImageType
  /** Pixels, as displayed: after the turn that EXIF (or HEIF) asks for. */
  readonly width: number
  readonly height: number
  readonly orientation: 'landscape' | 'portrait' | 'square'
  /** One to six colours, largest share first; shares under half a percent are left out. */
  readonly colours: readonly [LookColour, ...LookColour[]]
  /** Mean luma (Rec. 709), 0 (black) to 1 (white). */
  readonly brightness: number
  /** RMS contrast, the standard deviation of the luma: 0 for one flat tone, 0.5 for half black and half white. */
  readonly contrast: number
  /** Whether at most 2 % of the area has a visible hue. */
  readonly nearMonochrome: boolean
  /** Where the subject stands. */
  readonly placement: Placement
}

/** The side, in pixels, to which an image is sampled before it is measured. */
const sampleSide = 96
/** Colours that are nearer than this count as one. */
const sameColour = 64
const smallestShare = 0.005
const luma = [0.2126, 0.7152, 0.0722] as const

/**
 * Measures an image: its type, size, colours, brightness and contrast. The same bytes give the same look. Transparent
 * parts count as white, the page they would lie on.
 *
 * @param bytes a PNG, JPEG, WebP, HEIC or HEIF file
 * @throws UndecodableImage for anything else, and for a damaged file
 */
export async function lookAt(bytes: Uint8Array): Promise<Look> {
  const { type, image, width, height } = await openImage(bytes)
  try {
    // Nearest: every sample is a pixel of the image, so a flat colour stays exactly itself.
    const size = { width: sampleSide, height: sampleSide, fit: 'inside', withoutEnlargement: true } as const
    const { data, info } = await image
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .resize({ ...size, kernel: 'nearest', fastShrinkOnLoad: false })
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const orientation = width === height ? 'square' : width > height ? 'landscape' : 'portrait'
    return {
      type,
      width,
      height,
      orientation,
      ...dominantColours(data),
      ...tones(data),
      placement: placementOf(data, info),
    }
  } catch (cause) {
    throw new UndecodableImage(`a damaged ${type} image`, { cause })
  }
}

/** The pixels that count as one colour: how many, and the sum of each channel. */
interface Cluster {
  count: number
  sums: [red: number, green: number, blue: number]
}

/** @param rgb three bytes a pixel */
function dominantColours(rgb: Uint8Array): Pick<Look, 'colours' | 'nearMonochrome'> {
  const buckets = new Map<number, Cluster>()
  for (let at = 0; at < rgb.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(at, at + 3)
    const key = ((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4)
    const bucket = buckets.get(key)
    const pixel: Cluster = { count: 1, sums: [red, green, blue] }
    if (bucket) merge(pixel, bucket)
    else buckets.set(key, pixel)
  }
  const clusters: Cluster[] = []
  for (const bucket of [...buckets.values()].sort((a, b) => b.count - a.count)) {
    const near = clusters.find((cluster) => distance(mean(cluster), mean(bucket)) < sameColour)
    if (near) merge(bucket, near)
    else clusters.push(bucket)
  }
  const shareOf = ({ count }: Cluster) => count / (rgb.length / 3)
  const [first, ...rest] = clusters
    .sort((a, b) => b.count - a.count)
    .map((cluster) => ({ hex: hexOf(mean(cluster)), name: colourName(mean(cluster)), share: round(shareOf(cluster)) }))
  if (!first) throw new UndecodableImage('an image without pixels')
  const hued = clusters.filter((cluster) => Math.max(...mean(cluster)) - Math.min(...mean(cluster)) > 24)
  return {
    colours: [first, ...rest.filter(({ share }) => share >= smallestShare).slice(0, 5)],
    nearMonochrome: hued.reduce((sum, cluster) => sum + shareOf(cluster), 0) <= 0.02,
  }
}

function merge(from: Cluster, into: Cluster): void {
  into.count += from.count
  for (const channel of [0, 1, 2] as const) into.sums[channel] += from.sums[channel]
}

const mean = ({ count, sums }: Cluster): Colour => sums.map((sum) => Math.round(sum / count)) as unknown as Colour
const hexOf = (colour: Colour) => `#${colour.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
const round = (value: number) => Math.round(value * 1000) / 1000

/** @param rgb three bytes a pixel */
function tones(rgb: Uint8Array): Pick<Look, 'brightness' | 'contrast'> {
  const spread = new Spread()
  for (let at = 0; at < rgb.length; at += 3) {
    spread.add(luma.reduce((sum, weight, channel) => sum + weight * (rgb[at + channel] ?? 0), 0))
  }
  return { brightness: round(spread.mean() / 255), contrast: round(spread.deviation() / 255) }
}

/** Mean and standard deviation of numbers as they come. sharp’s `stats()` knows them as well, and takes 20 ms for the smallest image. */
class Spread {
  #count = 0
  #sum = 0
  #squares = 0

  add(value: number): void {
    this.#count += 1
    this.#sum += value
    this.#squares += value * value
  }

  mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  deviation(): number {
    return this.#count < 2 ? 0 : Math.sqrt(Math.max(0, this.#squares / this.#count - this.mean() ** 2))
  }
}
