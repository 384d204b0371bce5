import { crc32, deflateSync } from 'node:zlib'

// Image files put together by hand, where no encoder makes what a test needs.

const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff])
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const uint32le = (value: number) => uint32(value).reverse()
const uint24le = (value: number) => uint32le(value).subarray(0, 3)
const latin1 = (text: string) => Buffer.from(text, 'latin1')

// PNG

export const pngSignature = latin1('\x89PNG\r\n\x1a\n')

export function pngChunk(type: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const typed = Buffer.concat([latin1(type), data])
  return Buffer.concat([uint32(data.length), typed, uint32(crc32(typed))])
}

export const pngHeader = (width: number, height: number) =>
  pngChunk('IHDR', Buffer.concat([uint32(width), uint32(height), Buffer.from([1, 0, 0, 0, 0])]))

/** One bit a pixel, all black. The rows are there if they are at most a million bytes. */
export function png(width: number, height: number, ...beforeData: readonly Buffer[]): Buffer {
  const rows = (1 + Math.ceil(width / 8)) * height
  const data = deflateSync(Buffer.alloc(rows <= 1_000_000 ? rows : 0))
  return Buffer.concat([
    pngSignature,
    pngHeader(width, height),
    ...beforeData,
    pngChunk('IDAT', data),
    pngChunk('IEND'),
  ])
}

/** Two frames, of which the first is what shows where animations do not. */
export function animatedPng(width: number, height: number): Buffer {
  const control = (sequence: number) =>
    pngChunk('fcTL', Buffer.concat([uint32(sequence), uint32(width), uint32(height), Buffer.alloc(8), Buffer.alloc(6)]))
  const data = deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * height))
  return Buffer.concat([
    pngSignature,
    pngHeader(width, height),
    pngChunk('acTL', Buffer.concat([uint32(2), uint32(0)])),
    control(0),
    pngChunk('IDAT', data),
    control(1),
    pngChunk('fdAT', Buffer.concat([uint32(2), data])),
    pngChunk('IEND'),
  ])
}

// JPEG

export const jpegSegment = (marker: number, data: Uint8Array) =>
  Buffer.concat([Buffer.from([0xff, marker]), uint16(data.length + 2), data])

export const jpegFrame = (marker: number, width: number, height: number) =>
  jpegSegment(marker, Buffer.concat([Buffer.from([8]), uint16(height), uint16(width), Buffer.from([1, 1, 0x11, 0])]))

/** A scan with an escaped FF and a restart marker in its data. */
export const jpegScan = Buffer.concat([
  jpegSegment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
  Buffer.from([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]),
])
export const jpegStart = Buffer.from([0xff, 0xd8])
export const jpegEnd = Buffer.from([0xff, 0xd9])

// WebP

export function webpChunk(type: string, data: Uint8Array): Buffer {
  return Buffer.concat([latin1(type), uint32le(data.length), data, Buffer.alloc(data.length % 2)])
}

export function webp(...chunks: readonly Buffer[]): Buffer {
  const content = Buffer.concat([latin1('WEBP'), ...chunks])
  return Buffer.concat([latin1('RIFF'), uint32le(content.length), content])
}

export const webpLossless = (width: number, height: number) =>
  webpChunk('VP8L', Buffer.concat([Buffer.from([0x2f]), uint32le((width - 1) | ((height - 1) << 14)), Buffer.alloc(5)]))

export const webpCanvas = (width: number, height: number, flags = 0) =>
  webpChunk('VP8X', Buffer.concat([Buffer.from([flags, 0, 0, 0]), uint24le(width - 1), uint24le(height - 1)]))

export const webpFrame = (width: number, height: number, ...chunks: readonly Buffer[]) =>
  webpChunk(
    'ANMF',
    Buffer.concat([Buffer.alloc(6), uint24le(width - 1), uint24le(height - 1), Buffer.alloc(4), ...chunks]),
  )

// HEIF

export const box = (type: string, ...parts: readonly Uint8Array[]) => {
  const content = Buffer.concat(parts)
  return Buffer.concat([uint32(content.length + 8), latin1(type), content])
}
const fullBox = (type: string, version: number, ...parts: readonly Uint8Array[]) =>
  box(type, Buffer.from([version, 0, 0, 0]), ...parts)

export const fileType = (...brands: readonly string[]) =>
  box('ftyp', latin1(String(brands[0])), uint32(0), latin1(brands.slice(1).join('')))

export interface HeifItem {
  readonly type: string
  readonly size?: readonly [width: number, height: number]
  /** Further properties, in their order. */
  readonly properties?: readonly Buffer[]
  /** The items that it is made of, counted from 1. */
  readonly madeOf?: readonly number[]
}

/**
 * A HEIF file with the given items, numbered from 1, and zeros for coded data.
 *
 * @param wide writes the versions of the boxes that have longer numbers
 */
