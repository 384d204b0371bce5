import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { buildConsole } from '../../dev/console/build.ts'

let folder: string
beforeAll(async () => {
  folder = await buildConsole()
})

const filesOf = (pattern: RegExp) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => ({ name, content: readFileSync(join(folder, name)) }))

/** What a first visit loads: what the page names, and what that imports at once. */
function firstLoad(extension: 'js' | 'css'): number {
  const page = readFileSync(join(folder, 'index.html'), 'utf8')
  const named = filesOf(new RegExp(`\\.${extension}$`)).filter(({ name }) => page.includes(name))
  expect(named.length).toBeGreaterThan(0)
  return named.reduce((sum, { content }) => sum + gzipSync(content).length, 0)
}

test('a first visit loads at most 60 kB of JavaScript and 12 kB of CSS, compressed', () => {
  expect(firstLoad('js')).toBeLessThanOrEqual(60_000)
  expect(firstLoad('css')).toBeLessThanOrEqual(12_000)
})

test('the pages name no other server, and nothing in them makes HTML of a text', () => {
  const names = new Set<string>()
  for (const { content } of filesOf(/\.(html|js|css)$/)) {
    const text = content.toString()
    expect(text).not.toContain('insertAdjacentHTML')
    for (const [, host] of text.matchAll(/https?:\/\/([\w.-]+)/g)) names.add(String(host))
  }
  // The local stack is the client's default; the others are in a message of the router, names of XML, the place of no image, and an example of an address.
  expect([...names].sort()).toEqual(['example.com', 'github.com', 'localhost', 'shop.example', 'www.w3.org'])
  const sources = readdirSync('console/src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.tsx'),
  )
  for (const name of sources) {
    expect(readFileSync(join('console/src', name), 'utf8'), name).not.toMatch(/dangerouslySetInnerHTML|innerHTML/)
  }
})

test('a second build of the same sources is the first', async () => {
  expect(await buildConsole()).toBe(folder)
})
