import sharp from 'sharp'

/** One of an image's dominant colours. */
export interface LookColour {
  /** The mean of the pixels counted under it, as `#rrggbb` in lower case. */
  readonly hex: string
  /** The nearest common name. */
  readonly name: string
  /** The part of the image's area, 0 to 1, to three decimals. */
  readonly share: number
}

/** What can be measured of an image without understanding it. */
export interface Look {
  readonly type: 'png' | 'jpeg' | 'webp' | 'heic'
  /** Pixels, as displayed: after the turn that EXIF (or HEIF) asks for. */
  readonly width: number
  readonly height: number
  readonly orientation: 'landscape' | 'portrait' | 'square'
  /** One to six colours, largest share first; what is under half a percent is left out. */
  readonly colours: readonly [LookColour, ...LookColour[]]
  /** Mean luma, 0 (black) to 1 (white). */
  readonly brightness: number
  /** RMS contrast, the standard deviation of the luma: 0 for one flat tone, 0.5 for half black and half white. */
  readonly contrast: number
  /** Whether at most 2 % of the pixels have a visible hue. */
  readonly nearMonochrome: boolean
  /** The ninth of the image whose luma varies most, in words: `upper left`, `centre`, …; `centre` of a flat image. */
  readonly focus: string
}

/** The bytes are not an image of a type that the provider takes, or are damaged. */
export class UndecodableImage extends Error {
  override readonly name = 'UndecodableImage'
}

/** The side, in pixels, to which an image is sampled before it is measured. */
const sampleSide = 128
/** Colours nearer than this (distance in OKLab, where black to white is 1) count as one. */
const sameColour = 0.08
const smallestShare = 0.005

/**
 * Measures an image: its type, size, colours, brightness and contrast. The same bytes give the same look. Transparent
 * parts count as white, the page they would lie on.
 *
 * @param bytes a PNG, JPEG, WebP, HEIC or HEIF file
 * @throws UndecodableImage for anything else, and for a damaged file
 */
export async function lookAt(bytes: Uint8Array): Promise<Look> {
  const type = imageType(bytes)
  if (!type) throw new UndecodableImage('not a PNG, JPEG, WebP, HEIC or HEIF image')
  try {
    const { image, width, height } = type === 'heic' ? await openHeic(bytes) : await open(bytes)
    const { data, info } = await image
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      // Nearest: every sample is a pixel of the image, so a flat colour stays exactly itself.
      .resize({
        width: sampleSide,
        height: sampleSide,
        fit: 'inside',
        withoutEnlargement: true,
        kernel: 'nearest',
        fastShrinkOnLoad: false,
      })
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { type, width, height, orientation: orientation(width, height), ...measure(data, info) }
  } catch (cause) {
    throw new UndecodableImage(`a damaged ${type} image`, { cause })
  }
}

/** HEIF brands of HEVC images (ISO/IEC 23008-12, B.4.1): AVIF is not among them, as Gemini does not take it. */
const heicBrands = new Set(['heic', 'heix', 'hevc', 'hevx', 'mif1', 'msf1'])

function imageType(bytes: Uint8Array): Look['type'] | undefined {
  const ascii = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1')
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n') return 'png'
  if (ascii(0, 3) === '\xff\xd8\xff') return 'jpeg'
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP') return 'webp'
  if (ascii(4, 8) === 'ftyp' && heicBrands.has(ascii(8, 12))) return 'heic'
  return undefined
}

async function open(bytes: Uint8Array) {
  const { autoOrient } = await sharp(bytes).metadata()
  return { image: sharp(bytes).autoOrient(), width: autoOrient.width, height: autoOrient.height }
}

async function openHeic(bytes: Uint8Array) {
  // A WASM bundle of a megabyte: loaded for the first such image only.
  const { default: decode } = await import('heic-decode')
  const { data, width, height } = await decode({ buffer: bytes })
  return { image: sharp(data, { raw: { width, height, channels: 4 } }), width, height }
}

function orientation(width: number, height: number): Look['orientation'] {
  if (width === height) return 'square'
  return width > height ? 'landscape' : 'portrait'
}

interface Cluster {
  count: number
  red: number
  green: number
  blue: number
}

/** @param rgb three bytes a pixel */
function measure(rgb: Uint8Array, { width, height }: { width: number; height: number }) {
  const pixels = width * height
  const buckets = new Map<number, Cluster>()
  const lumas = new Float64Array(pixels)
  let coloured = 0
  for (let pixel = 0; pixel < pixels; pixel++) {
    const red = rgb[pixel * 3] ?? 0
    const green = rgb[pixel * 3 + 1] ?? 0
    const blue = rgb[pixel * 3 + 2] ?? 0
    // Rec. 709 luma.
    lumas[pixel] = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 24) coloured++
    const key = ((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4)
    add(buckets, key, { count: 1, red, green, blue })
  }
  const all = spread(lumas)
  return {
    colours: dominant([...buckets.entries()], pixels),
    brightness: round(all.mean),
    contrast: round(all.deviation),
    nearMonochrome: coloured / pixels <= 0.02,
    focus: focus(lumas, width, height),
  }
}

function add(buckets: Map<number, Cluster>, key: number, more: Cluster) {
  const bucket = buckets.get(key)
  if (!bucket) buckets.set(key, more)
  else pour(more, bucket)
}

