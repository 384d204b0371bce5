import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from '../support/dev/chromium.ts'
import { type LocalStack, startLocalStack } from '../support/dev/local-stack.ts'
import { type ChosenFile, hollow, picture } from './support/files.ts'
import { expectAccessible, visit } from './support/visit.ts'

// One stack and one browser for all: each journey is a visit of its own.
let stack: LocalStack
let browser: Browser
beforeAll(async () => {
  if (!hasChromium) return
  stack = await startLocalStack(20)
  browser = await launchChromium()
})
afterAll(async () => {
  if (!hasChromium) return
  await browser.close()
  await stack.stop()
})

const pageOf = (path: string) => `${stack.url}/console${path}`

async function call<T>(path: string, init: RequestInit & { readonly json?: unknown } = {}): Promise<T> {
  const { json, ...rest } = init
  const response = await fetch(`${stack.url}${path}`, {
    ...rest,
    ...(json !== undefined && { method: rest.method ?? 'POST', body: JSON.stringify(json) }),
    headers: { 'content-type': 'application/json', ...rest.headers },
  })
  expect(response.ok, `${path}: ${response.status}`).toBe(true)
  return (response.status === 204 ? undefined : await response.json()) as T
}

const alt = { analysisPurpose: 'Sell it', outputFormat: 'alt_text', language: 'en' }

/** A file of the test: a browser takes large ones by their paths alone. */
async function onDisk({ name, buffer }: ChosenFile): Promise<string> {
  const path = join(stack.folder, name)
  await writeFile(path, buffer)
  return path
}

/** A batch with a job for each of these pictures. */
async function makeBatch(name: string, numbers: readonly number[], defaults: object = alt): Promise<number> {
  const { batchId } = await call<{ batchId: number }>('/v1/batches', { json: { name, defaults, onInvalid: 'skip' } })
  const jobs = await Promise.all(
    numbers.map(async (number) => ({
      imageUrl: `data:image/png;base64,${(await picture(number)).buffer.toString('base64')}`,
      metadata: { file: `picture-${number}.png` },
    })),
  )
  await call(`/v1/batches/${batchId}/jobs`, { json: { jobs } })
  return batchId
}

function makeKey(name: string): Promise<{ keyId: number; key: string }> {
  return call('/v1/keys', { json: { name, scopes: ['read', 'write'] } })
}

