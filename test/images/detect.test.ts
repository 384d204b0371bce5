import { readFile } from 'node:fs/promises'
import decodeHeic from 'heic-decode'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { errorCodes, VisionError } from '../../core/domain/errors.ts'
import { detectImage } from '../../core/images/detect.ts'
import {
  animatedPng,
  box,
  fileType,
  type HeifItem,
  heif,
  jpegEnd,
  jpegFrame,
  jpegScan,
  jpegSegment,
  jpegStart,
  png,
  pngChunk,
  pngHeader,
  pngSignature,
  webp,
  webpCanvas,
  webpChunk,
  webpFrame,
  webpLossless,
  zip,
} from '../support/images/image-files.ts'

const fixture = (name: string) => readFile(new URL(`../fixtures/images/${name}`, import.meta.url))
const [red, photo, portrait, sampleWebp, sampleHeic, thumbnailHeic] = await Promise.all(
  ['red.png', 'photo-like.jpg', 'portrait-exif.jpg', 'sample.webp', 'sample.heic', 'thumbnail.heic'].map(fixture),
).then((files) => files as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer])
const join = (...parts: readonly (Uint8Array | string)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))
const [idat, iend] = [pngChunk('IDAT', Buffer.from('data')), pngChunk('IEND')]

const flat = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#108080' } })
const animation = () =>
  sharp(Buffer.from(Array.from({ length: 32 * 96 * 4 }, (_, index) => index % 251)), {
    raw: { width: 32, height: 96, channels: 4, pageHeight: 32 },
  })

/** The start of a JPEG, then the given, then the rest of it. */
const withInJpeg = (...parts: readonly Uint8Array[]) => join(photo.subarray(0, 2), ...parts, photo.subarray(2))
const withByte = (file: Buffer, at: number, value: number) => {
  const changed = Buffer.from(file)
  changed[at] = value
  return changed
}

describe('taken, with the size that a decoder finds,', () => {
  test.each<[string, () => Promise<Buffer> | Buffer]>([
    ['a PNG', () => red],
    ['a PNG as wide as allowed', () => png(16_384, 1)],
    [
      'a PNG with text and HTML in it',
      () => png(8, 4, pngChunk('tEXt', Buffer.from('Comment\0<script>alert(1)</script>'))),
    ],
    ['a PNG followed by HTML', () => join(red, '<html><script>alert(1)</script></html>')],
    ['an animated PNG', () => animatedPng(40, 30)],
    ['a JPEG', () => photo],
    ['a JPEG that asks to be turned, as stored', () => portrait],
    ['a progressive JPEG', () => flat(50, 40).jpeg({ progressive: true }).toBuffer()],
    ['a JPEG with a smaller JPEG in its EXIF', () => withInJpeg(jpegSegment(0xe1, join('Exif\0\0', portrait)))],
    ['a JPEG with fill bytes before a marker', () => withInJpeg(Buffer.from([0xff, 0xff]))],
    ['a JPEG followed by a video, as phones make them', () => join(photo, fileType('mp42', 'isom'), box('mdat'))],
    ['a JPEG followed by another one, as phones make them', () => join(photo, portrait)],
    ['a JPEG followed by zeros', () => join(photo, Buffer.alloc(100))],
    ['a lossy WebP', () => sampleWebp],
    ['a lossless WebP', () => flat(50, 40).webp({ lossless: true }).toBuffer()],
    ['a WebP with an alpha channel', () => flat(50, 40).ensureAlpha(0.5).webp().toBuffer()],
    ['a WebP with metadata', () => flat(50, 40).withMetadata({ density: 72 }).webp().toBuffer()],
    ['an animated WebP', () => animation().webp().toBuffer()],
    ['a WebP followed by HTML', () => join(sampleWebp, '<html>')],
  ])('%s', async (_name, make) => {
    const file = await make()
    const { info } = await sharp(file, { failOn: 'truncated' }).raw().toBuffer({ resolveWithObject: true })
    const { format, orientation = 1 } = await sharp(file).metadata()
    expect(detectImage(file)).toEqual({ type: `image/${format}`, width: info.width, height: info.height, orientation })
  })

  test.each([
    ['a HEIC', sampleHeic],
    ['a HEIC with a thumbnail, an alpha channel and tiles', thumbnailHeic],
  ])('%s', async (_name, file) => {
    const { width, height } = await decodeHeic({ buffer: file })
    expect(detectImage(file)).toEqual({ type: 'image/heic', width, height, orientation: 1 })
  })
})

