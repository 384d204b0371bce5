import decodeHeic from 'heic-decode'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { detectImage, sizeAsShown } from '../../core/images/detect.ts'
import {
  box,
  cleanAperture,
  exif,
  heif,
  jpegSegment,
  mirror,
  png,
  pngChunk,
  rotation,
  webp,
  webpCanvas,
  webpChunk,
  webpLossless,
} from '../support/images/image-files.ts'
import { fixture } from '../support/images/storage.ts'

const orientations = [1, 2, 3, 4, 5, 6, 7, 8] as const
const flat = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#108080' } })
const photo = await fixture('photo-like.jpg')
const withInJpeg = (...parts: readonly Uint8Array[]) =>
  Buffer.concat([photo.subarray(0, 2), ...parts, photo.subarray(2)])
const app1 = (...parts: readonly (Uint8Array | string)[]) =>
  jpegSegment(0xe1, Buffer.concat(parts.map((part) => Buffer.from(part))))
const orientationOf = (file: Buffer) => detectImage(file).orientation

describe('how a picture is turned is read', () => {
  describe.each(orientations)('%i', (orientation) => {
    test.each(['jpeg', 'png', 'webp'] as const)(
      'of a %s that sharp has written, and its size as shown',
      async (format) => {
        const file = await flat(50, 40).withMetadata({ orientation }).toFormat(format).toBuffer()
        const { autoOrient } = await sharp(file).metadata()
        const found = detectImage(file)
        expect(found).toEqual({ type: `image/${format}`, width: 50, height: 40, orientation })
        expect(sizeAsShown(found, orientation)).toEqual(autoOrient)
      },
    )

    test.each([{}, { littleEndian: true }, { type: 4 }, { littleEndian: true, type: 4 }])(
      'written as %j',
      (options) => {
        expect(orientationOf(withInJpeg(app1('Exif\0\0', exif(orientation, options))))).toBe(orientation)
        expect(orientationOf(png(8, 4, pngChunk('eXIf', exif(orientation, options))))).toBe(orientation)
      },
    )
  })

  test('of the first Exif block, wherever it stands, and not of another kind of metadata', () => {
    expect(orientationOf(withInJpeg(app1('http://ns.adobe.com/xap/1.0/\0', exif(3)), app1('Exif\0\0', exif(6))))).toBe(
      6,
    )
    expect(orientationOf(withInJpeg(app1('Exif\0\0', exif(8)), app1('Exif\0\0', exif(6))))).toBe(8)
    const [ends, end] = [png(8, 4).length - 12, png(8, 4).subarray(-12)]
    const late = Buffer.concat([png(8, 4).subarray(0, ends), pngChunk('eXIf', exif(6)), pngChunk('eXIf', exif(8)), end])
    expect(orientationOf(late)).toBe(6)
  })

  test('also where "Exif" stands before it in a WebP or PNG; in a WebP only if its canvas says so', async () => {
    const file = (flags: number, block: Buffer) =>
      webp(webpCanvas(8, 8, flags), webpLossless(8, 8), webpChunk('EXIF', block))
    expect(orientationOf(file(8, exif(6)))).toBe(6)
    expect(orientationOf(file(8, Buffer.concat([Buffer.from('Exif\0\0'), exif(6)])))).toBe(6)
    expect(orientationOf(file(0, exif(6)))).toBe(1)
    expect(orientationOf(png(8, 4, pngChunk('eXIf', Buffer.concat([Buffer.from('Exif\0\0'), exif(6)]))))).toBe(6)
  })

  test.each([
    ['says 0', exif(0)],
    ['says 9', exif(9)],
    ['says it in another type', exif(6, { type: 2 })],
    ['has fewer entries', exif(6, { entries: 1 })],
    ['is cut off', exif(6).subarray(0, 30)],
    ['has more entries than bytes', exif(3, { entries: 9, type: 2 })],
    ['is no TIFF', Buffer.from('nothing of the kind')],
    ['is empty', Buffer.alloc(0)],
  ])('as upright where the block %s', (_name, block) => {
    expect(orientationOf(withInJpeg(app1('Exif\0\0', block)))).toBe(1)
    expect(orientationOf(png(8, 4, pngChunk('eXIf', block)))).toBe(1)
  })
})

