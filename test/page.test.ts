import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalStack, startLocalStack } from './support/dev/local-stack.ts'

const root = join(import.meta.dirname, '..')
/** Debian's; on other machines this file is left out. */
const executablePath = '/usr/bin/chromium'

let stack: LocalStack
let browser: Browser
let pages: Server

/** Serves the example and passes /v1 on, as Vite's development server does with `proxy: { '/v1': '…' }`: under the API's own Host. */
function startDevelopmentServer(): Promise<Server> {
  const server = createServer(async (incoming, response) => {
    if (!incoming.url?.startsWith('/v1')) {
      response.setHeader('content-type', 'text/html').end(await readFile(join(root, 'examples/watch.html')))
      return
    }
    const headers = { ...incoming.headers, host: new URL(stack.url).host }
    const passed = request(stack.url + incoming.url, { method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    incoming.pipe(passed)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

beforeAll(async () => {
  if (!existsSync(executablePath)) return
  stack = await startLocalStack(50)
  pages = await startDevelopmentServer()
  browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
})
afterAll(async () => {
  if (!existsSync(executablePath)) return
  await browser.close()
  pages.closeAllConnections()
  pages.close()
  await stack.stop()
})

test.runIf(existsSync(executablePath))(
  'watch.html creates a job and shows its text, from a page of another port in a real browser',
  async () => {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (line) => line.type() === 'error' && errors.push(line.text()))
    await page.goto(`http://localhost:${(pages.address() as AddressInfo).port}/`)
    await page.setInputFiles('input[type=file]', join(root, 'dev/sample/poster.png'))
    await page.click('button')
    await page.getByText('headline').waitFor({ timeout: 20_000 })
    expect(await page.textContent('[role=status]')).toMatch(/^job \d+: completed/)
    expect(await page.getAttribute('progress', 'value').then(Number)).toBe(100)
    // The icon that browsers ask for is no page of the example's.
    expect(errors).toEqual([])
  },
)
