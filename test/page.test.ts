import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasChromium, launchChromium } from './support/dev/chromium.ts'
import { type LocalStack, startLocalStack } from './support/dev/local-stack.ts'
import { type PageServer, startPageServer } from './support/dev/page-server.ts'

const root = join(import.meta.dirname, '..')

let stack: LocalStack
let browser: Browser
let pages: PageServer
beforeAll(async () => {
  if (!hasChromium) return
  stack = await startLocalStack(50)
  pages = await startPageServer(stack, async () => ({
    type: 'text/html',
    body: await readFile(join(root, 'examples/watch.html')),
  }))
  browser = await launchChromium()
})
afterAll(async () => {
  if (!hasChromium) return
  await browser.close()
  pages.stop()
  await stack.stop()
})

test.runIf(hasChromium)(
  'watch.html creates a job and shows its text, from a page of another port in a real browser',
  async () => {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (line) => line.type() === 'error' && errors.push(line.text()))
    await page.goto(pages.url)
    await page.setInputFiles('input[type=file]', join(root, 'dev/sample/poster.png'))
    await page.click('button')
    await page.getByText('headline').waitFor({ timeout: 20_000 })
    expect(await page.textContent('[role=status]')).toMatch(/^job \d+: completed/)
    expect(await page.getAttribute('progress', 'value').then(Number)).toBe(100)
    // The icon that browsers ask for is no page of the example's.
    expect(errors).toEqual([])
  },
)