describe.runIf(hasChromium)('in a real browser', () => {
  test('40 files of which 4 are bad become a CSV with a row for each that was sent', async () => {
    await using at = await visit(browser, `${stack.url}/`)
    const { page } = at
    expect(page.url()).toBe(pageOf('/'))
    const good = await Promise.all(Array.from({ length: 36 }, (_, number) => picture(number)))
    const twin = { ...(await picture(0)), name: 'twin.png' }
    const notes = { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('Not a picture.') }
    const large = { name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(20_000_001) }
    const files = [...good, twin, notes, large, hollow()]
    await page.getByLabel('Files').setInputFiles(await Promise.all(files.map((file) => onDisk(file))))
    await page.getByText('40 files').waitFor()
    await page.getByText('3 cannot be sent, and will be left out.').waitFor()
    await page.getByText('Same picture as picture-0.png').waitFor()
    await page.getByText('20.0 MB, and at most 20.0 MB are taken.').waitFor()
    await page.getByText('The file is no PNG, JPEG, WebP, HEIC or HEIF image.').waitFor()
    await expectAccessible(page)
    await page.getByLabel('Batch name').fill('Autumn tableware')
    await page.getByLabel('SKU of picture-1.png').fill('OST-1101')
    await page.getByLabel('Product description, German').check()
    await page.getByText('37 images × 3 texts').waitFor()
    await page.getByRole('button', { name: 'Start 37 images' }).click()
    await page.getByRole('heading', { name: 'Autumn tableware' }).waitFor()
    await page.getByText('36 of 37 done').waitFor()
    // The sentence of what failed, and no promise that a second try helps.
    await page.getByRole('heading', { name: '1 failure' }).waitFor()
    await page.getByRole('link', { name: /^image\.(malformed|truncated)$/ }).waitFor()
    await page.getByText('Needs another file').waitFor()
    await expectAccessible(page)
    const waiting = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export CSV' }).click()
    const download = await waiting
    expect(download.suggestedFilename()).toMatch(/^batch-\d+\.csv$/)
    const file = join(stack.folder, 'results.csv')
    await download.saveAs(file)
    const rows: Record<string, string>[] = parse(await readFile(file), { columns: true, bom: true })
    expect(rows).toHaveLength(37)
    expect(rows.filter(({ status }) => status === 'completed')).toHaveLength(36)
    expect(rows.find(({ sku }) => sku === 'OST-1101')?.['product_description.de.description']).not.toBe('')
    expect(rows.find(({ status }) => status === 'failed')?.errorCode).toMatch(/^image\./)
  })

  test('a start that was broken off goes on with what it had sent, and sends nothing twice', async () => {
    await using at = await visit(browser, pageOf('/'), { expected: /Failed to load resource|ERR_FAILED/ })
    const { page } = at
    const files = await Promise.all(Array.from({ length: 6 }, (_, number) => picture(500 + number)))
    await page.getByLabel('Files').setInputFiles(files)
    await page.getByLabel('Batch name').fill('Broken off')
    const sent: string[] = []
    page.on('requestfinished', (request) => {
      if (request.method() === 'POST' && !request.url().startsWith(stack.url)) sent.push(request.url())
    })
    await page.route('**/v1/batches/*/jobs', (route) => route.abort())
    await page.getByRole('button', { name: 'Start 6 images' }).click()
    await page.getByText('Start again, and it goes on from there.').waitFor()
    await page.unroute('**/v1/batches/*/jobs')
    await page.getByRole('button', { name: 'Start 6 images' }).click()
    await page.getByText('6 of 6 done').waitFor()
    expect(sent).toHaveLength(6 + 6)
    const { batches } = await call<{ batches: { name: string }[] }>('/v1/batches')
    expect(batches.filter(({ name }) => name === 'Broken off')).toHaveLength(1)
  })

  test.each(['stream', 'waiting'] as const)(
    'a gallery develops live by %s, and shows each text as it comes',
    async (by) => {
      const slow = { ...alt, analysisPurpose: 'Sell it [emulate slow]' }
      const batchId = await makeBatch(`Live by ${by}`, [by === 'stream' ? 100 : 110, by === 'stream' ? 101 : 111], slow)
      await using at = await visit(browser, 'about:blank', { expected: /503/ })
      const { page } = at
      // A proxy that lets no stream through.
      if (by === 'waiting') await page.route('**/v1/events?*', (route) => route.fulfill({ status: 503 }))
      await page.goto(pageOf(`/batches/${batchId}`))
      await page.locator(`[data-live=${by}]`).waitFor({ state: 'attached' })
      await page.getByText('0 of 2 done').waitFor()
      await page.getByText('2 of 2 done').waitFor()
      await expect.poll(() => page.locator('li.done .words').count()).toBe(2)
      await page.locator('[data-live=nothing]').waitFor({ state: 'attached' })
    },
  )

  test('a key that is revoked while it is used is asked for again, and the page goes on where it was', async () => {
    await makeBatch('Before the key', [120])
    const { key } = await makeKey('console')
    // As from another machine: nobody is let in without a key.
    const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }
    await using at = await visit(browser, pageOf('/batches'), { extraHTTPHeaders, expected: /401/ })
    const { page } = at
    const dialog = page.getByRole('dialog')
    await page.getByText('The pipeline wants to know who you are.').waitFor()
    await expectAccessible(page)
    await dialog.getByLabel('API key or token').fill('vpk_wrong')
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.getByText('request.unauthenticated').waitFor()
    await dialog.getByLabel('API key or token').fill(key)
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Before the key' }).waitFor()
    await expectAccessible(page)
    // The API takes a revoked key for up to half a minute more where it has seen it: this one it has not.
    const revoked = await makeKey('revoked')
    await call(`/v1/keys/${revoked.keyId}`, { method: 'DELETE' })
    await page.route('**/v1/**', async (route) => {
      await route.continue({
        headers: { ...(await route.request().allHeaders()), authorization: `Bearer ${revoked.key}` },
      })
    })
    await page.getByRole('link', { name: 'Before the key' }).click()
    await page.getByText('Your key is not taken any more').waitFor()
    await page.unroute('**/v1/**')
    await dialog.getByLabel('API key or token').fill(String(stack.key))
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('1 of 1 done').waitFor()
    // Neither in the address nor kept beyond the tab.
    expect(page.url()).toMatch(/\/console\/batches\/\d+$/)
    expect(await page.evaluate(() => Object.keys(localStorage).join())).not.toContain('key')
  })

  test('what a model wrote is shown as text, whatever it looks like', async () => {
    const batchId = await makeBatch('Marked up', [130])
    const text = '<img src=x onerror="document.title=1"> & <b>more</b>'
    const jobs = () => call<{ jobs: { jobId: number; status: string }[] }>(`/v1/jobs?batchId=${batchId}`)
    await expect.poll(async () => (await jobs()).jobs[0]?.status).toBe('completed')
    const jobId = (await jobs()).jobs[0]?.jobId
    const content = { imageRole: 'informative', altText: text, longDescription: text }
    await call(`/v1/jobs/${jobId}/texts/1`, { method: 'PATCH', json: { content, revision: 1 } })
    await using at = await visit(browser, pageOf(`/batches/${batchId}`))
    await at.page.getByText(text).waitFor()
    expect(await at.page.locator('img[src="x"]').count()).toBe(0)
    expect(await at.page.title()).toBe('Marked up · Vision Pipeline')
  })
})