const thumbnail: HeifItem = { type: 'hvc1', size: [160, 120] }
const tiles: readonly HeifItem[] = [
  { type: 'hvc1', size: [512, 512] },
  { type: 'hvc1', size: [512, 512] },
]
const photoOfTiles: HeifItem = { type: 'grid', size: [1000, 500], madeOf: [2, 3] }

/** Its last location as one in idat: with long numbers, method, base, index, offset and length end where iinf begins. */
function inAnotherBox(file: Buffer): Buffer {
  const end = file.indexOf('iinf') - 4
  return withByte(withByte(file, end - 37, 1), end - 11, 1)
}

describe('taken by its header, though there is no picture to decode,', () => {
  test.each<[string, Buffer, string, number, number]>([
    ['a PNG of exactly 100 megapixels', png(10_000, 10_000), 'image/png', 10_000, 10_000],
    [
      'a JPEG as high as allowed',
      join(jpegStart, jpegFrame(0xc0, 1, 16_384), jpegScan, jpegEnd),
      'image/jpeg',
      1,
      16_384,
    ],
    ['a HEIF of one picture', heif(['mif1', 'mif1'], [{ type: 'hvc1', size: [30, 20] }]), 'image/heif', 30, 20],
    [
      'a HEIF whose primary picture is not its first',
      heif(['heic', 'mif1'], [thumbnail, { type: 'hvc1', size: [800, 600] }], 2),
      'image/heic',
      800,
      600,
    ],
    ['a HEIF of tiles', heif(['heic', 'mif1'], [thumbnail, ...tiles, photoOfTiles], 4), 'image/heic', 1000, 500],
    [
      'a HEIF of tiles, with long numbers',
      heif(['mif1', 'heic'], [thumbnail, ...tiles, photoOfTiles], 4, true),
      'image/heic',
      1000,
      500,
    ],
    [
      'a HEIF with an AVIF thumbnail',
      heif(
        ['mif1', 'heic'],
        [
          { type: 'hvc1', size: [30, 20] },
          { type: 'av01', size: [9, 9] },
        ],
      ),
      'image/heic',
      30,
      20,
    ],
    [
      'a HEIF whose coded data lies within a box',
      inAnotherBox(heif(['heic'], [thumbnail], 1, true)),
      'image/heic',
      160,
      120,
    ],
    ['a HEIF whose last box has no length', join(heif(['heic'], [thumbnail]), '\0\0\0\0free'), 'image/heic', 160, 120],
  ])('%s', (_name, file, type, width, height) => {
    expect(detectImage(file)).toEqual({ type, width, height, orientation: 1 })
  })
})

