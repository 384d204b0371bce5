// npm run console:shots: makes the pictures of docs/console.md, of a stack of its own and of pictures that are drawn for it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { signToken } from '../../core/platform/auth.ts'
import { startStack } from '../../dev/stack.ts'
import { launchChromium } from '../support/dev/chromium.ts'
import { pottery } from './support/pottery.ts'

const out = resolve('docs/console')
const pictures = 21
const desk = { width: 1280, height: 1000 }
const phone = { width: 375, height: 812 }
/** No picture is longer than this, in pixels of the page. */
const longest = 1_600

const folder = await mkdtemp(join(tmpdir(), 'console-shots-'))
const secret = 'a-secret-of-the-pictures-alone-0123456789'
const stack = await startStack({
  env: { AUTH_SECRET: secret },
  port: 0,
  dataDir: join(folder, 'data'),
  emulatorLatencyMs: 900,
  say: (line) => process.stdout.write(`${line}\n`),
})
const at = (path: string) => `${stack.url}/console${path}`
const receiver = createServer((request, response) => {
  request.resume()
  response.end('Thank you')
})
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
const browser = await launchChromium()
try {
  await mkdir(out, { recursive: true })
  const page = await browser.newPage({ viewport: desk })
  page.setDefaultTimeout(120_000)

  await page.goto(at('/'))
  await page.getByRole('button', { name: 'Try the sample pictures' }).waitFor()
  await shoot(page, 'start', { isWhole: false })
  await page.getByLabel('Files').setInputFiles(await drawAll())
  await page.getByLabel('Batch name').fill('Autumn tableware 2026')
  await page.getByLabel('Alt text, German').check()
  await page.getByLabel('Alt text, Japanese').check()
  // A first job has to have run before anything is known of the cost.
  await runOne()
  await page.getByLabel('Product description, German').check()
  await page.getByText('≈').waitFor()
  await page.getByRole('heading', { name: 'Texts' }).click()
  await shoot(page, 'new', { isWhole: false })

  await page.getByRole('button', { name: /^Start/ }).click()
  await page.getByText(/^[4-9] of \d+ done/).waitFor()
  await shoot(page, 'batch')
  await page.getByText(`${pictures} of ${pictures + 1} done`).waitFor({ timeout: 120_000 })

  await page.goto(at('/jobs'))
  await page
    .getByLabel(/^Select ost-1/)
    .nth(2)
    .check()
  await page
    .getByLabel(/^Select ost-1/)
    .nth(4)
    .check()
  await shoot(page, 'jobs', { isWhole: false })
  await page.getByRole('link', { name: 'ost-1656.jpg' }).click()
  await page.locator('.prose').waitFor()
  await page.getByRole('tab', { name: 'Product description' }).click()
  await page.locator('img').first().waitFor()
  await shoot(page, 'job')

  const token = await signToken(secret, { userId: 'olivia', scopes: ['operator'], lifeSeconds: 600, now: Date.now() })
  await settings(page)
  await page.goto(at('/operations?span=1h'))
  await page.getByRole('button', { name: 'Sign in as an operator' }).click()
  await shoot(page, 'sign-in', { isWhole: false })
  await page.getByLabel('API key or token').fill(token)
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Pause Gemini' }).waitFor()
  await shoot(page, 'operations')
} finally {
  await browser.close()
  await stack.stop()
  receiver.close()
  await rm(folder, { recursive: true, force: true })
}