describe('a HEIF is', () => {
  const size = [60, 40] as const
  const heic = (...properties: readonly Buffer[]) => heif(['heic', 'mif1'], [{ type: 'hvc1', size, properties }])

  // What Exif would number so: a turn of the camera, with or without a mirror.
  test.each([
    [1, []],
    [2, [mirror(1)]],
    [3, [rotation(2)]],
    [4, [mirror(0)]],
    [5, [rotation(1), mirror(0)]],
    [6, [rotation(3)]],
    [7, [rotation(3), mirror(0)]],
    [7, [rotation(1), mirror(1)]],
    [8, [rotation(1)]],
    [6, [mirror(1), rotation(1), mirror(1)]],
  ] as const)('turned to %i by its own properties, in their order', (orientation, properties) => {
    expect(detectImage(heic(...properties))).toEqual({ type: 'image/heic', width: 60, height: 40, orientation })
  })

  test.each(['clap-29x100.heif', 'clap-123x456.heic'])('as large as its clean aperture: %s', async (name) => {
    const file = await fixture(name)
    const [, width, height] = name.match(/(\d+)x(\d+)/)?.map(Number) ?? []
    const decoded = await decodeHeic({ buffer: file })
    expect([decoded.width, decoded.height]).toEqual([width, height])
    expect(detectImage(file)).toMatchObject({ width, height, orientation: 1 })
  })

  test.each<[string, Buffer, number, number]>([
    ['in its middle', cleanAperture([29, 1], [10, 1], [0, 1], [0, 1]), 29, 10],
    ['of fractions', cleanAperture([87, 3], [101, 10], [0, 1], [0, 1]), 29, 10],
    ['moved to a corner', cleanAperture([30, 1], [20, 1], [-15 >>> 0, 1], [-10 >>> 0, 1]), 30, 20],
    ['moved over the edge', cleanAperture([30, 1], [20, 1], [25, 1], [0, 1]), 20, 20],
    ['larger than all', cleanAperture([100, 1], [100, 1], [0, 1], [0, 1]), 60, 40],
  ])('cropped to an aperture %s', (_name, aperture, width, height) => {
    expect(detectImage(heic(aperture))).toMatchObject({ width, height, orientation: 1 })
  })

  test('cropped, then turned, and its size is that before the turn', () => {
    const found = detectImage(heic(cleanAperture([30, 1], [20, 1], [0, 1], [0, 1]), rotation(3)))
    expect(found).toMatchObject({ width: 30, height: 20, orientation: 6 })
    expect(sizeAsShown(found, found.orientation)).toEqual({ width: 20, height: 30 })
  })

  test('cropped after it was turned, by an aperture of the turned picture', () => {
    const aperture = cleanAperture([10, 1], [50, 1], [0, 1], [0, 1])
    expect(detectImage(heic(rotation(1), aperture))).toMatchObject({ width: 50, height: 10, orientation: 8 })
  })

  test.each([
    ['divided by nothing', cleanAperture([30, 0], [20, 1], [0, 1], [0, 1])],
    ['of no width', cleanAperture([0, 1], [20, 1], [0, 1], [0, 1])],
    ['beside the picture', cleanAperture([30, 1], [20, 1], [100, 1], [0, 1])],
    ['cut off', box('clap', Buffer.alloc(8))],
  ])('refused where its aperture is %s', (_name, aperture) => {
    expect(() => detectImage(heic(aperture))).toThrow(expect.objectContaining({ code: 'image.malformed' }))
  })

  test('refused for all that is coded, however little of it is shown', () => {
    const properties = [cleanAperture([1, 1], [1, 1], [0, 1], [0, 1])]
    const file = heif(['heic'], [{ type: 'hvc1', size: [16_000, 16_000], properties }])
    expect(() => detectImage(file)).toThrow(expect.objectContaining({ code: 'image.too_many_pixels' }))
  })

  test('as libheif decodes it: the turns of a real picture', async () => {
    // The two properties of sample.heic that nothing needs become its turn; their boxes keep their lengths.
    const file = await fixture('clap-29x100.heif')
    const at = file.indexOf('clap') - 4
    const turned = Buffer.concat([
      file.subarray(0, at),
      rotation(3),
      box('free', Buffer.alloc(40 - 9 - 8)),
      file.subarray(at + 40),
    ])
    const { width, height } = await decodeHeic({ buffer: turned })
    const found = detectImage(turned)
    expect(found.orientation).toBe(6)
    expect(sizeAsShown(found, found.orientation)).toEqual({ width, height })
  })
})
