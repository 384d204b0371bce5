import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { detectImage } from '../../core/images/detect.ts'
import { box, jpegSegment, png, pngChunk } from '../support/images/image-files.ts'

const fixture = (name: string) => readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url))
const names = { PNG: 'red.png', JPEG: 'photo-like.jpg', WebP: 'sample.webp', HEIF: 'sample.heic' }
const refusalOf = (file: Buffer) => {
  try {
    detectImage(file)
  } catch (error) {
    return error
  }
  throw new Error('it was taken')
}
const refused = (message: RegExp) => ({ code: 'image.unsupported_type', message: expect.stringMatching(message) })

describe.each(Object.entries(names))('a %s that was', (format, name) => {
  const file = fixture(name)
  const base64 = file.toString('base64')

  test.each<[string, Buffer, RegExp]>([
    ['saved as base64', Buffer.from(base64), new RegExp(`base64 text of a ${format}`)],
    ['saved as base64 with line breaks', Buffer.from(base64.replace(/.{76}/g, '$&\r\n')), /base64 text of a/],
    ['saved as base64 in quotes', Buffer.from(`"${base64}"\n`), /base64 text of a/],
    ['saved as base64url', Buffer.from(file.toString('base64url')), /base64 text of a/],
    ['saved as a data: URL', Buffer.from(`data:image/png;base64,${base64}`), /the text of a data: URL/],
    ['saved as hex', Buffer.from(file.toString('hex')), new RegExp(`hex text of a ${format}`)],
    ['saved as hex in upper case', Buffer.from(`0x${file.toString('hex').toUpperCase()}`), /hex text of a/],
    ['decoded as UTF-8', Buffer.from(file.toString()), /decoded as text/],
    ['decoded as UTF-8 and cut off', Buffer.from(`${file.toString()}\ufffd`).subarray(0, -1), /decoded as text/],
    ['decoded as ASCII', Buffer.from(file.toString('latin1').replace(/[\x80-\xff]/g, '\ufffd')), /decoded as text/],
  ])('%s is refused as that', (_name, mangled, message) => {
    expect(refusalOf(mangled)).toMatchObject(refused(message))
  })
})

test.each<[string, Buffer, RegExp]>([
  [
    'a JPEG written as UTF-8',
    Buffer.from(fixture('photo-like.jpg').toString('latin1')),
    /a JPEG that was written as text, in UTF-8/,
  ],
  [
    'a PNG written as UTF-8',
    Buffer.from(fixture('red.png').toString('latin1')),
    /a PNG that was written as text, in UTF-8/,
  ],
  [
    'a JPEG written as UTF-16',
    Buffer.from(`\ufeff${fixture('photo-like.jpg').toString('latin1')}`, 'utf16le'),
    /a JPEG that was written as text, in UTF-16/,
  ],
  [
    'a PNG whose line ends were changed',
    Buffer.from(fixture('red.png').toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
    /a PNG that was sent as text/,
  ],
  [
    'a PNG whose line ends were changed the other way',
    Buffer.from(fixture('red.png').toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
    /a PNG that was sent as text/,
  ],
  [
    'a PNG without its eighth bits',
    Buffer.from(fixture('red.png').map((byte) => byte & 0x7f)),
    /a PNG that was sent as text/,
  ],
])('%s is refused as that', (_name, mangled, message) => {
  expect(refusalOf(mangled)).toMatchObject(refused(message))
})

test('a text that is nothing of the kind is not called an image', () => {
  for (const text of [
    'hello, world',
    'some text \ufffd and more',
    'aGVsbG8sIHdvcmxkLCB0aGlzIGlzIHRleHQ=',
    'deadbeefdeadbeef',
  ]) {
    const error = refusalOf(Buffer.from(text.padEnd(100, '.')))
    expect(error).toMatchObject({ code: 'image.unsupported_type' })
    expect(String(error)).not.toMatch(/ of a (PNG|JPEG|WebP|HEIF)/)
  }
})

describe('a text within an image that mentions another format makes no other file of it', () => {
  test.each([
    'best quality %PDF- guide',
    'made from %PDF-1.7 by a tool',
    '%PDF-1.7 and some objects, an obj or two',
    'PK\x05\x06 is how a ZIP archive ends',
    '<html><script>alert(1)</script> %PDF GIF89a',
  ])('%s', (text) => {
    expect(detectImage(png(8, 4, pngChunk('tEXt', Buffer.from(`parameters\0${text}`))))).toMatchObject({ width: 8 })
    const jpeg = fixture('photo-like.jpg')
    const comment = jpegSegment(0xfe, Buffer.from(text))
    expect(detectImage(Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)])).type).toBe('image/jpeg')
    expect(detectImage(Buffer.concat([fixture('clap-29x100.heif'), box('free', Buffer.from(text))])).width).toBe(29)
  })
})

test.each([
  ['JPEG', Buffer.concat([fixture('photo-like.jpg').subarray(0, -2)])],
  ['PNG', fixture('red.png').subarray(0, -12)],
])('a %s without its end marker is refused as cut off, and told what is missing', (_format, file) => {
  expect(refusalOf(file)).toMatchObject({
    code: 'image.truncated',
    message: expect.stringMatching(/end marker.*save it anew/),
  })
})