/** Brands, usage, keys and webhooks. */
async function settings(page: Page): Promise<void> {
  await page.goto(at('/brands/new'))
  await page.getByLabel('Name of the brand').fill('Ostra')
  await page.getByLabel('How its texts sound').fill('Calm and plain, with a dry humour')
  await page.getByLabel('Whom they speak to').fill('People who cook for friends')
  await page.getByLabel('Do', { exact: true }).fill('Name the workshop\nSay how a thing feels in the hand')
  await page.getByLabel('Don’t').fill('Exclamation marks')
  await page.getByLabel('Banned words').fill('cheap*\nstunning')
  await page.getByLabel('Name: value').fill('founded: 1987\nmade in: Leipzig')
  const colours = [
    ['#ddd9cf', 'Oat'],
    ['#2f4558', 'Deep blue'],
    ['#b9593a', 'Brick'],
  ] as const
  for (const [index, [hex, name]] of colours.entries()) {
    await page.getByRole('button', { name: 'Add a colour' }).click()
    await page.getByLabel(`Hex of colour ${index + 1}`).fill(hex)
    await page.getByLabel(`Name of colour ${index + 1}`).fill(name)
  }
  await page.getByRole('button', { name: 'Save the brand' }).click()
  await page.getByLabel('Text to try').selectOption('alt_text')
  await page.getByLabel('Picture to try').setInputFiles(join(folder, 'ost-1138.jpg'))
  await page.getByLabel('How its texts sound').fill('Calm, plain and short')
  await page.getByLabel('Banned words').fill('cheap*\nstunning\nperfect')
  await page.getByRole('button', { name: 'Save version 2' }).click()
  await page.getByRole('button', { name: 'Try version 2' }).click()
  await page.locator('.answer .prose').waitFor()
  await page.locator('summary', { hasText: /^Version 2/ }).click()
  await page.locator('ins').first().waitFor()
  await shoot(page, 'brand')

  await page.goto(at('/usage?days=7'))
  await page.locator('.columns').waitFor()
  await shoot(page, 'usage')

  await page.goto(at('/keys'))
  for (const name of ['Shop import', 'Newsletter']) {
    await page.getByLabel('Name of the program').fill(name)
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByText(`The key of ${name}.`).waitFor()
  }
  await shoot(page, 'keys', { isWhole: false })

  await page.goto(at('/webhooks'))
  const { port } = receiver.address() as AddressInfo
  await page.getByLabel('Address').fill(`http://127.0.0.1:${port}/hooks/vision`)
  await page.getByRole('button', { name: 'Add the endpoint' }).click()
  await page.locator('a.open').click()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('1 attempt, the last was answered 200').waitFor()
  await shoot(page, 'webhook', { isWhole: false })
}

/** The files of the made-up workshop, and one that holds nothing. */
async function drawAll(): Promise<string[]> {
  const files = await Promise.all(
    Array.from({ length: pictures }, async (_, number) => {
      const path = join(folder, `ost-${1101 + number * 37}.jpg`)
      await writeFile(path, await pottery(number, number === 5 ? 400 : 1200))
      return path
    }),
  )
  const hollow = join(folder, 'ost-1990.heic')
  await writeFile(hollow, Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')]))
  return [...files, hollow]
}

async function runOne(): Promise<void> {
  await fetch(`${stack.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=25' },
    body: JSON.stringify({
      imageUrl: `data:image/jpeg;base64,${(await pottery(40, 300)).toString('base64')}`,
      analysisPurpose: 'Sell it in our shop',
      outputFormat: 'alt_text',
    }),
  })
}

/** In light, in dark, and on a phone. */
async function shoot(page: Page, name: string, { isWhole = true } = {}): Promise<void> {
  for (const [suffix, colorScheme, viewport] of [
    ['light', 'light', desk],
    ['dark', 'dark', desk],
    ['phone', 'light', phone],
  ] as const) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    // Pictures are loaded as they come into view.
    await page.waitForTimeout(700)
    const png = await page.screenshot({ fullPage: isWhole && suffix !== 'phone' })
    const { height = 0, width = 0 } = await sharp(png).metadata()
    const image = sharp(png).extract({ left: 0, top: 0, width, height: Math.min(height, longest) })
    await image
      .resize({ width: suffix === 'phone' ? 375 : 960 })
      .webp({ quality: 72 })
      .toFile(join(out, `${name}-${suffix}.webp`))
  }
  await page.setViewportSize(desk)
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' })
}
