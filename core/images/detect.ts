import { imageSize } from 'image-size'
import { VisionError } from '../errors.ts'

/** The types that are taken, by their media type. */
export const imageTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif'] as const
export type ImageType = (typeof imageTypes)[number]

/** What a file says of itself in its header. */
export interface DetectedImage {
  readonly type: ImageType
  /** In pixels, as stored: a rotation that the file asks for is not applied. */
  readonly width: number
  readonly height: number
}

const ascii = (bytes: Uint8Array, from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1')

// ISO/IEC 23008-12, annex B: HEVC-coded stills are heic/heix, sequences hevc/hevx, and so on. mif1 and msf1 say only
// that the container is HEIF; AVIF uses them too, so they count only where no AVIF brand stands beside them.
const heicBrands = ['heic', 'heix', 'heim', 'heis']
const heifBrands = ['mif1', 'msf1', 'hevc', 'hevx', 'hevm', 'hevs']

/**
 * What kind of image the bytes are, by their content alone: neither a name nor a header has a say.
 *
 * @throws VisionError `image.unsupported_type`, which names what was found where it is known
 */
export function detectImage(bytes: Uint8Array): DetectedImage {
  const type = typeOf(bytes)
  if (type === undefined) throw unsupported(nameOf(bytes))
  try {
    const { width, height } = imageSize(bytes)
    return { type, width, height }
  } catch (cause) {
    throw new VisionError('image.unsupported_type', {
      message: `The file starts like ${type}, but its header is cut off or broken.`,
      cause,
    })
  }
}

function typeOf(bytes: Uint8Array): ImageType | undefined {
  if (ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (ascii(bytes, 0, 3) === '\xff\xd8\xff') return 'image/jpeg'
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'image/webp'
  const brands = brandsOf(bytes)
  if (brands.some((brand) => brand.startsWith('avi'))) return undefined
  if (brands.some((brand) => heicBrands.includes(brand))) return 'image/heic'
  if (brands.some((brand) => heifBrands.includes(brand))) return 'image/heif'
  return undefined
}

/** The major and compatible brands of an ISO media file's first box. */
function brandsOf(bytes: Uint8Array): readonly string[] {
  if (ascii(bytes, 4, 8) !== 'ftyp') return []
  const size = Math.min(Buffer.from(bytes.subarray(0, 4)).readUInt32BE(), bytes.length, 1024)
  const brands = [ascii(bytes, 8, 12)]
  for (let at = 16; at + 4 <= size; at += 4) brands.push(ascii(bytes, at, at + 4))
  return brands
}

/** Common things that are no image we take, for a message that helps. */
function nameOf(bytes: Uint8Array): string | undefined {
  const start = ascii(bytes, 0, 512)
  if (bytes.length === 0) return 'an empty file'
  if (start.startsWith('GIF8')) return 'a GIF'
  if (start.startsWith('%PDF-')) return 'a PDF'
  if (start.startsWith('BM')) return 'a BMP'
  if (/^(II\*\0|MM\0\*)/.test(start)) return 'a TIFF'
  if (brandsOf(bytes).some((brand) => brand.startsWith('avi'))) return 'an AVIF'
  if (/<svg[\s>]/i.test(start)) return 'an SVG'
  if (/^\s*<(!doctype html|html|head|body)/i.test(start)) return 'an HTML page'
  if (/^\s*[{[]/.test(start)) return 'JSON'
  return undefined
}

function unsupported(found: string | undefined): VisionError {
  const message = 'The file is not a PNG, JPEG, WebP, HEIC or HEIF image'
  return new VisionError('image.unsupported_type', { message: found ? `${message} but ${found}.` : `${message}.` })
}
