import { flipped, mirrored, type Orientation, sizeAsShown, turnedLeft, upright } from './orientation.ts'
import { malformed, type Picture, type Size } from './verdict.ts'

// ISO/IEC 23008-12, section 6.5, and ISO/IEC 14496-12, section 12.1.4 (clap). A picture's transformations are applied one
// after the other, in the order in which they are associated with it. Exif in a HEIF has no say in it.

/** One property of a picture. */
export interface Property {
  readonly type: string
  readonly data: Buffer
}

/**
 * What is shown of a coded picture: cropped to its clean aperture, turned and mirrored.
 *
 * @throws VisionError `image.malformed`, where nothing of it would be left
 */
export function transform(coded: Size, properties: readonly Property[]): Picture {
  let shown = coded
  let orientation: Orientation = upright
  for (const { type, data } of properties) {
    if (type === 'clap') shown = crop(shown, data)
    if (type === 'irot') {
      const quarters = data.readUInt8(0) & 3
      for (let turn = 0; turn < quarters; turn++) orientation = turnedLeft[orientation]
      if (quarters % 2 === 1) shown = { width: shown.height, height: shown.width }
    }
    // 0 exchanges top and bottom, 1 left and right.
    if (type === 'imir') orientation = ((data.readUInt8(0) & 1) === 0 ? flipped : mirrored)[orientation]
  }
  return { ...sizeAsShown(shown, orientation), orientation, coded }
}

/** The aperture lies around the picture's centre, moved by an offset, and is clipped to the picture. */
function crop({ width, height }: Size, clap: Buffer): Size {
  const fraction = (at: number, isSigned = false) => {
    const denominator = clap.readUInt32BE(at + 4)
    if (denominator === 0) throw malformed('HEIF', 'its clean aperture is divided by nothing')
    return (isSigned ? clap.readInt32BE(at) : clap.readUInt32BE(at)) / denominator
  }
  const along = (side: number, aperture: number, offset: number) => {
    const first = Math.round((side - 1) / 2 + offset - (aperture - 1) / 2)
    return Math.min(side, first + Math.round(aperture)) - Math.max(0, first)
  }
  const cropped = {
    width: along(width, fraction(0), fraction(16, true)),
    height: along(height, fraction(8), fraction(24, true)),
  }
  if (cropped.width < 1 || cropped.height < 1) throw malformed('HEIF', 'its clean aperture leaves nothing of it')
  return cropped
}
