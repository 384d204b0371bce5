import { fileAt } from '#files'
import { VisionError } from './errors.ts'

/** An image: a file, its bytes, a path (not in a page), or a URL (`https:`, `data:`, or `upload:` of an upload). */
export type ImageSource = string | URL | Blob | Uint8Array

/** The largest image, in bytes: 20 MB. */
export const maxImageBytes = 20_000_000

export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/heic' | 'image/heif'

/** A file that can be uploaded. */
export interface ImageFile {
  readonly blob: Blob
  readonly type: ImageType
  /** In hex. */
  readonly sha256: string
}

/** The URL that a source is, or undefined where it is a file. */
export function urlOf(source: ImageSource): string | undefined {
  if (source instanceof URL) return source.protocol === 'file:' ? undefined : source.href
  // `C:\…` is a path.
  return typeof source === 'string' && /^(https?|data|upload):/i.test(source.trim()) ? source.trim() : undefined
}

/**
 * Reads what must be known of a file before it is sent.
 *
 * @throws VisionError `client.unreadable_file`, `image.unsupported_type` or `image.too_large`
 */
export async function readImage(source: Exclude<ImageSource, URL> | URL): Promise<ImageFile> {
  const blob = await blobOf(source)
  if (blob.size > maxImageBytes) {
    throw new VisionError('image.too_large', `The file has ${blob.size} bytes, more than the ${maxImageBytes} allowed.`)
  }
  const bytes = await blob.arrayBuffer().catch((cause: unknown) => {
    throw new VisionError('client.unreadable_file', 'The file cannot be read.', { cause })
  })
  const type = typeOf(new Uint8Array(bytes, 0, Math.min(32, bytes.byteLength)))
  if (type === undefined) {
    throw new VisionError('image.unsupported_type', 'The file is not a PNG, JPEG, WebP, HEIC or HEIF image.')
  }
  return { blob, type, sha256: await sha256Of(bytes) }
}

async function blobOf(source: ImageSource): Promise<Blob> {
  if (source instanceof Blob) return source
  if (source instanceof Uint8Array) return new Blob([source as Uint8Array<ArrayBuffer>])
  return fileAt(source instanceof URL ? decodeURIComponent(source.pathname) : source)
}

/** SHA-256 in hex. A page has it in secure contexts: over https, or from this machine. */
export async function sha256Of(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const heif = ['mif1', 'msf1', 'heif']
const heic = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx']

/** What a file begins as; the API looks at all of it. */
function typeOf(head: Uint8Array): ImageType | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...head.subarray(from, to))
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (text(0, 3) === '\xff\xd8\xff') return 'image/jpeg'
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'image/webp'
  if (text(4, 8) !== 'ftyp') return undefined
  // The major brand may be the common one, with the codec's among those that follow.
  const brands = [8, 16, 20, 24, 28].map((at) => text(at, at + 4))
  if (brands.some((brand) => heic.includes(brand))) return 'image/heic'
  return brands.some((brand) => heif.includes(brand)) ? 'image/heif' : undefined
}
