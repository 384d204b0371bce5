import { readExifOrientation } from './exif.ts'
import { type Orientation, upright } from './orientation.ts'
import { malformed, type Picture, type Size, truncated } from './verdict.ts'

export function isWebp(file: Buffer): boolean {
  return file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WEBP'
}

const [hasAnimation, hasExif] = [0x02, 0x08]

/**
 * The picture of a WebP whose chunks are all complete (RFC 9649), with the size of its canvas, which a still picture must
 * fill and an animation's frames must fit. Bytes after the RIFF are ignored, as by decoders.
 *
 * @throws VisionError `image.truncated` or `image.malformed`
 */
export function readWebp(file: Buffer): Picture {
  const riffEnd = 8 + file.readUInt32LE(4)
  if (riffEnd > file.length) throw truncated('WebP')
  let canvas: Size | undefined
  let isAnimated = false
  let hasPicture = false
  let mayTurn = false
  let orientation: Orientation | undefined
  for (const chunk of chunksOf(file, 12, riffEnd)) {
    if (canvas === undefined) {
      const isExtended = chunk.type === 'VP8X'
      canvas = isExtended ? canvasSize(chunk.data) : pictureSize(chunk)
      isAnimated = isExtended && (chunk.data.readUInt8(0) & hasAnimation) !== 0
      // Decoders ignore the chunk unless the canvas declares it.
      mayTurn = isExtended && (chunk.data.readUInt8(0) & hasExif) !== 0
      hasPicture = !isExtended
    } else if (mayTurn && chunk.type === 'EXIF') {
      orientation ??= readExifOrientation(chunk.data)
    } else if (isAnimated && chunk.type === 'ANMF') {
      checkFrame(chunk.data, canvas)
      hasPicture = true
    } else if (!isAnimated && !hasPicture && isPicture(chunk)) {
      if (!isSame(pictureSize(chunk), canvas)) throw malformed('WebP', 'its picture has another size than its canvas')
      hasPicture = true
    }
  }
  if (canvas === undefined || !hasPicture) throw malformed('WebP', 'there is no picture in it')
  return { ...canvas, orientation: orientation ?? upright }
}

interface Chunk {
  readonly type: string
  readonly data: Buffer
}

function* chunksOf(file: Buffer, from: number, end: number): Generator<Chunk> {
  for (let at = from; at < end; ) {
    if (at + 8 > end) throw malformed('WebP', 'a chunk in it has no header')
    const length = file.readUInt32LE(at + 4)
    const dataEnd = at + 8 + length
    if (dataEnd > end) throw malformed('WebP', 'a chunk in it reaches past its end')
    yield { type: file.toString('latin1', at, at + 4), data: file.subarray(at + 8, dataEnd) }
    at = dataEnd + (length % 2)
  }
}

function checkFrame(frame: Buffer, canvas: Size): void {
  const [x, y] = [2 * frame.readUIntLE(0, 3), 2 * frame.readUIntLE(3, 3)]
  const size = { width: 1 + frame.readUIntLE(6, 3), height: 1 + frame.readUIntLE(9, 3) }
  if (x + size.width > canvas.width || y + size.height > canvas.height) {
    throw malformed('WebP', 'a frame of its animation reaches past its canvas')
  }
  for (const chunk of chunksOf(frame, 16, frame.length)) {
    if (!isPicture(chunk)) continue
    if (!isSame(pictureSize(chunk), size)) throw malformed('WebP', 'a picture in it has another size than its frame')
    return
  }
  throw malformed('WebP', 'a frame of its animation has no picture')
}

const isPicture = ({ type }: Chunk) => type === 'VP8 ' || type === 'VP8L'
const isSame = (one: Size, other: Size) => one.width === other.width && one.height === other.height

const canvasSize = (data: Buffer) => ({ width: 1 + data.readUIntLE(4, 3), height: 1 + data.readUIntLE(7, 3) })

/** From the frame header of VP8 (RFC 6386, section 9.1) or the image header of VP8L (RFC 9649, section 3.4). */
function pictureSize({ type, data }: Chunk): Size {
  if (type === 'VP8 ') {
    const isKeyFrame = (data.readUInt8(0) & 1) === 0
    if (!isKeyFrame || data.readUIntBE(3, 3) !== 0x9d012a) throw malformed('WebP', 'its picture has no header')
    return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff }
  }
  if (type === 'VP8L') {
    if (data.readUInt8(0) !== 0x2f) throw malformed('WebP', 'its picture has no header')
    const bits = data.readUInt32LE(1)
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) }
  }
  throw malformed('WebP', 'it does not begin with a picture')
}
