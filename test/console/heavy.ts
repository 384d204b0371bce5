// npm run test:console [-- --minutes 10] [-- --only paint]: what takes too long for every run of the tests, measured on a stack of its own.
//
// - first paint of the console with a processor slowed down four times: at most 1 s
// - a gallery of 500 jobs: how many of its pictures are drawn, and how many frames a second while it is scrolled through
// - the heap of that page while it is scrolled for some minutes: flat, after the first of them
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { startStack } from '../../dev/stack.ts'
import { launchChromium } from '../support/dev/chromium.ts'
import { pottery } from './support/pottery.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, only: { type: 'string' } } })
const minutes = Number(values.minutes)
const jobs = 500
const slowdown = 4
const longestPaintMs = 1_000
const mostTiles = 120
const leastFrames = 50
/** Of the heap after the first minute: what it may have become at the end. */
const growth = 1.25

const failures: string[] = []
const report = (name: string, value: string, isGood: boolean) => {
  process.stdout.write(`${isGood ? 'ok  ' : 'FAIL'} ${name}: ${value}\n`)
  if (!isGood) failures.push(name)
}

const folder = await mkdtemp(join(tmpdir(), 'console-heavy-'))
const stack = await startStack({
  env: {},
  port: 0,
  dataDir: join(folder, 'data'),
  emulatorLatencyMs: 5,
  say: () => undefined,
})
const browser = await launchChromium()
try {
  await paint(browser, `${stack.url}/console/`)
  if (values.only !== 'paint') {
    const batchId = await makeBatch()
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(`${stack.url}/console/batches/${batchId}`)
    await page.getByText(`${jobs} of ${jobs} done`).waitFor({ timeout: 600_000 })
    await page.getByRole('button', { name: `All ${jobs}` }).waitFor()
    await gallery(page)
    await heap(page)
  }
} finally {
  await browser.close()
  await stack.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exitCode = failures.length === 0 ? 0 : 1

/** The second visit is the one that counts: the first waits for the build. */
async function paint(on: Browser, url: string): Promise<void> {
  const first = await on.newPage()
  await first.goto(url)
  await first.getByRole('heading', { name: 'New batch' }).waitFor({ state: 'attached' })
  await first.close()
  const page = await on.newPage()
  const session = await page.context().newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  await page.goto(url)
  await page.getByRole('heading', { name: 'New batch' }).waitFor({ state: 'attached' })
  const ms = await page.evaluate<number>(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity`,
  )
  report(`first paint, processor slowed ${slowdown} times`, `${Math.round(ms)} ms`, ms <= longestPaintMs)
  await page.close()
}

async function makeBatch(): Promise<number> {
  const call = async (path: string, body: object) => {
    const response = await fetch(`${stack.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as { batchId: number }
  }
  const defaults = { analysisPurpose: 'Sell it', outputFormat: 'alt_text', language: 'en' }
  const { batchId } = await call('/v1/batches', { name: 'Five hundred', defaults })
  for (let at = 0; at < jobs; at += 50) {
    const some = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => ({
        imageUrl: `data:image/jpeg;base64,${(await pottery(at + number, 240)).toString('base64')}`,
        metadata: { file: `picture-${at + number}.jpg` },
      })),
    )
    await call(`/v1/batches/${batchId}/jobs`, { jobs: some })
  }
  return batchId
}

/** Scrolls down the whole page and up again, a tenth of a window a frame; gives frames a second and the most tiles that were there. */
function scrollThrough(page: Page): Promise<{ frames: number; tiles: number }> {
  return page.evaluate(`(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    const begin = performance.now()
    let frames = 0, tiles = 0
    const end = document.documentElement.scrollHeight - innerHeight
    for (const by of [90, -90]) {
      for (let y = by > 0 ? 0 : end; by > 0 ? y < end : y > 0; y += by) {
        scrollTo(0, y)
        await frame()
        frames++
        tiles = Math.max(tiles, document.querySelectorAll('.sheet li').length)
      }
    }
    return { frames: frames / ((performance.now() - begin) / 1000), tiles }
  })()`)
}

async function gallery(page: Page): Promise<void> {
  const { frames, tiles } = await scrollThrough(page)
  report(`pictures drawn of ${jobs}, at most`, String(tiles), tiles > 0 && tiles <= mostTiles)
  report('frames a second while scrolling', frames.toFixed(1), frames >= leastFrames)
}

async function heap(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const megabytes = async () => {
    await session.send('HeapProfiler.collectGarbage')
    return (await session.send('Runtime.getHeapUsage')).usedSize / 1_000_000
  }
  const seen: number[] = []
  const begin = Date.now()
  for (let minute = 1; minute <= minutes; minute++) {
    while (Date.now() - begin < minute * 60_000) await scrollThrough(page)
    seen.push(await megabytes())
  }
  const [first = 0] = seen
  const last = seen.at(-1) ?? 0
  report(`heap by the minute, MB`, seen.map((one) => one.toFixed(1)).join(' '), last <= first * growth)
}
