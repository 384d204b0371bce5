import { readExifOrientation } from './exif.ts'
import { type Orientation, upright } from './orientation.ts'
import { malformed, type Picture, type Size, truncated, unsupported } from './verdict.ts'

const signature = '\x89PNG\r\n\x1a\n'

export function isPng(file: Buffer): boolean {
  return file.toString('latin1', 0, signature.length) === signature
}

/**
 * The picture of a PNG whose chunks are all complete, from the header to the end (W3C PNG, sections 5 and 11.2). Bytes
 * after the end are ignored, as by decoders. The first picture of an animated PNG is a complete PNG of this size.
 *
 * @throws VisionError `image.truncated`, `image.malformed` or `image.unsupported_type`
 */
export function readPng(file: Buffer): Picture {
  // Not imported: see docs/decisions/0013-bundles.md.
  const { crc32 } = process.getBuiltinModule('node:zlib')
  let size: Size | undefined
  let orientation: Orientation | undefined
  let hasData = false
  for (let at = signature.length; ; ) {
    if (at + 12 > file.length) throw truncated('PNG', hasData ? 'end marker (IEND)' : undefined)
    const length = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    // Xcode's form of a PNG: its pixels are packed differently, and only Apple's own software reads them.
    if (size === undefined && type === 'CgBI') {
      throw unsupported(
        'an Apple CgBI PNG, which only Apple’s own software can read; take the file from before Xcode’s build',
      )
    }
    if (size === undefined && !(type === 'IHDR' && length === 13)) throw malformed('PNG', 'it does not begin with IHDR')
    if (!/^[A-Za-z]{4}$/.test(type)) throw malformed('PNG', 'something in it is no chunk')
    const end = at + 12 + length
    if (end > file.length) throw truncated('PNG')
    // Upper case means critical: decoders give up on these when they are damaged, and skip the others.
    if (/^[A-Z]/.test(type) && crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) {
      throw malformed('PNG', `its ${type} is damaged`)
    }
    if (type === 'IHDR') {
      if (size) throw malformed('PNG', 'it has two headers')
      size = { width: file.readUInt32BE(at + 8), height: file.readUInt32BE(at + 12) }
    }
    if (type === 'IDAT') hasData = true
    if (type === 'eXIf') orientation ??= readExifOrientation(file.subarray(at + 8, end - 4))
    if (type === 'IEND') {
      if (!size || !hasData) throw malformed('PNG', 'there is no picture in it')
      return { ...size, orientation: orientation ?? upright }
    }
    at = end
  }
}