function pour(from: Cluster, into: Cluster) {
  into.count += from.count
  into.red += from.red
  into.green += from.green
  into.blue += from.blue
}

/** Merges the buckets of the colour cube, the fullest first, into the colours that an eye would tell apart. */
function dominant(buckets: [number, Cluster][], pixels: number): Look['colours'] {
  const clusters: Cluster[] = []
  buckets.sort(([keyA, a], [keyB, b]) => b.count - a.count || keyA - keyB)
  for (const [, bucket] of buckets) {
    const place = oklab(mean(bucket))
    const near = clusters.find((cluster) => distance(oklab(mean(cluster)), place) < sameColour)
    if (near) pour(bucket, near)
    else clusters.push({ ...bucket })
  }
  clusters.sort((a, b) => b.count - a.count)
  const [first, ...rest] = clusters.map((cluster): LookColour => {
    const colour = mean(cluster)
    return { hex: hex(colour), name: colourName(colour), share: round(cluster.count / pixels) }
  })
  if (!first) throw new UndecodableImage('an image without pixels')
  return [first, ...rest.filter(({ share }) => share >= smallestShare).slice(0, 5)]
}

type Colour = readonly [red: number, green: number, blue: number]

const mean = ({ count, red, green, blue }: Cluster): Colour => [
  Math.round(red / count),
  Math.round(green / count),
  Math.round(blue / count),
]

const hex = (colour: Colour) => `#${colour.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`

const colourNames: readonly (readonly [name: string, hex: string])[] = [
  ['black', '#000000'],
  ['charcoal', '#333333'],
  ['grey', '#808080'],
  ['light grey', '#c8c8c8'],
  ['white', '#ffffff'],
  ['cream', '#fff3dc'],
  ['beige', '#dcc8a8'],
  ['red', '#e01010'],
  ['crimson', '#a8102c'],
  ['maroon', '#600010'],
  ['coral', '#ff7058'],
  ['orange', '#ff8c00'],
  ['amber', '#ffbf20'],
  ['yellow', '#ffee20'],
  ['tan', '#b8986a'],
  ['brown', '#7a4a20'],
  ['olive', '#808020'],
  ['lime', '#a0e020'],
  ['green', '#18a030'],
  ['forest green', '#30602c'],
  ['mint', '#a8e8c8'],
  ['petrol', '#0c4a5a'],
  ['teal', '#108080'],
  ['turquoise', '#30d0c8'],
  ['sky blue', '#80c8f0'],
  ['steel blue', '#6090c8'],
  ['blue', '#1848e0'],
  ['navy', '#101c58'],
  ['purple', '#7020a0'],
  ['lavender', '#c0a8f0'],
  ['magenta', '#e020c0'],
  ['pink', '#ffb0c8'],
]

const namedPlaces = colourNames.map(([name, code]) => ({
  name,
  place: oklab([1, 3, 5].map((from) => Number.parseInt(code.slice(from, from + 2), 16)) as unknown as Colour),
}))

function colourName(colour: Colour): string {
  const place = oklab(colour)
  let best = { name: 'grey', apart: Number.POSITIVE_INFINITY }
  for (const named of namedPlaces) {
    // A name is of the hue first: dark and light blue are both blue.
    const apart = Math.hypot((named.place[0] - place[0]) / 2, named.place[1] - place[1], named.place[2] - place[2])
    if (apart < best.apart) best = { name: named.name, apart }
  }
  return best.name
}

type Place = readonly [lightness: number, a: number, b: number]

/** sRGB to OKLab, by the matrices of its author: https://bottosson.github.io/posts/oklab/ */
function oklab(colour: Colour): Place {
  const [red, green, blue] = colour.map((channel) => {
    const value = channel / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as unknown as Colour
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
  return [
    0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
  ]
}

const distance = (one: Place, other: Place) => Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2])

function spread(values: Float64Array): { mean: number; deviation: number } {
  let sum = 0
  for (const value of values) sum += value
  const middle = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - middle) ** 2
  return { mean: middle, deviation: Math.sqrt(squares / values.length) }
}

function focus(lumas: Float64Array, width: number, height: number): string {
  // The centre comes first, so that it wins where nothing varies more.
  const cells = [
    ['centre', 1, 1],
    ['upper left', 0, 0],
    ['upper centre', 1, 0],
    ['upper right', 2, 0],
    ['middle left', 0, 1],
    ['middle right', 2, 1],
    ['lower left', 0, 2],
    ['lower centre', 1, 2],
    ['lower right', 2, 2],
  ] as const
  let best = { name: 'centre', deviation: 0 }
  for (const [name, column, row] of cells) {
    const cell: number[] = []
    for (let y = Math.floor((row * height) / 3); y < Math.floor(((row + 1) * height) / 3); y++) {
      for (let x = Math.floor((column * width) / 3); x < Math.floor(((column + 1) * width) / 3); x++) {
        cell.push(lumas[y * width + x] ?? 0)
      }
    }
    if (cell.length === 0) continue
    const { deviation } = spread(Float64Array.from(cell))
    if (deviation > best.deviation + 1e-9) best = { name, deviation }
  }
  return best.name
}

const round = (value: number) => Math.round(value * 1000) / 1000
