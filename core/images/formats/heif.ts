import { transform } from './heif-transforms.ts'
import { malformed, type Picture, type Size, truncated, unsupported } from './verdict.ts'

// ISO/IEC 23008-12, annex B: stills coded as HEVC. The brands of the container alone (mif1, msf1) are AVIF's too.
const heicBrands = ['heic', 'heix', 'heim', 'heis']
const heifBrands = ['mif1', 'msf1', 'hevc', 'hevx', 'hevm', 'hevs']
// Pictures that are made of other ones: tiles in a grid, overlays, a rotated or toned copy.
const derived = ['grid', 'iovl', 'iden', 'tmap']

/** The major and the compatible brands of an ISO media file's first box; none if it is another kind of file. */
export function brandsOf(file: Buffer): readonly string[] {
  if (file.length < 16 || file.toString('latin1', 4, 8) !== 'ftyp') return []
  const end = Math.min(file.readUInt32BE(0), file.length)
  const brands = [file.toString('latin1', 8, 12)]
  for (let at = 16; at + 4 <= end; at += 4) brands.push(file.toString('latin1', at, at + 4))
  return brands
}

/** Whether the brands name AVIF; they may claim HEIC besides, but one file is not taken for two things. */
export function isAvif(file: Buffer): boolean {
  return brandsOf(file).some((brand) => brand === 'avif' || brand === 'avis')
}

export function isHeic(file: Buffer): boolean {
  return !isAvif(file) && brandsOf(file).some((brand) => heicBrands.includes(brand))
}

export function isHeif(file: Buffer): boolean {
  return !isAvif(file) && !isHeic(file) && brandsOf(file).some((brand) => heifBrands.includes(brand))
}

/**
 * The primary picture of a HEIF file whose boxes are all complete, not a thumbnail or a tile: its size is that of its clean
 * aperture, if it has one. As for decoders, the coding of the picture counts, not the brands: only HEVC is accepted.
 *
 * @throws VisionError `image.truncated`, `image.malformed` or `image.unsupported_type`
 */
export function readHeif(file: Buffer): Picture {
  const boxes = topLevelBoxesOf(file)
  if (!boxes.some(({ type }) => type === 'meta')) throw malformed('HEIF', 'there is no still picture in it')
  const meta = childrenOf(only(boxes, 'meta').subarray(4))
  const primary = readPrimary(only(meta, 'pitm'))
  const types = readItemTypes(only(meta, 'iinf'))
  const sources = readSources(meta.find(({ type }) => type === 'iref')?.data)

  const coded = codedItemsOf(primary, types, sources)
  if (coded.size === 0) throw malformed('HEIF', 'its picture is made of nothing')
  const strange = [...coded.values()].find((coding) => coding !== 'hvc1')
  if (strange === 'av01') throw unsupported('an AVIF')
  if (strange !== undefined) throw unsupported(`a HEIF with a picture coded as ${strange.replace(/\W/g, '?')}`)
  checkLocations(only(meta, 'iloc'), coded, file.length)

  const properties = childrenOf(only(meta, 'iprp'))
  const all = childrenOf(only(properties, 'ipco'))
  const own = properties
    .filter(({ type }) => type === 'ipma')
    .flatMap(({ data }) => readProperties(data, primary))
    .flatMap((property) => all[property - 1] ?? [])
  const [size, ...more] = own.flatMap(({ type, data }) => (type === 'ispe' ? [readSize(data)] : []))
  if (size === undefined || more.length > 0) throw malformed('HEIF', 'its picture does not have one size')
  return transform(size, own)
}

// Far more than a picture of many tiles has; without a limit, 20 MB of empty boxes would cost gigabytes.
const maxBoxes = 65_536

interface Box {
  readonly type: string
  readonly data: Buffer
}

/** ISO/IEC 14496-12, section 4.2. */
function topLevelBoxesOf(file: Buffer): readonly Box[] {
  return readBoxes(file, () => truncated('HEIF'))
}

function childrenOf(data: Buffer): readonly Box[] {
  return readBoxes(data, () => malformed('HEIF', 'a box in it reaches past the box around it'))
}

function readBoxes(data: Buffer, overrun: () => Error): readonly Box[] {
  const boxes: Box[] = []
  for (let at = 0; at < data.length; ) {
    if (at + 8 > data.length) throw overrun()
    if (boxes.length === maxBoxes) throw malformed('HEIF', 'there are too many boxes in it')
    const type = data.toString('latin1', at + 4, at + 8)
    let size = data.readUInt32BE(at)
    let header = 8
    if (size === 0) size = data.length - at
    if (size === 1) {
      header = 16
      if (at + header > data.length) throw overrun()
      size = Number(data.readBigUInt64BE(at + 8))
    }
    if (size < header) throw malformed('HEIF', 'a box in it is smaller than its own header')
    if (at + size > data.length) throw overrun()
    boxes.push({ type, data: data.subarray(at + header, at + size) })
    at += size
  }
  return boxes
}

