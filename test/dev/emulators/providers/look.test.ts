import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { type Look, lookAt } from '../../../../dev/emulators/providers/look.ts'
import { UndecodableImage } from '../../../../dev/emulators/providers/open-image.ts'
import { placeOf } from '../../../../dev/emulators/providers/places.ts'

const fixture = (name: string) => readFile(new URL(`../../../fixtures/images/${name}`, import.meta.url))

/** Whether a look has a colour near to `hex`, each channel within 12 of 255, of about that share. */
function expectColour({ colours }: Look, hex: string, share: number) {
  const channels = (code: string) => [1, 3, 5].map((from) => Number.parseInt(code.slice(from, from + 2), 16))
  const near = colours.find((colour) =>
    channels(colour.hex).every((value, index) => Math.abs(value - (channels(hex)[index] ?? 0)) <= 12),
  )
  expect(near, `${hex} among ${JSON.stringify(colours)}`).toBeDefined()
  expect(near?.share).toBeCloseTo(share, 1)
}

describe('the colours of an image', () => {
  test('a plain red square is one colour, exactly', async () => {
    expect(await lookAt(await fixture('red.png'))).toEqual({
      type: 'png',
      width: 64,
      height: 64,
      orientation: 'square',
      colours: [{ hex: '#ff0000', name: 'red', share: 1 }],
      brightness: 0.213,
      contrast: 0,
      nearMonochrome: false,
      placement: { column: 'centre', row: 'middle', room: 'none' },
    })
  })

  test('an image of two halves is two colours of a half each, exactly in PNG', async () => {
    const look = await lookAt(await fixture('halves.png'))
    expect(look.colours).toEqual([
      { hex: '#0000ff', name: 'blue', share: 0.5 },
      { hex: '#ffffff', name: 'white', share: 0.5 },
    ])
    expect(look.orientation).toBe('landscape')
  })

  test('the same halves in JPEG, and too large to be sampled pixel by pixel, are near to that', async () => {
    const large = await sharp(await fixture('halves.png'))
      .resize(1920, 1280, { kernel: 'nearest' })
      .jpeg({ quality: 90 })
      .toBuffer()
    const look = await lookAt(large)
    expect(look).toMatchObject({ type: 'jpeg', width: 1920, height: 1280 })
    expect(look.colours).toHaveLength(2)
    expectColour(look, '#0000ff', 0.5)
    expectColour(look, '#ffffff', 0.5)
  })

  test('thin stripes of a large image keep their colours and do not run into one', async () => {
    const stripes = Buffer.alloc(1000 * 300 * 3)
    for (let byte = 0; byte < stripes.length; byte += 3) stripes[byte] = byte % 30 < 15 ? 255 : 0
    const png = await sharp(stripes, { raw: { width: 1000, height: 300, channels: 3 } })
      .png()
      .toBuffer()
    const { colours } = await lookAt(png)
    expect(colours.map(({ hex }) => hex).sort()).toEqual(['#000000', '#ff0000'])
  })

  test.each(['sample.webp', 'sample.heic'])('%s shows its half and its two quarters', async (name) => {
    const look = await lookAt(await fixture(name))
    expect(look).toMatchObject({ type: name.split('.').at(-1), width: 96, height: 96, orientation: 'square' })
    expect(look.colours[0].name).toBe('teal')
    expectColour(look, '#108080', 0.5)
    expectColour(look, '#ff8c00', 0.25)
    expectColour(look, '#101c58', 0.25)
  })

  test('a photo has up to six colours, largest first, that leave nothing large out', async () => {
    const { colours, nearMonochrome } = await lookAt(await fixture('photo-like.jpg'))
    const shares = colours.map(({ share }) => share)
    expect(shares).toEqual([...shares].sort((a, b) => b - a))
    expect(colours.length).toBeGreaterThan(3)
    expect(colours.length).toBeLessThanOrEqual(6)
    expect(shares.reduce((sum, share) => sum + share)).toBeGreaterThan(0.9)
    expect(nearMonochrome).toBe(false)
  })

  test('what is transparent counts as white', async () => {
    const clear = sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
    expect((await lookAt(await clear.png().toBuffer())).colours).toEqual([{ hex: '#ffffff', name: 'white', share: 1 }])
  })

  test('the bundled sample image shows the colours of its poster', async () => {
    const poster = await readFile(new URL('../../../../samples/poster.png', import.meta.url))
    const look = await lookAt(poster)
    expect(look).toMatchObject({ width: 1200, height: 800, orientation: 'landscape' })
    expectColour(look, '#0f4c5c', 0.56)
    expectColour(look, '#ff8c1a', 0.19)
    expect(poster.length).toBeLessThan(150_000)
  })
})

