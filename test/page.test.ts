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
    await page.setInputFiles('input[type=file]', join(root, 'samples/poster.png'))
    await page.click('button')
    await page.getByText('headline').waitFor({ timeout: 100_000 })
    expect(await page.textContent('[role=status]')).toMatch(/^job \d+: completed/)
    expect(await page.getAttribute('progress', 'value').then(Number)).toBe(100)
    // The icon that browsers ask for is no page of the example's.
    expect(errors).toEqual([])
  },
)

test.runIf(hasChromium)(
  'the reference page shows the document and makes calls with the local key, and asks no other server for anything',
  // A browser draws a hundred operations in seconds, and on a busy machine in many.
  { tags: 'long', timeout: 120_000 },
  async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(100_000)
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (line) => line.type() === 'error' && errors.push(line.text()))
    const hosts = new Set<string>()
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      if (protocol !== 'data:') hosts.add(host)
    })
    await page.goto(`${stack.url}/docs`)
    await page.locator('body[data-ready]').waitFor()
    await page.getByText('/v1/jobs', { exact: true }).first().waitFor()
    const operation = page.locator('#operations-jobs-getJobHistory')
    await operation.locator('.opblock-summary-control').click()
    const called = page.waitForRequest((request) => request.url().includes('/v1/jobs'))
    await operation.locator('button.execute').click()
    expect(await (await called).headerValue('authorization')).toBe(`Bearer ${stack.key}`)
    const status = operation.locator('.live-responses-table .response-col_status').last()
    await status.waitFor()
    expect((await status.textContent())?.trim()).toMatch(/^200/)
    expect(hosts).toEqual(new Set([new URL(stack.url).host]))
    expect(errors).toEqual([])
  },
)