function only(boxes: readonly Box[], type: string): Buffer {
  const [box, ...more] = boxes.filter((box) => box.type === type)
  if (box === undefined || more.length > 0) throw malformed('HEIF', `it does not have one ${type} box`)
  return box.data
}

// The boxes below: ISO/IEC 14496-12, section 8.11, and ISO/IEC 23008-12, sections 6.5.3 and 9.3. Each starts with a
// version (one byte) and flags (three).

function readPrimary(pitm: Buffer): number {
  return pitm.readUInt8(0) === 0 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4)
}

function readItemTypes(iinf: Buffer): ReadonlyMap<number, string> {
  const entries = childrenOf(iinf.subarray(iinf.readUInt8(0) === 0 ? 6 : 8))
  return new Map(
    entries.map(({ data }) => {
      const wide = data.readUInt8(0) >= 3
      const id = wide ? data.readUInt32BE(4) : data.readUInt16BE(4)
      const at = wide ? 10 : 8
      return [id, data.toString('latin1', at, at + 4)]
    }),
  )
}

/** Of each derived picture, the reference (still to be read) to the pictures that it is made of. */
function readSources(iref: Buffer | undefined): ReadonlyMap<number, () => readonly number[]> {
  if (iref === undefined) return new Map()
  const idBytes = iref.readUInt8(0) === 0 ? 2 : 4
  return new Map(
    childrenOf(iref.subarray(4))
      .filter(({ type }) => type === 'dimg')
      .map(({ data }) => [
        data.readUIntBE(0, idBytes),
        () =>
          Array.from({ length: data.readUInt16BE(idBytes) }, (_, index) =>
            data.readUIntBE(idBytes + 2 + index * idBytes, idBytes),
          ),
      ]),
  )
}

/** The item, or the items that it consists of, with the coding of each. */
function codedItemsOf(
  primary: number,
  types: ReadonlyMap<number, string>,
  sources: ReadonlyMap<number, () => readonly number[]>,
): ReadonlyMap<number, string> {
  const coded = new Map<number, string>()
  const items = new Set([primary])
  // A set may grow while it is iterated: each addition is visited too, once.
  for (const item of items) {
    const type = types.get(item)
    if (type === undefined) throw malformed('HEIF', 'a part of its picture is missing')
    if (!derived.includes(type)) coded.set(item, type)
    else for (const source of sources.get(item)?.() ?? []) items.add(source)
  }
  return coded
}

/** Checks that all these items have coded data, and that it lies within the file. */
function checkLocations(iloc: Buffer, items: ReadonlyMap<number, string>, fileLength: number): void {
  const missing = new Set(items.keys())
  const version = iloc.readUInt8(0)
  const [offsetBytes, lengthBytes] = [iloc.readUInt8(4) >> 4, iloc.readUInt8(4) & 15]
  const [baseBytes, indexBytes] = [iloc.readUInt8(5) >> 4, version === 0 ? 0 : iloc.readUInt8(5) & 15]
  const idBytes = version < 2 ? 2 : 4
  let at = 6
  const next = (bytes: number) => {
    at += bytes
    if (bytes === 0) return 0
    return bytes === 8 ? Number(iloc.readBigUInt64BE(at - 8)) : iloc.readUIntBE(at - bytes, bytes)
  }
  for (let left = next(idBytes); left > 0; left--) {
    const item = next(idBytes)
    const method = version === 0 ? 0 : next(2) & 15
    next(2)
    const base = next(baseBytes)
    let length = 0
    for (let extents = next(2); extents > 0; extents--) {
      next(indexBytes)
      const start = base + next(offsetBytes)
      const extentLength = next(lengthBytes)
      // Other methods are relative to another box or item, which is complete.
      if (method === 0 && start + extentLength > fileLength) throw truncated('HEIF')
      length += extentLength
    }
    if (length > 0) missing.delete(item)
  }
  if (missing.size > 0) throw malformed('HEIF', 'a part of its picture is missing')
}

function readSize(ispe: Buffer): Size {
  return { width: ispe.readUInt32BE(4), height: ispe.readUInt32BE(8) }
}

/** The properties of an item, counted from 1 in their order in ipco. */
function readProperties(ipma: Buffer, item: number): readonly number[] {
  const [idBytes, indexBytes] = [ipma.readUInt8(0) === 0 ? 2 : 4, ipma.readUInt8(3) & 1 ? 2 : 1]
  // The highest bit says whether the property is essential.
  const indexBits = indexBytes === 2 ? 0x7fff : 0x7f
  const properties: number[] = []
  let at = 8
  for (let left = ipma.readUInt32BE(4); left > 0; left--) {
    const isItem = ipma.readUIntBE(at, idBytes) === item
    const end = at + idBytes + 1 + ipma.readUInt8(at + idBytes) * indexBytes
    for (at += idBytes + 1; at < end; at += indexBytes) {
      if (isItem) properties.push(ipma.readUIntBE(at, indexBytes) & indexBits)
    }
  }
  return properties
}
