import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from '../support/dev/chromium.ts'
import { type LocalStack, startLocalStack } from '../support/dev/local-stack.ts'
import { type ChosenFile, hollow, picture } from './support/files.ts'
import { expectAccessible, visit, widthOf } from './support/visit.ts'

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

/** A job of its own that has ended. */
async function makeJob(number: number, fields: object = {}): Promise<number> {
  const imageUrl = `data:image/png;base64,${(await picture(number)).buffer.toString('base64')}`
  const { jobId } = await call<{ jobId: number }>('/v1/jobs', { json: { ...alt, imageUrl, ...fields } })
  const status = async () => (await call<{ status: string }>(`/v1/jobs/${jobId}`)).status
  await expect.poll(status).toMatch(/completed|failed/)
  return jobId
}

const phone = { width: 375, height: 812 }

function makeKey(name: string): Promise<{ keyId: number; key: string }> {
  return call('/v1/keys', { json: { name, scopes: ['read', 'write'] } })
}

describe.runIf(hasChromium)('in a real browser', { timeout: 300_000 }, () => {
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
    await expectAccessible(page)
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
    await expectAccessible(at.page)
    expect(await at.page.title()).toBe('Marked up · Vision Pipeline')
  })

  test('of two tabs that edit one text the second is told, and loses nothing', async () => {
    const jobId = await makeJob(140)
    await using one = await visit(browser, pageOf(`/jobs/${jobId}`))
    await using two = await visit(browser, pageOf(`/jobs/${jobId}`), { expected: /412/ })
    for (const { page } of [one, two]) {
      await page.getByRole('button', { name: 'Edit' }).click()
      await page.getByRole('textbox', { name: 'Alt text' }).waitFor()
    }
    await one.page.getByRole('textbox', { name: 'Alt text' }).fill('Said by the first.')
    await one.page.getByRole('button', { name: 'Save' }).click()
    await one.page.locator('.prose').getByText('Said by the first.').waitFor()
    await two.page.getByRole('textbox', { name: 'Alt text' }).fill('Said by the second.')
    await two.page.getByRole('button', { name: 'Save' }).click()
    await two.page.getByText('This text was changed elsewhere while you edited it.').waitFor()
    expect(await two.page.getByRole('textbox', { name: 'Alt text' }).inputValue()).toBe('Said by the second.')
    const now = () => call<{ text: { revision: number; result: { altText: string } } }>(`/v1/jobs/${jobId}/texts/1`)
    expect((await now()).text).toMatchObject({ revision: 2, result: { altText: 'Said by the first.' } })
    await two.page.getByRole('button', { name: 'Save mine as the next revision' }).click()
    await two.page.locator('.prose').getByText('Said by the second.').waitFor()
    expect((await now()).text).toMatchObject({ revision: 3, result: { altText: 'Said by the second.' } })
    await two.page.getByText('3 revisions').click()
    await two.page.getByText(/^Revision 2, by local/).click()
    await two.page.getByText('Said by the first.').waitFor()
    await expectAccessible(two.page)
  })

  test('with the keyboard alone: find jobs, go through them, open one, regenerate its text, approve it', async () => {
    const jobId = await makeJob(150, { metadata: { sku: 'KEYS-1' } })
    await makeJob(151)
    await using at = await visit(browser, pageOf('/jobs'))
    const { page } = at
    const { keyboard } = page
    await page.getByRole('link', { name: 'KEYS-1' }).waitFor()
    await keyboard.press('/')
    await keyboard.type('KEYS-1')
    await keyboard.press('Enter')
    await page.getByRole('button', { name: 'SKU KEYS-1 remove filter' }).waitFor()
    // The address says what is shown, and going back takes it away.
    expect(new URL(page.url()).search).toBe('?sku=KEYS-1')
    await expect.poll(() => page.locator('a.open').count()).toBe(1)
    await page.getByLabel('Find by SKU').blur()
    await keyboard.press('j')
    await keyboard.press('Enter')
    await page.waitForURL(pageOf(`/jobs/${jobId}`))
    await page.getByRole('button', { name: 'Approve' }).and(page.locator(':enabled')).waitFor()
    await page.getByRole('button', { name: 'Regenerate' }).focus()
    await keyboard.press('Enter')
    await page.getByLabel('What is to be different?').focus()
    await keyboard.type('Shorter.')
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await page.getByText('Revision 2, deepseek').waitFor()
    await page.getByRole('button', { name: 'Approve' }).and(page.locator(':enabled')).waitFor()
    await keyboard.press('a')
    await page.getByRole('button', { name: 'Take approval back' }).waitFor()
    await keyboard.press('?')
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor()
    await keyboard.press('Escape')
    await page.goBack()
    await page.getByRole('button', { name: 'SKU KEYS-1 remove filter' }).waitFor()
    await page.goBack()
    await expect.poll(() => page.locator('a.open').count()).toBeGreaterThan(1)
  })

  test('what is selected on a phone is deleted together', async () => {
    const purpose = 'Sell it [emulate blocked]'
    const ids = await Promise.all([160, 161].map((number) => makeJob(number, { analysisPurpose: purpose })))
    await using at = await visit(browser, pageOf('/jobs?show=Failed&code=analysis.blocked'), { viewport: phone })
    const { page } = at
    await expect.poll(() => page.locator('a.open').count()).toBe(2)
    await expectAccessible(page)
    expect(await widthOf(page)).toBe(phone.width)
    for (const id of ids) await page.getByLabel(`Select Job ${id}`).check()
    await page.getByRole('button', { name: 'Delete 2' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 2 jobs' }).click()
    await page.getByText('No job is like that.').waitFor()
    for (const id of ids) expect((await fetch(`${stack.url}/v1/jobs/${id}`)).status).toBe(404)
  })

  test('texts of other scripts are told as such, from right to left where they are', async () => {
    const outputs = ['ja', 'ar'].map((language) => ({ outputFormat: 'alt_text', language }))
    const jobId = await makeJob(170, { outputFormat: undefined, language: undefined, outputs })
    const written = { ja: '夜明けの青い花瓶。', ar: 'مزهرية زرقاء على طاولة.' }
    for (const [at, altText] of Object.values(written).entries()) {
      const content = { imageRole: 'informative', altText, longDescription: altText }
      await call(`/v1/jobs/${jobId}/texts/${at + 1}`, { method: 'PATCH', json: { content, revision: 1 } })
    }
    await using at = await visit(browser, pageOf(`/jobs/${jobId}`), { viewport: phone })
    const { page } = at
    await page.locator('.prose[lang=ja][dir=ltr]').getByText(written.ja).first().waitFor()
    await page.getByRole('button', { name: 'Arabic' }).click()
    await page.locator('.prose[lang=ar][dir=rtl]').getByText(written.ar).first().waitFor()
    expect(await widthOf(page)).toBe(phone.width)
  })

  test('an operator sees who is to blame, pauses a provider with a reason, and redrives one code', async () => {
    await makeJob(180, { analysisPurpose: 'Sell it [emulate failed]' })
    await using at = await visit(browser, pageOf('/operations'), { expected: /403/ })
    const { page } = at
    await page.getByRole('button', { name: 'Sign in as an operator' }).click()
    const dialog = page.getByRole('dialog')
    const token = await stack.token('olivia', ['operator'])
    await dialog.getByLabel('API key or token').fill(token)
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Pause Gemini' }).click()
    await dialog.getByLabel('Reason').fill('Their status page says so')
    await dialog.getByRole('button', { name: 'Pause Gemini' }).click()
    await page.getByText(/^Gemini was paused by olivia.*Their status page says so$/).waitFor()
    await expectAccessible(page)
    // From elsewhere, and seen here without a look at the page again.
    const headers = { authorization: `Bearer ${token}` }
    await call('/v1/operator/resume', { json: { provider: 'gemini' }, headers })
    await page.getByRole('button', { name: 'Pause Gemini' }).waitFor()
    const group = page.locator('.failure').filter({ hasText: 'analysis.' }).filter({ hasText: 'Redrive' }).first()
    const code = await group.getByRole('link').first().textContent()
    await group.getByRole('button').click()
    await dialog.getByRole('button', { name: /^Redrive/ }).click()
    await dialog.waitFor({ state: 'detached' })
    const { actions } = await call<{ actions: object[] }>('/v1/operator/actions', { headers })
    expect(actions[0]).toMatchObject({ action: 'redrive', actor: 'olivia', dryRun: false })
    expect(JSON.stringify(actions[0])).toContain(String(code))
    await page.locator('#audit ~ ul').getByText('redrive').waitFor()
  })
})