export function heif(brands: readonly string[], items: readonly HeifItem[], primary = 1, wide = false): Buffer {
  const id = wide ? uint32 : uint16
  const entries = items.map(({ type }, index) =>
    fullBox('infe', wide ? 3 : 2, id(index + 1), uint16(0), latin1(`${type}\0`)),
  )
  const all: Buffer[] = []
  const associations = items.flatMap(({ size, properties = [] }, index) => {
    const own = [...(size ? [fullBox('ispe', 0, uint32(size[0]), uint32(size[1]))] : []), ...properties]
    if (own.length === 0) return []
    const numbers = own.map((property) => all.push(property))
    const indexes = numbers.map((number) => (wide ? uint16(0x8000 | number) : Buffer.from([0x80 | number])))
    return [Buffer.concat([id(index + 1), Buffer.from([own.length]), ...indexes])]
  })
  const references = items.flatMap(({ madeOf }, index) =>
    madeOf ? [box('dimg', id(index + 1), uint16(madeOf.length), ...madeOf.map(id))] : [],
  )
  const version = wide ? 1 : 0
  const coded = items.flatMap(({ madeOf }, index) => (madeOf ? [] : [index + 1]))
  const head = (dataStart: number) => {
    // Long numbers also: a construction method and an index, and offsets and lengths in 8 bytes.
    const number = (value: number) => (wide ? Buffer.concat([uint32(0), uint32(value)]) : uint32(value))
    const locations = coded.map((item, index) =>
      Buffer.concat([
        ...(wide
          ? [id(item), uint16(0), uint16(0), number(0), uint16(1), number(1)]
          : [id(item), uint16(0), uint16(1)]),
        ...[number(dataStart + index * codedBytes), number(codedBytes)],
      ]),
    )
    return Buffer.concat([
      fileType(...brands),
      fullBox(
        'meta',
        0,
        fullBox('hdlr', 0, uint32(0), latin1('pict'), Buffer.alloc(13)),
        fullBox('pitm', version, id(primary)),
        fullBox('iloc', wide ? 2 : 0, Buffer.from(wide ? [0x88, 0x88] : [0x44, 0]), id(coded.length), ...locations),
        fullBox('iinf', version, id(items.length), ...entries),
        ...(references.length > 0 ? [fullBox('iref', version, ...references)] : []),
        box(
          'iprp',
          box('ipco', ...all),
          box('ipma', Buffer.from([version, 0, 0, version]), uint32(associations.length), ...associations),
        ),
      ),
    ])
  }
  const dataStart = head(0).length + 8
  return Buffer.concat([head(dataStart), box('mdat', Buffer.alloc(coded.length * codedBytes))])
}

const codedBytes = 16

/** What is shown of a picture: a width, a height and two offsets, each a fraction. */
export const cleanAperture = (...fractions: readonly (readonly [number, number])[]) =>
  box('clap', ...fractions.map(([numerator, denominator]) => Buffer.concat([uint32(numerator), uint32(denominator)])))

/** By so many quarters anticlockwise. */
export const rotation = (quarters: number) => box('irot', Buffer.from([quarters]))

/** 0 exchanges top and bottom, 1 left and right. */
export const mirror = (axis: number) => box('imir', Buffer.from([axis]))

// Exif

/** A TIFF directory that says an orientation, after another entry. */
export function exif(orientation: number, { littleEndian = false, type = 3, entries = 2 } = {}): Buffer {
  const short = (value: number) => (littleEndian ? uint16(value).reverse() : uint16(value))
  const long = (value: number) => (littleEndian ? uint32le(value) : uint32(value))
  const entry = (tag: number, type: number, value: number) =>
    Buffer.concat([
      short(tag),
      short(type),
      long(1),
      type === 3 ? Buffer.concat([short(value), short(0)]) : long(value),
    ])
  return Buffer.concat([
    latin1(littleEndian ? 'II' : 'MM'),
    short(42),
    long(8),
    short(entries),
    entry(0x0100, 4, 640),
    entry(0x0112, type, orientation),
    long(0),
  ])
}

// Archives

/** A ZIP archive of one empty file, as it must end a file; its offsets count from where it begins. */
export function zip(): Buffer {
  const name = latin1('a.txt')
  const facts = Buffer.concat([
    Buffer.from([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(12),
    Buffer.from([5, 0, 0, 0]),
  ])
  const local = Buffer.concat([latin1('PK\x03\x04'), facts, name])
  const central = Buffer.concat([latin1('PK\x01\x02'), Buffer.from([20, 0]), facts, Buffer.alloc(14), name])
  const counts = Buffer.from([0, 0, 0, 0, 1, 0, 1, 0])
  const end = Buffer.concat([
    latin1('PK\x05\x06'),
    counts,
    uint32le(central.length),
    uint32le(local.length),
    Buffer.alloc(2),
  ])
  return Buffer.concat([local, central, end])
}
