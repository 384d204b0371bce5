import sharp from 'sharp'

/** A file as Playwright takes it. */
export interface ChosenFile {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** A small picture, another one for each number. */
export async function picture(number: number, name = `picture-${number}.png`): Promise<ChosenFile> {
  const background = { r: (number * 37) % 256, g: (number * 101) % 256, b: number % 256 }
  const buffer = await sharp({ create: { width: 32, height: 40, channels: 3, background } })
    .png()
    .toBuffer()
  return { name, mimeType: 'image/png', buffer }
}

/** Begins as HEIC, which browsers cannot look into, and holds nothing: the pipeline finds that out. */
export function hollow(): ChosenFile {
  const buffer = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')])
  return { name: 'hollow.heic', mimeType: 'image/heic', buffer }
}
