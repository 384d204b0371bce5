import { isUtf8 } from 'node:buffer'

// Image files that were damaged by a client that decoded the bytes as text, or sent the encoded text instead.

/** The description of such a file. */
export const decodedAsText = 'a file whose bytes were decoded as text, and are lost: read and send it as binary'

/** The replacement for bytes that are not text (U+FFFD). */
const replaced = Buffer.from('\ufffd')
const looked = 65_536

/**
 * How an image was damaged on its way, with its article, where that is easily recognised.
 *
 * @param formatOf the name of the format whose signature the bytes have
 */
export function mangledNameOf(file: Buffer, formatOf: (bytes: Buffer) => string | undefined): string | undefined {
  const start = file.subarray(0, 1024)
  const text = start.toString('latin1').trim()
  const stands = (bytes: Buffer, as: string) => {
    const format = formatOf(bytes)
    return format && `the ${as} of a ${format}: send the bytes that it stands for`
  }
  const base64 = text.replace(/^["']?(data:[^,]{0,200},)?/i, '')
  return (
    (/^data:/i.test(text) ? 'the text of a data: URL: send the bytes that it stands for' : undefined) ??
    (/^[\w+/-]{16}/.test(base64) ? stands(Buffer.from(base64, 'base64'), 'base64 text') : undefined) ??
    (/^(0x)?[0-9a-f]{16}/i.test(text) ? stands(Buffer.from(text.replace(/^0x/i, ''), 'hex'), 'hex text') : undefined) ??
    (isDecodedAsText(file, 64) ? decodedAsText : undefined) ??
    recoded(start, formatOf)
  )
}

/**
 * Whether invalid bytes were replaced: a text file in which that happened near the start.
 *
 * @param within how many bytes to check: a replacement character further on does not matter in a file that starts like an
 *   image
 */
export function isDecodedAsText(file: Buffer, within: number): boolean {
  const at = file.subarray(0, within).indexOf(replaced)
  return at !== -1 && isText(file.subarray(0, looked))
}

/** The last character may be cut in two. */
function isText(bytes: Buffer): boolean {
  return [0, 1, 2, 3].some((cut) => isUtf8(bytes.subarray(0, bytes.length - cut)))
}

function recoded(start: Buffer, formatOf: (bytes: Buffer) => string | undefined): string | undefined {
  const advice = 'read and send it as binary'
  if (/^\x89?PNG(\n|\r\r\n)|^\tPNG/.test(start.toString('latin1'))) {
    return `a PNG that was sent as text, which changed its bytes: ${advice}`
  }
  const [latin1, utf16] = [
    Buffer.from(start.toString('utf8'), 'latin1'),
    Buffer.from(start.toString('utf16le').slice(1), 'latin1'),
  ]
  if (isText(start) && formatOf(latin1)) return `a ${formatOf(latin1)} that was written as text, in UTF-8: ${advice}`
  if (start.toString('latin1', 0, 2) === '\xff\xfe') {
    return `${formatOf(utf16) ? `a ${formatOf(utf16)} that was written as` : 'a file of'} text, in UTF-16: ${advice}`
  }
  return undefined
}
