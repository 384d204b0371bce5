import sharp from 'sharp'

/** The types of images that Gemini takes: https://ai.google.dev/gemini-api/docs/image-understanding */
export type ImageType = 'png' | 'jpeg' | 'webp' | 'heic'

/** The bytes are not an image of a type that the provider takes, or are damaged. */
export class UndecodableImage extends Error {
  override readonly name = 'UndecodableImage'
}

/**
 * An image to work on, turned as it is displayed, and its size in pixels. Its pixels are decoded as they are asked for: what is
 * damaged may be found only then.
 *
 * @param bytes a PNG, JPEG, WebP, HEIC or HEIF file
 * @throws UndecodableImage for anything else, and for a damaged head
 */
export async function openImage(bytes: Uint8Array) {
  const type = imageType(bytes)
  if (!type) throw new UndecodableImage('not a PNG, JPEG, WebP, HEIC or HEIF image')
  try {
    return { type, ...(type === 'heic' ? await openHeic(bytes) : await open(bytes)) }
  } catch (cause) {
    throw new UndecodableImage(`a damaged ${type} image`, { cause })
  }
}

/** HEIF brands of HEVC images (ISO/IEC 23008-12, B.4.1): AVIF is not among them, as Gemini does not take it. */
const heicBrands = new Set(['heic', 'heix', 'hevc', 'hevx', 'mif1', 'msf1'])

function imageType(bytes: Uint8Array): ImageType | undefined {
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
