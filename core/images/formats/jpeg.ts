import { isExif, readExifOrientation } from './exif.ts'
import { type Orientation, upright } from './orientation.ts'
import { malformed, type Picture, type Size, truncated, unsupported } from './verdict.ts'

export function isJpeg(file: Buffer): boolean {
  return file.toString('latin1', 0, 3) === '\xff\xd8\xff'
}

const [startOfImage, endOfImage, startOfScan, application1, temporary] = [0xd8, 0xd9, 0xda, 0xe1, 0x01]
const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7

// ITU-T T.81, table B.1: Huffman-coded baseline, extended and progressive frames. The others (lossless, hierarchical,
// arithmetic, and JPEG-LS of T.87) are what common decoders cannot read.
const commonFrames = [0xc0, 0xc1, 0xc2]
const otherFrames = [0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf, 0xf7]

/**
 * The picture of a JPEG whose segments and scans are all complete, up to its end marker (ITU-T T.81, annex B). A thumbnail
 * is inside a segment and is skipped with it. Bytes after the end marker are ignored, as by decoders: cameras append
 * further pictures, videos and padding.
 *
 * @throws VisionError `image.truncated`, `image.malformed` or `image.unsupported_type`
 */
export function readJpeg(file: Buffer): Picture {
  let size: Size | undefined
  let orientation: Orientation | undefined
  let hasScan = false
  for (let at = 2; ; ) {
    at = afterNextMarker(file, at, hasScan ? 'end marker (EOI)' : undefined)
    const marker = file.readUInt8(at - 1)
    if (marker === endOfImage) {
      if (!size || !hasScan) throw malformed('JPEG', 'there is no picture in it')
      return { ...size, orientation: orientation ?? upright }
    }
    if (marker === startOfImage) throw malformed('JPEG', 'another one starts inside of it')
    if (isRestart(marker) || marker === temporary) continue
    if (at + 2 > file.length) throw truncated('JPEG')
    const length = file.readUInt16BE(at)
    if (length < 2) throw malformed('JPEG', 'one of its segments has no length')
    if (at + length > file.length) throw truncated('JPEG')
    if (otherFrames.includes(marker)) throw unsupported('a JPEG of a rare kind (lossless, hierarchical or arithmetic)')
    if (commonFrames.includes(marker)) {
      if (size) throw malformed('JPEG', 'it has two frames')
      if (length < 8) throw malformed('JPEG', 'its frame header is too short')
      size = { height: file.readUInt16BE(at + 3), width: file.readUInt16BE(at + 5) }
    }
    if (marker === application1 && isExif(file.subarray(at + 2, at + length))) {
      orientation ??= readExifOrientation(file.subarray(at + 2, at + length))
    }
    if (marker === startOfScan) {
      if (!size) throw malformed('JPEG', 'it has a scan before its frame header')
      hasScan = true
    }
    at += length
  }
}

/**
 * The position after the next marker. Coded data (where a zero byte follows each FF) is passed over, and so is, as in
 * libjpeg, anything else before a marker.
 */
function afterNextMarker(file: Buffer, from: number, missing: string | undefined): number {
  for (let at = from; ; ) {
    at = file.indexOf(0xff, at)
    if (at === -1) throw truncated('JPEG', missing)
    while (file[at] === 0xff) at++
    if (at === file.length) throw truncated('JPEG', missing)
    if (file[at++] !== 0) return at
  }
}