describe('refused, with what was found:', () => {
  const found = (name: string) => `The file is not a PNG, JPEG, WebP, HEIC or HEIF image but ${name}.`
  const pixels = (width: number, height: number) => `The image has ${width} x ${height} pixels.`
  const hevc: HeifItem = { type: 'hvc1', size: [30, 20] }
  const heic = heif(['heic', 'mif1'], [hevc])

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string, string]>([
    // not an image, or not one that is taken
    ['nothing', () => Buffer.alloc(0), 'image.unsupported_type', found('an empty file')],
    ['a GIF', () => flat(9, 9).gif().toBuffer(), 'image.unsupported_type', found('a GIF')],
    ['a TIFF', () => flat(9, 9).tiff().toBuffer(), 'image.unsupported_type', found('a TIFF')],
    ['a TIFF of the other byte order', () => join('MM\0*', Buffer.alloc(9)), 'image.unsupported_type', found('a TIFF')],
    ['a BMP', () => join('BM', Buffer.alloc(60)), 'image.unsupported_type', found('a BMP')],
    ['an icon', () => join('\0\0\x01\0\x01\0', red), 'image.unsupported_type', found('an icon')],
    ['a PDF', () => Buffer.from('%PDF-1.7\n'), 'image.unsupported_type', found('a PDF')],
    [
      'an SVG',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'image.unsupported_type',
      found('an SVG'),
    ],
    [
      'an SVG after its prolog',
      () => Buffer.from('<?xml version="1.0"?>\n<!-- a -->\n<svg>'),
      'image.unsupported_type',
      found('an SVG'),
    ],
    ['an HTML page', () => Buffer.from('\n<!DOCTYPE html><svg>'), 'image.unsupported_type', found('an HTML page')],
    ['an HTML page before a PNG', () => join('<html>', red), 'image.unsupported_type', found('an HTML page')],
    ['JSON', () => Buffer.from('{"error":404}'), 'image.unsupported_type', found('JSON')],
    ['a ZIP archive', () => zip(), 'image.unsupported_type', found('a ZIP archive')],
    ['a gzip archive', () => Buffer.from('1f8b08', 'hex'), 'image.unsupported_type', found('a gzip archive')],
    [
      'a side file of macOS',
      () => Buffer.from('0005160700020000', 'hex'),
      'image.unsupported_type',
      found('a side file of macOS, without a picture: send the file without “._” in front'),
    ],
    [
      'a Git LFS pointer',
      () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
      'image.unsupported_type',
      found('a Git LFS pointer: send the file that it stands for (git lfs pull)'),
    ],
    [
      'the body of a form',
      () => join('------X\r\nContent-Disposition: form-data; name="file"\r\n\r\n', red),
      'image.unsupported_type',
      found('the body of a form (multipart): send the bytes of its file alone'),
    ],
    ...['\ufeff', '\n', '\r\n \n'].map((before): [string, () => Uint8Array, string, string] => [
      `a PNG after ${JSON.stringify(before)}`,
      () => join(before, red),
      'image.unsupported_type',
      found(
        'an image after a byte order mark or blank lines, which a program wrote before it: send it from its first byte',
      ),
    ]),
    ['a JPEG XL', () => Buffer.from('ff0a0000', 'hex'), 'image.unsupported_type', found('a JPEG XL')],
    [
      'a JPEG XL in a container',
      () => Buffer.from('\0\0\0\x0cJXL \r\n\x87\n', 'latin1'),
      'image.unsupported_type',
      found('a JPEG XL'),
    ],
    [
      'a JPEG 2000 without its container',
      () => Buffer.from('ff4fff51', 'hex'),
      'image.unsupported_type',
      found('a JPEG 2000'),
    ],
    [
      'a JPEG 2000',
      () => Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'),
      'image.unsupported_type',
      found('a JPEG 2000'),
    ],
    ['a Photoshop document', () => Buffer.from('8BPS\0\x01'), 'image.unsupported_type', found('a Photoshop document')],
    ['a video', () => fileType('isom', 'mp41'), 'image.unsupported_type', found('a media file of brand isom')],
    [
      'noise',
      () => Buffer.from('hello, world'),
      'image.unsupported_type',
      'not a PNG, JPEG, WebP, HEIC or HEIF image.',
    ],
    [
      'a PNG after a byte',
      () => join('x', red),
      'image.unsupported_type',
      'not a PNG, JPEG, WebP, HEIC or HEIF image.',
    ],

    // two things at once
    [
      'a PNG that is a ZIP archive',
      () => join(red, zip()),
      'image.unsupported_type',
      found('a PNG and a ZIP archive at once'),
    ],
    [
      'a JPEG that is a ZIP archive with more after it',
      () => join(photo, zip(), 'more'),
      'image.unsupported_type',
      found('a JPEG and a ZIP archive at once'),
    ],
    [
      'a JPEG that is a PDF',
      () => withInJpeg(jpegSegment(0xfe, Buffer.from('%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n'))),
      'image.unsupported_type',
      found('a JPEG and a PDF at once'),
    ],
    [
      'a WebP that is a ZIP archive',
      () => join(sampleWebp, zip()),
      'image.unsupported_type',
      found('a WebP and a ZIP archive at once'),
    ],
    [
      'a HEIC that is a ZIP archive',
      () => join(heic, box('free', zip())),
      'image.unsupported_type',
      found('a HEIF and a ZIP archive at once'),
    ],
    [
      'a HEIC that is an AVIF',
      () => heif(['heic', 'mif1', 'avif'], [hevc]),
      'image.unsupported_type',
      found('an AVIF'),
    ],

    // PNG
    ['a PNG that is only its signature', () => pngSignature, 'image.truncated', 'a PNG, but it is cut off'],
    ['a PNG cut in its header', () => red.subarray(0, 20), 'image.truncated', 'a PNG, but it is cut off'],
    ['a PNG cut in its data', () => red.subarray(0, 150), 'image.truncated', 'a PNG, but it is cut off'],
    ['a PNG without its end', () => red.subarray(0, -12), 'image.truncated', 'a PNG, but it is cut off'],
    ['a PNG without the last byte', () => red.subarray(0, -1), 'image.truncated', 'a PNG, but it is cut off'],
    [
      'an Apple CgBI PNG',
      () => join(pngSignature, pngChunk('CgBI', Buffer.alloc(4)), red.subarray(8)),
      'image.unsupported_type',
      'an Apple CgBI PNG',
    ],
    [
      'a PNG with something else before its header',
      () => join(pngSignature, pngChunk('tEXt', Buffer.alloc(4)), red.subarray(8)),
      'image.malformed',
      'it does not begin with IHDR',
    ],
    [
      'a PNG with a header of another length',
      () => join(pngSignature, pngChunk('IHDR', Buffer.alloc(14)), idat, iend),
      'image.malformed',
      'it does not begin with IHDR',
    ],
    ['a PNG with two headers', () => png(8, 4, pngHeader(9, 9)), 'image.malformed', 'it has two headers'],
    [
      'a PNG without a picture',
      () => join(pngSignature, pngHeader(8, 4), iend),
      'image.malformed',
      'there is no picture in it',
    ],
    ['a PNG with a damaged header', () => withByte(red, 19, 9), 'image.malformed', 'its IHDR is damaged'],
    [
      'a PNG with damaged data',
      () => withByte(red, red.indexOf('IDAT') + 9, 0xaa),
      'image.malformed',
      'its IDAT is damaged',
    ],
    [
      'a PNG header and then HTML',
      () => join(pngSignature, pngHeader(8, 4), '\0\0\0\0<html></html>'),
      'image.malformed',
      'something in it is no chunk',
    ],
    ['a PNG without a width', () => png(0, 4), 'image.malformed', 'it has no width'],
    ['a PNG that is too wide', () => png(16_385, 1), 'image.too_many_pixels', pixels(16_385, 1)],
    ['a PNG that is too high', () => png(1, 16_385), 'image.too_many_pixels', pixels(1, 16_385)],
    ['a PNG of too many pixels', () => png(10_000, 10_001), 'image.too_many_pixels', pixels(10_000, 10_001)],
    [
      'a PNG of four billion a side',
      () => png(0xffff_ffff, 0xffff_ffff),
      'image.too_many_pixels',
      pixels(0xffff_ffff, 0xffff_ffff),
    ],

    // JPEG
    ['a JPEG that is only its start', () => photo.subarray(0, 3), 'image.truncated', 'a JPEG, but it is cut off'],
    ['a JPEG cut in a segment', () => photo.subarray(0, 100), 'image.truncated', 'a JPEG, but it is cut off'],
    [
      'a JPEG cut in the length of a segment',
      () => photo.subarray(0, 5),
      'image.truncated',
      'a JPEG, but it is cut off',
    ],
    [
      'a JPEG cut in its frame header',
      () => join(jpegStart, jpegFrame(0xc0, 8, 8).subarray(0, 7)),
      'image.truncated',
      'a JPEG, but it is cut off',
    ],
    ['a JPEG cut in its scan', () => photo.subarray(0, -500), 'image.truncated', 'a JPEG, but it is cut off'],
    ['a JPEG without its end', () => photo.subarray(0, -2), 'image.truncated', 'a JPEG, but it is cut off'],
    ['a JPEG without the last byte', () => photo.subarray(0, -1), 'image.truncated', 'a JPEG, but it is cut off'],
    [
      'a JPEG that goes on as HTML',
      () => join(photo.subarray(0, 20), '<html></html>'),
      'image.truncated',
      'a JPEG, but it is cut off',
    ],
    [
      'a JPEG whose only end is its thumbnail’s',
      () => withInJpeg(jpegSegment(0xe1, join('Exif\0\0', portrait))).subarray(0, -2),
      'image.truncated',
      'a JPEG, but it is cut off',
    ],
    [
      'a JPEG without a picture',
      () => join(jpegStart, jpegSegment(0xe0, Buffer.alloc(9)), jpegEnd),
      'image.malformed',
      'there is no picture in it',
    ],
    [
      'a JPEG without a scan',
      () => join(jpegStart, jpegFrame(0xc0, 8, 8), jpegEnd),
      'image.malformed',
      'there is no picture in it',
    ],
    [
      'a JPEG with its scan first',
      () => join(jpegStart, jpegScan, jpegFrame(0xc0, 8, 8), jpegEnd),
      'image.malformed',
      'a scan before its frame header',
    ],
    [
      'a JPEG with two frames',
      () => join(jpegStart, jpegFrame(0xc0, 8, 8), jpegFrame(0xc0, 9, 9), jpegScan, jpegEnd),
      'image.malformed',
      'it has two frames',
    ],
    [
      'a JPEG in a JPEG',
      () => join(jpegStart, jpegFrame(0xc0, 8, 8), photo),
      'image.malformed',
      'another one starts inside of it',
    ],
    [
      'a JPEG with a frame of no length',
      () => join(jpegStart, jpegSegment(0xc0, Buffer.alloc(3)), jpegScan, jpegEnd),
      'image.malformed',
      'its frame header is too short',
    ],
    [
      'a JPEG with a segment of no length',
      () => join(jpegStart, Buffer.from([0xff, 0xe0, 0, 1]), photo.subarray(2)),
      'image.malformed',
      'one of its segments has no length',
    ],
    [
      'a JPEG that does not tell its height',
      () => join(jpegStart, jpegFrame(0xc0, 8, 0), jpegScan, jpegEnd),
      'image.malformed',
      'it has no width or no height',
    ],
    [
      'a lossless JPEG',
      () => join(jpegStart, jpegFrame(0xc3, 8, 8), jpegScan, jpegEnd),
      'image.unsupported_type',
      found('a JPEG of a rare kind (lossless, hierarchical or arithmetic)'),
    ],
    [
      'a JPEG-LS',
      () => join(jpegStart, jpegFrame(0xf7, 8, 8), jpegScan, jpegEnd),
      'image.unsupported_type',
      'a JPEG of a rare kind',
    ],
    [
      'a JPEG that is too wide',
      () => join(jpegStart, jpegFrame(0xc2, 16_385, 1), jpegScan, jpegEnd),
      'image.too_many_pixels',
      pixels(16_385, 1),
    ],

    // WebP
    ['a WebP without the last byte', () => sampleWebp.subarray(0, -1), 'image.truncated', 'a WebP, but it is cut off'],
    ['a WebP that is only its start', () => sampleWebp.subarray(0, 12), 'image.truncated', 'a WebP, but it is cut off'],
    ['a WebP with nothing in it', () => webp(), 'image.malformed', 'there is no picture in it'],
    [
      'a WebP with something else first',
      () => webp(webpChunk('EXIF', Buffer.alloc(9)), webpLossless(8, 8)),
      'image.malformed',
      'it does not begin with a picture',
    ],
    [
      'a WebP with a canvas and no picture',
      () => webp(webpCanvas(8, 8)),
      'image.malformed',
      'there is no picture in it',
    ],
    [
      'a WebP with a canvas of another size',
      () => webp(webpCanvas(8, 8), webpLossless(9, 8)),
      'image.malformed',
      'another size than its canvas',
    ],
    [
      'a WebP whose chunk is too long',
      () => webp(webpLossless(8, 8), webpChunk('EXIF', Buffer.alloc(9)).subarray(0, 12)),
      'image.malformed',
      'a chunk in it reaches past its end',
    ],
    [
      'a WebP whose chunk has no header',
      () => webp(webpLossless(8, 8), Buffer.alloc(4)),
      'image.malformed',
      'a chunk in it has no header',
    ],
    [
      'a WebP whose picture has no header',
      () => webp(webpChunk('VP8 ', Buffer.alloc(20))),
      'image.malformed',
      'its picture has no header',
    ],
    [
      'a lossless WebP whose picture has no header',
      () => webp(webpChunk('VP8L', Buffer.alloc(20))),
      'image.malformed',
      'its picture has no header',
    ],
    [
      'a WebP whose picture is too short',
      () => webp(webpChunk('VP8L', Buffer.from([0x2f, 1]))),
      'image.malformed',
      'its header is too short',
    ],
    [
      'an animated WebP without frames',
      () => webp(webpCanvas(8, 8, 2), webpLossless(8, 8)),
      'image.malformed',
      'there is no picture in it',
    ],
    [
      'an animated WebP with a frame past its canvas',
      () => webp(webpCanvas(8, 8, 2), webpFrame(9, 8, webpLossless(9, 8))),
      'image.malformed',
      'a frame of its animation reaches past its canvas',
    ],
    [
      'an animated WebP with a picture larger than its frame',
      () => webp(webpCanvas(8, 8, 2), webpFrame(8, 8, webpLossless(9, 8))),
      'image.malformed',
      'another size than its frame',
    ],
    [
      'an animated WebP with an empty frame',
      () => webp(webpCanvas(8, 8, 2), webpFrame(8, 8)),
      'image.malformed',
      'a frame of its animation has no picture',
    ],
    [
      'a WebP of too many pixels',
      () => webp(webpLossless(16_000, 16_000)),
      'image.too_many_pixels',
      pixels(16_000, 16_000),
    ],

    // HEIF
    ['an AVIF', () => flat(9, 9).avif().toBuffer(), 'image.unsupported_type', found('an AVIF')],
    [
      'an AVIF in a container of HEIF',
      () => fileType('mif1', 'mif1', 'avif', 'miaf'),
      'image.unsupported_type',
      found('an AVIF'),
    ],
    ['an AVIF sequence', () => fileType('msf1', 'msf1', 'avis'), 'image.unsupported_type', found('an AVIF')],
    [
      'an AVIF that claims to be HEIC',
      () => heif(['heic', 'mif1'], [{ type: 'av01', size: [30, 20] }]),
      'image.unsupported_type',
      found('an AVIF'),
    ],
    [
      'an AVIF that claims nothing',
      () => heif(['mif1'], [{ type: 'av01', size: [30, 20] }]),
      'image.unsupported_type',
      found('an AVIF'),
    ],
    [
      'an AVIF of tiles',
      () => heif(['mif1'], [{ type: 'grid', size: [30, 20], madeOf: [2, 3] }, hevc, { type: 'av01' }]),
      'image.unsupported_type',
      found('an AVIF'),
    ],
    [
      'a HEIF coded otherwise',
      () => heif(['mif1', 'heic'], [{ type: 'j2k1', size: [30, 20] }]),
      'image.unsupported_type',
      found('a HEIF with a picture coded as j2k1'),
    ],
    ['a HEIF cut in its data', () => heic.subarray(0, -1), 'image.truncated', 'a HEIF, but it is cut off'],
    [
      'a HEIF cut between its boxes',
      () => heic.subarray(0, heic.indexOf('mdat') - 4),
      'image.truncated',
      'a HEIF, but it is cut off',
    ],
    [
      'a HEIF cut between its boxes, with long numbers',
      () => {
        const file = heif(['heic'], [hevc], 1, true)
        return file.subarray(0, file.indexOf('mdat') - 4)
      },
      'image.truncated',
      'a HEIF, but it is cut off',
    ],
    [
      'a HEIF whose coded data is nowhere',
      () => heif(['heic'], [{ ...hevc, madeOf: [] }]),
      'image.malformed',
      'a part of its picture is missing',
    ],
    ['a HEIF cut in its boxes', () => sampleHeic.subarray(0, 200), 'image.truncated', 'a HEIF, but it is cut off'],
    [
      'a HEIF with a box past its end',
      () => join(heic, '\0\0\x01\0free'),
      'image.truncated',
      'a HEIF, but it is cut off',
    ],
    ['a HEIF cut in the size of a box', () => join(heic, '\0\0\0'), 'image.truncated', 'a HEIF, but it is cut off'],
    [
      'a HEIF cut in the long size of a box',
      () => join(heic, '\0\0\0\x01free\0\0'),
      'image.truncated',
      'a HEIF, but it is cut off',
    ],
    [
      'a HEIF whose coded data is empty',
      () => withByte(heic, heic.indexOf('iinf') - 5, 0),
      'image.malformed',
      'a part of its picture is missing',
    ],
    [
      'a HEIF with a huge box',
      () => join(heic, Buffer.from('000000016672656500ffffffffffffff', 'hex')),
      'image.truncated',
      'a HEIF, but it is cut off',
    ],
    ['a HEIF followed by HTML', () => join(heic, '<html></html>'), 'image.truncated', 'a HEIF, but it is cut off'],
    [
      'a HEIF with a box of no size',
      () => join(heic, '\0\0\0\x04free'),
      'image.malformed',
      'smaller than its own header',
    ],
    [
      'a HEIF of endless boxes',
      () => join(heic, ...Array(65_536).fill('\0\0\0\x08free')),
      'image.malformed',
      'there are too many boxes in it',
    ],
    [
      'a HEIF without a still picture',
      () => join(fileType('msf1', 'hevc'), box('moov')),
      'image.malformed',
      'there is no still picture in it',
    ],
    [
      'a HEIF with two sets of pictures',
      () => join(heic, heic.subarray(fileType('heic', 'mif1').length)),
      'image.malformed',
      'it does not have one meta box',
    ],
    [
      'a HEIF whose primary picture is missing',
      () => heif(['heic'], [hevc], 2),
      'image.malformed',
      'a part of its picture is missing',
    ],
    [
      'a HEIF whose tile is missing',
      () => heif(['heic'], [{ type: 'grid', size: [30, 20], madeOf: [2] }]),
      'image.malformed',
      'a part of its picture is missing',
    ],
    [
      'a HEIF made of itself',
      () => heif(['heic'], [{ type: 'iden', size: [30, 20], madeOf: [1] }]),
      'image.malformed',
      'its picture is made of nothing',
    ],
    [
      'a HEIF without a size',
      () => heif(['heic'], [{ type: 'hvc1' }]),
      'image.malformed',
      'its picture does not have one size',
    ],
    [
      'a HEIF that is too wide',
      () => heif(['heic'], [{ type: 'hvc1', size: [16_385, 1] }]),
      'image.too_many_pixels',
      pixels(16_385, 1),
    ],
    [
      'a HEIF of too many pixels behind a small thumbnail',
      () => heif(['heic'], [thumbnail, { type: 'hvc1', size: [16_000, 16_000] }], 2),
      'image.too_many_pixels',
      pixels(16_000, 16_000),
    ],
  ])('%s', async (_name, make, code, message) => {
    const file = await make()
    let error: unknown
    try {
      detectImage(file)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(VisionError)
    expect(error).toMatchObject({ code, errorClass: 'permanent', message: expect.stringContaining(message) })
    expect(errorCodes).toHaveProperty([code, 'status'], 400)
  })
})

