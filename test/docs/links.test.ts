import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { pages, read, root } from './pages.ts'

/** As GitHub makes them of headings. */
function anchorsOf(text: string): readonly string[] {
  const headings = text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every link between pages leads to something', async () => {
  const broken: string[] = []
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      const found = await stat(join(root, file)).catch(() => undefined)
      const hasAnchor = anchor === undefined || (found?.isFile() && anchorsOf(read(file)).includes(anchor))
      if (!found || !hasAnchor) broken.push(`${page}: ${target}`)
    }
  }
  expect(broken).toEqual([])
})

test('the README is a page or three', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150)
})
