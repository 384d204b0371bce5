import { asOrientation, type Orientation, upright } from './orientation.ts'

const prefix = 'Exif\0\0'
const [orientationTag, short, long] = [0x0112, 3, 4]

/**
 * The orientation in a block of Exif data: a TIFF file's first directory (CIPA DC-008, section 4.6; TIFF 6.0, section 2).
 * JPEG puts "Exif" before it, and many writers of WebP and PNG do the same.
 *
 * @returns 1 if there is none, or if the block is malformed: viewers show such a picture as it is stored
 */
export function readExifOrientation(block: Buffer): Orientation {
  const tiff = block.toString('latin1', 0, prefix.length) === prefix ? block.subarray(prefix.length) : block
  const order = tiff.toString('latin1', 0, 4)
  if (order !== 'II*\0' && order !== 'MM\0*') return upright
  const uint16 = (at: number) => (order === 'II*\0' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const uint32 = (at: number) => (order === 'II*\0' ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  try {
    const directory = uint32(4)
    for (let entry = 0; entry < uint16(directory); entry++) {
      const at = directory + 2 + entry * 12
      if (uint16(at) !== orientationTag) continue
      const type = uint16(at + 2)
      const value = type === short ? uint16(at + 8) : type === long ? uint32(at + 8) : 0
      return asOrientation(value) ?? upright
    }
    return upright
  } catch (error) {
    // A directory that reaches past the end of the block.
    if (error instanceof RangeError) return upright
    throw error
  }
}

/** Whether a JPEG's APP1 segment holds Exif data, and not XMP. */
export function isExif(segment: Buffer): boolean {
  return segment.toString('latin1', 0, prefix.length) === prefix
}
