import { VisionError } from '../domain/errors.ts'
import { isHeic, isHeif, readHeif } from './formats/heif.ts'
import { isJpeg, readJpeg } from './formats/jpeg.ts'
import { decodedAsText, isDecodedAsText, mangledNameOf } from './formats/mangled.ts'
import { type Orientation, sizeAsShown } from './formats/orientation.ts'
import { alsoIs, nameOf } from './formats/others.ts'
import { isPng, readPng } from './formats/png.ts'
import { malformed, type Picture, type Size, unsupported } from './formats/verdict.ts'
import { isWebp, readWebp } from './formats/webp.ts'

/** The accepted types, by their media type. */
export const imageTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif'] as const
export type ImageType = (typeof imageTypes)[number]

/** The properties in a file's header. */
export interface DetectedImage {
  readonly type: ImageType
  /** In pixels, as stored: the orientation is not applied. */
  readonly width: number
  readonly height: number
  readonly orientation: Orientation
}

export type { Orientation }
export { sizeAsShown }

/** The longest side, in pixels. */
const maxSidePixels = 16_384
/** The most pixels of an image: decoded, each takes four bytes. */
const maxImagePixels = 100_000_000

interface Format {
  readonly type: ImageType
  readonly name: string
  readonly is: (file: Buffer) => boolean
  readonly read: (file: Buffer) => Picture
}

// Their first bytes exclude each other, so the order does not matter.
const formats: readonly Format[] = [
  { type: 'image/png', name: 'PNG', is: isPng, read: readPng },
  { type: 'image/jpeg', name: 'JPEG', is: isJpeg, read: readJpeg },
  { type: 'image/webp', name: 'WebP', is: isWebp, read: readWebp },
  { type: 'image/heic', name: 'HEIF', is: isHeic, read: readHeif },
  { type: 'image/heif', name: 'HEIF', is: isHeif, read: readHeif },
]

/**
 * Detects the kind of an image from its bytes alone: neither a name nor a header matters. The structure of the whole file
 * is checked, nothing is decoded.
 *
 * Animated PNG and WebP are accepted: viewers of stills show their first picture. Bytes after the image's end are ignored,
 * as by decoders, unless they make the file a ZIP archive or a PDF too.
 *
 * @throws VisionError `image.unsupported_type`, which names the type that was found, if it is known; `image.truncated`,
 *   `image.malformed` or `image.too_many_pixels`
 */
export function detectImage(bytes: Uint8Array): DetectedImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const format = formats.find(({ is }) => is(file))
  if (format === undefined) throw unsupported(nameOf(file) ?? mangledNameOf(file, formatNameOf))
  const { coded, ...picture } = readPicture(format, file)
  // A decoder allocates the whole coded picture, however little of it is shown.
  checkSize(format.name, coded ?? picture)
  const other = alsoIs(file)
  if (other) throw unsupported(`a ${format.name} and ${other} at once`)
  return { type: format.type, ...picture }
}

/** The name of the format whose signature the bytes have. */
export function formatNameOf(bytes: Buffer): string | undefined {
  return formats.find(({ is }) => is(bytes))?.name
}

function checkSize(format: string, { width, height }: Size): void {
  if (width === 0 || height === 0) throw malformed(format, 'it has no width or no height')
  if (width > maxSidePixels || height > maxSidePixels || width * height > maxImagePixels) {
    throw new VisionError('image.too_many_pixels', {
      message: `The image has ${width} x ${height} pixels. At most 16,384 a side and 100 million in all are taken.`,
    })
  }
}

function readPicture({ name, read }: Format, file: Buffer): Picture {
  try {
    return read(file)
  } catch (error) {
    // The first letters of some formats are longer than their signature.
    if (isDecodedAsText(file, 4_096)) throw unsupported(decodedAsText)
    // A read past the end of a chunk or box.
    if (error instanceof RangeError) throw malformed(name, 'its header is too short')
    throw error
  }
}