describe('the other measurements', () => {
  test('a JPEG that EXIF turns is measured as it is displayed', async () => {
    const look = await lookAt(await fixture('portrait-exif.jpg'))
    expect(look).toMatchObject({ width: 64, height: 96, orientation: 'portrait' })
    expectColour(look, '#f0e0c0', 0.667)
  })

  test('the subject of such a JPEG stands where the eye sees it', async () => {
    const jpeg = sharp(dot(15, 15)).jpeg()
    expect(placeOf((await lookAt(await jpeg.toBuffer())).placement)).toBe('in the upper left')
    const turned = await jpeg.withMetadata({ orientation: 6 }).toBuffer()
    expect(placeOf((await lookAt(turned)).placement)).toBe('in the upper right')
  })

  test('half black and half white is of medium brightness, greatest contrast and no hue', async () => {
    const stripes = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40"/><rect width="20" height="40" fill="#fff"/></svg>',
    )
    expect(await lookAt(await sharp(stripes).png().toBuffer())).toMatchObject({
      brightness: 0.5,
      contrast: 0.5,
      nearMonochrome: true,
    })
  })

  test.each([
    [15, 15, 'in the upper left'],
    [45, 15, 'at the top'],
    [75, 15, 'in the upper right'],
    [15, 45, 'on the left'],
    [45, 45, 'in the centre'],
    [75, 45, 'on the right'],
    [15, 75, 'in the lower left'],
    [45, 75, 'at the bottom'],
    [75, 75, 'in the lower right'],
  ])('a subject at %i, %i of 90 stands %s', async (x, y, place) => {
    const { placement } = await lookAt(await sharp(dot(x, y)).png().toBuffer())
    expect([placeOf(placement), placement.room]).toEqual([place, 'little'])
  })

  test('a ground of two colours is no subject, and a subject can fill the image', async () => {
    const over = (svg: string) =>
      sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90">${svg}</svg>`))
        .png()
        .toBuffer()
    const ground = '<rect width="90" height="60" fill="#f7b5a3"/><rect y="60" width="90" height="30" fill="#fff5df"/>'
    const room = async (svg: string) => (await lookAt(await over(svg))).placement.room
    expect(await room(ground)).toBe('none')
    expect(await room(`${ground}<rect x="10" y="10" width="50" height="70" fill="#0f4c5c"/>`)).toBe('half')
    expect(await room(`${ground}<rect x="4" y="4" width="82" height="82" fill="#0f4c5c"/>`)).toBe('all')
  })
})

/** A disc of eight pixels around a place in an image of 90 by 90. */
const dot = (x: number, y: number) =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><rect width="90" height="90" fill="#fff"/><circle cx="${x}" cy="${y}" r="8"/></svg>`,
  )

describe('what cannot be looked at', () => {
  test.each([
    ['text', Buffer.from('not an image')],
    ['nothing', Buffer.alloc(0)],
    ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>')],
    ['the head of a PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
  ])('%s is refused by a typed error', async (_, bytes) => {
    await expect(lookAt(bytes)).rejects.toThrow(UndecodableImage)
  })

  test('a JPEG that was cut off is refused', async () => {
    const whole = await fixture('photo-like.jpg')
    await expect(lookAt(whole.subarray(0, whole.length / 2))).rejects.toThrow('a damaged jpeg image')
  })
})