test.each([
  ['PNG', red],
  ['JPEG', photo],
  ['WebP', sampleWebp],
  ['HEIC', sampleHeic],
  ['HEIC with tiles', thumbnailHeic],
])('a %s cut off anywhere is refused, and never by an error of another kind', (_name, file) => {
  for (let length = 0; length < file.length; length++) {
    expect(() => detectImage(file.subarray(0, length)), `${length} bytes`).toThrow(VisionError)
  }
})

test.each([
  ['PNG', red],
  ['JPEG', portrait],
  ['WebP', sampleWebp],
  ['HEIC', sampleHeic],
  ['HEIC with tiles', thumbnailHeic],
])('a %s with any one byte changed is judged, and never by an error of another kind', (_name, file) => {
  for (let at = 0; at < file.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      try {
        detectImage(withByte(file, at, value))
      } catch (error) {
        expect(error, `byte ${at} is ${value}`).toBeInstanceOf(VisionError)
      }
    }
  }
})

test.each<[string, () => Buffer]>([
  ['a WebP of empty chunks', () => webp(webpLossless(8, 8), Buffer.from('junk\0\0\0\0'.repeat(2_400_000)))],
  ['a PNG of empty chunks', () => png(8, 4, Buffer.from(Buffer.alloc(12 * 1_600_000, pngChunk('juNk'))))],
  ['a JPEG of empty segments', () => withInJpeg(Buffer.alloc(4 * 4_900_000, Buffer.from([0xff, 0xe0, 0, 2])))],
  [
    'a JPEG of escaped bytes',
    () => join(photo.subarray(0, -2), Buffer.alloc(19_000_000, Buffer.from([0xff, 0])), jpegEnd),
  ],
  ['a HEIF of empty boxes', () => join(fileType('heic'), Buffer.alloc(8 * 2_400_000, '\0\0\0\x08free'))],
])('%s, 20 MB of it, is judged without filling the memory', (_name, make) => {
  const file = make()
  const before = process.memoryUsage().heapUsed
  try {
    detectImage(file)
  } catch (error) {
    expect(error).toBeInstanceOf(VisionError)
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000)
})
