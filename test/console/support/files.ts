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

/** A JPEG that ends early: browsers show what there is of it, and the pipeline refuses it. */
export async function cutOff(): Promise<ChosenFile> {
  const whole = await sharp({ create: { width: 400, height: 400, channels: 3, background: '#b9593a' } })
    .jpeg()
    .toBuffer()
  return { name: 'cut-off.jpg', mimeType: 'image/jpeg', buffer: whole.subarray(0, whole.length - 40) }
}
