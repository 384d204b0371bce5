import { brandsOf, isAvif } from './heif.ts'

/** The kind of a file that is not an accepted image, with its article, where it is easily recognised. */
export function nameOf(file: Buffer): string | undefined {
  if (file.length === 0) return 'an empty file'
  const start = file.toString('latin1', 0, 1024)
  return (
    signatures.find(([signature]) => start.startsWith(signature))?.[1] ??
    texts.find(([pattern]) => pattern.test(start))?.[1] ??
    (isAvif(file) ? 'an AVIF' : nameOfMedia(file))
  )
}

const signatures: readonly (readonly [string, string])[] = [
  ['GIF8', 'a GIF'],
  ['%PDF-', 'a PDF'],
  ['BM', 'a BMP'],
  ['II*\0', 'a TIFF'],
  ['MM\0*', 'a TIFF'],
  ['\0\0\x01\0', 'an icon'],
  ['\xff\x0a', 'a JPEG XL'],
  ['\0\0\0\x0cJXL ', 'a JPEG XL'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000'],
  ['8BPS', 'a Photoshop document'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b', 'a gzip archive'],
  ['\0\x05\x16\x07', 'a side file of macOS, without a picture: send the file without “._” in front'],
]

const texts: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer: send the file that it stands for (git lfs pull)'],
  [/^--[^\r\n]{1,72}\r?\nContent-Disposition:/i, 'the body of a form (multipart): send the bytes of its file alone'],
  [
    /^(?:\xef\xbb\xbf|\s)+(?:\x89PNG|\xff\xd8\xff|RIFF[\s\S]{4}WEBP)/,
    'an image after a byte order mark or blank lines, which a program wrote before it: send it from its first byte',
  ],
  [/^\s*<(!doctype html|html|head|body|script)/i, 'an HTML page'],
  [/<svg[\s>]/i, 'an SVG'],
  [/^\s*[{[]/, 'JSON'],
]

function nameOfMedia(file: Buffer): string | undefined {
  const [brand] = brandsOf(file)
  return brand === undefined ? undefined : `a media file of brand ${brand.replace(/[^\w ]/g, '?').trim()}`
}

// An archive's last record may have a comment of 65,535 bytes after its own 22 (APPNOTE.TXT, section 4.3.16).
const farthestRecord = 65_535 + 22

/**
 * The other kind of file that a complete image also is: readers of ZIP start from the end, and those of PDF accept a header
 * anywhere in the first 1,024 bytes (ISO 32000-1, annex H, 3.4.1). A text that only mentions a format does not count.
 */
export function alsoIs(file: Buffer): string | undefined {
  if (isPdf(file)) return 'a PDF'
  const tail = Math.max(0, file.length - farthestRecord)
  for (let at = file.lastIndexOf('PK\x05\x06'); at >= tail; at = at > 0 ? file.lastIndexOf('PK\x05\x06', at - 1) : -1) {
    if (at + 22 > file.length) continue
    const directory = at - file.readUInt32LE(at + 12)
    if (file.toString('latin1', directory, directory + 4) === 'PK\x01\x02') return 'a ZIP archive'
  }
  return undefined
}

/** With an object after its header: readers repair a PDF without its end or its table, but not one without objects. */
function isPdf(file: Buffer): boolean {
  const header = file.toString('latin1', 0, 1024 + 8).search(/%PDF-\d/)
  if (header === -1 || header >= 1024) return false
  for (let at = file.indexOf('obj', header); at !== -1; at = file.indexOf('obj', at + 3)) {
    if (/\d\s+\d+\s*$/.test(file.toString('latin1', Math.max(0, at - 24), at))) return true
  }
  return false
}
