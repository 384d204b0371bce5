import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

// Draws the pictures of samples/ from the .svg beside this file: `npm run -s example dev/sample/draw.ts`.

const sources = new URL('.', import.meta.url)
for (const file of await readdir(sources)) {
  if (!file.endsWith('.svg')) continue
  const picture = new URL(`../../samples/${file.replace('.svg', '.png')}`, import.meta.url)
  await sharp(fileURLToPath(new URL(file, sources)))
    .png({ palette: true, colours: 128, compressionLevel: 9, effort: 10 })
    .toFile(fileURLToPath(picture))
}
