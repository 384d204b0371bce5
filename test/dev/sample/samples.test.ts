import { readdir, readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { BrandProfile } from '../../../core/pipeline/brand.ts'

const folder = new URL('../../../samples/', import.meta.url)
const files = await readdir(folder)
const pictures = files.filter((name) => name.endsWith('.png'))

test('a dozen sample pictures come along, small, and each with what it was drawn from', async () => {
  expect(pictures).toHaveLength(12)
  const sources = await readdir(new URL('../../../dev/sample/', import.meta.url))
  let total = 0
  for (const name of pictures) {
    const bytes = await readFile(new URL(name, folder))
    total += bytes.length
    const source = name.replace('.png', '.svg')
    expect(sources).toContain(source)
    const svg = await readFile(new URL(`../../../dev/sample/${source}`, import.meta.url), 'utf8')
    const { width, height } = await sharp(bytes).metadata()
    expect(svg).toContain(`viewBox="0 0 ${width} ${height}"`)
  }
  expect(total).toBeLessThan(600_000)
})

test('their brand profile is one that the API takes, as it is', async () => {
  const profile = JSON.parse(await readFile(new URL('brand.json', folder), 'utf8'))
  expect(BrandProfile.parse(profile)).toEqual(profile)
})
