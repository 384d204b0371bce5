import { VisionError } from '../domain/errors.ts'
import { tooLarge } from './body.ts'

/** Longer ones are a mistake, and slow to scan. */
const maxTypeLength = 1_000

/**
 * The bytes of a data: URL, parsed as in the Fetch standard ("data: URL processor"): surrounding blanks, line breaks and a
 * fragment are ignored; the data may be percent-encoded, and is base64 if the type ends with `;base64`, in any case. The
 * declared type is ignored.
 *
 * @throws VisionError `image.invalid_url`, which says what to change, or `image.too_large`
 */
export function decodeDataUrl(text: string, maxBytes: number): Uint8Array {
  const [url = ''] = text.replaceAll(/[\t\n\r]/g, '').split('#', 1)
  const comma = url.indexOf(',')
  if (comma === -1) throw refuse('has no comma before its data')
  const type = url.slice(url.indexOf(':') + 1, comma)
  if (type.length > maxTypeLength) throw refuse(`has ${type.length} characters before its comma`)
  const data = percentDecode(url.slice(comma + 1))
  const bytes = /; *base64$/i.test(type.trim()) ? decodeBase64(data.toString('latin1')) : data
  if (bytes.length > maxBytes) {
    throw tooLarge(
      maxBytes,
      bytes.length,
      'Upload a larger one (POST /v1/uploads), or name an https: URL.',
      'of a data: URL',
    )
  }
  return bytes
}

function refuse(why: string): VisionError {
  return new VisionError('image.invalid_url', {
    message: `The data: URL ${why}. It must look like data:image/png;base64,…`,
  })
}

/** A character that is not an escape stands for itself, in UTF-8. */
function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const escaped = bytes[at] === 0x25 ? bytes.toString('latin1', at + 1, at + 3) : ''
    const isEscape = /^[0-9a-f]{2}$/i.test(escaped)
    bytes[length++] = isEscape ? Number.parseInt(escaped, 16) : (bytes[at] ?? 0)
    if (isEscape) at += 2
  }
  return bytes.subarray(0, length)
}

/** Infra standard, "forgiving-base64 decode". */
function decodeBase64(text: string): Buffer {
  let digits = text.replaceAll(/[\t\n\f\r ]/g, '')
  if (digits.length % 4 === 0) digits = digits.replace(/={1,2}$/, '')
  if (/^[\w-]*$/.test(digits) && /[-_]/.test(digits)) {
    throw refuse('is in the alphabet of base64url: write + for - and / for _')
  }
  const wrong = digits.search(/[^A-Za-z0-9+/]/)
  if (wrong !== -1) throw refuse(`has ${JSON.stringify(digits[wrong])} in its data, which is no digit of base64`)
  if (digits.length % 4 === 1) throw refuse('has base64 data that is cut off')
  return Buffer.from(digits, 'base64')
}
