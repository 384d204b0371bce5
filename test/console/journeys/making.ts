import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { hollow, picture } from '../support/files.ts'
import { alt, type Ground } from '../support/ground.ts'
import { expectAccessible, visit } from '../support/visit.ts'

/** From pictures to texts. */
export function journeysOfMaking(ground: Ground): void {
  const { makeBatch, call, pageOf, onDisk } = ground

  test('40 files of which 4 are bad become a CSV with a row for each that was sent', async () => {
    await using at = await visit(ground.browser, `${ground.stack.url}/`)
    const { page } = at
    expect(page.url()).toBe(pageOf('/'))
    const good = await Promise.all(Array.from({ length: 36 }, (_, number) => picture(number)))
    const twin = { ...(await picture(0)), name: 'twin.png' }
    const notes = { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('Not a picture.') }
    const large = { name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(20_000_001) }
    const files = [...good, twin, notes, large, hollow()]
    // A browser hands them out in any order.
    await page.getByLabel('Files').setInputFiles(await Promise.all(files.toReversed().map((file) => onDisk(file))))
    await page.getByText('40 files').waitFor()
    await page.getByText('3 cannot be sent, and will be left out.').waitFor()
    await page.getByText('Same picture as picture-0.png').waitFor()
    await page.getByText('20.0 MB, and at most 20.0 MB are taken.').waitFor()
    await page.getByText('The file is not a PNG, JPEG, WebP, HEIC or HEIF image.').waitFor()
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
    // Of many pictures those near the window are drawn, and each says which of all it is.
    const drawn = page.locator('.sheet li')
    await expect.poll(() => drawn.count()).toBeLessThan(37)
    expect(await drawn.first().getAttribute('aria-setsize')).toBe('37')
    await page.locator('.sheet li[aria-posinset="1"] a.open').focus()
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
    await page.locator('.sheet li[aria-posinset="37"]').waitFor()
    // What has the focus stays, so that the next key goes on from there.
    await expect.poll(() => page.locator('.sheet li[aria-posinset="8"]').count()).toBe(0)
    expect(await page.locator('.sheet li[aria-posinset="1"] a.open:focus').count()).toBe(1)
    await page.evaluate('scrollTo(0, 0)')
    await page.locator('.sheet li[aria-posinset="1"]').waitFor()
    const waiting = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export CSV' }).click()
    const download = await waiting
    expect(download.suggestedFilename()).toMatch(/^batch-\d+\.csv$/)
    const file = join(ground.stack.folder, 'results.csv')
    await download.saveAs(file)
    const rows: Record<string, string>[] = parse(await readFile(file), { columns: true, bom: true })
    // A row is found by its file, in the order in which people count.
    expect(rows.map(({ file }) => file)).toEqual(['hollow.heic', ...good.map(({ name }) => name)])
    expect(rows).toHaveLength(37)
    expect(rows.filter(({ status }) => status === 'completed')).toHaveLength(36)
    expect(rows.find(({ sku }) => sku === 'OST-1101')?.['product_description.de.description']).not.toBe('')
    expect(rows.find(({ status }) => status === 'failed')?.errorCode).toMatch(/^image\./)
  })

  test('a folder that is dropped is looked into, and what lies too deep in it is told', async () => {
    await using at = await visit(ground.browser, pageOf('/'))
    const { page } = at
    const dropped = join(ground.stack.folder, 'spring')
    const deepest = join(dropped, ...Array.from({ length: 7 }, (_, depth) => `${depth + 2}`))
    await mkdir(join(deepest, 'cellar'), { recursive: true })
    const [near, deep, lost] = await Promise.all([560, 561, 562].map((number) => picture(number)))
    if (near === undefined || deep === undefined || lost === undefined) throw new Error('no pictures')
    await writeFile(join(dropped, near.name), near.buffer)
    await writeFile(join(deepest, deep.name), deep.buffer)
    await writeFile(join(deepest, 'cellar', lost.name), lost.buffer)
    await page.getByText('Drop images, a folder or a CSV').waitFor()
    const mouse = await page.context().newCDPSession(page)
    const data = { items: [], files: [dropped], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await mouse.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data })
    }
    await page.getByText('2 files').waitFor()
    await page.getByText('/spring/2/3/4/5/6/7/8/cellar').waitFor()
    expect(await page.getByLabel('Batch name').inputValue()).toBe('spring')
  })

  test('a CSV says what is known of files, and brings links along; what it lacks is told by its lines', {
    tags: 'long',
  }, async () => {
    await using at = await visit(ground.browser, pageOf('/'))
    const { page } = at
    const [one, two, three] = await Promise.all([520, 521, 522].map((number) => picture(number)))
    // The pipeline fetches it as any link: from the stack itself, where there is no picture.
    const link = `${ground.stack.url}/health`
    const csv = `file;url;sku;price\n${one?.name.toUpperCase()};;OST-520;129,00 €\n${two?.name};;OST-521;\nlost.png;;;\n;${link};LINK-1;\n;;;5\n`
    const table = { name: 'Ware.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) }
    await page.getByLabel('Files').setInputFiles([one, table].filter((file) => file !== undefined))
    await page.getByText('Line 6 It names neither a file nor a url.').waitFor()
    await page.getByText('2 files of it are not here yet: drop picture-521.png, lost.png, or leave them out.').waitFor()
    // What comes later finds its row too.
    await page.getByLabel('Files').setInputFiles([two, three].filter((file) => file !== undefined))
    await page.getByText('1 file of it is not here yet: drop lost.png, or leave it out.').waitFor()
    await expectAccessible(page)
    expect(await page.getByLabel('SKU of picture-520.png').inputValue()).toBe('OST-520')
    await page.locator('.sheet li', { hasText: 'picture-522.png' }).getByText('Add facts').click()
    await page.getByLabel('Facts of picture-522.png, a line for each').fill('pieces: 3')
    await page.getByLabel('Batch name').fill('From a table')
    await page.getByRole('button', { name: 'Start 4 images' }).click()
    await page.getByText('3 of 4 done').waitFor()
    await page.getByRole('heading', { name: '1 failure' }).waitFor()
    const batchId = Number(page.url().split('/').at(-1))
    type Made = { jobId: number; facts: object | null; metadata: { sku?: string } | null; status: string }
    const jobs = async () => (await call<{ jobs: Made[] }>(`/v1/jobs?batchId=${batchId}`)).jobs
    const details = await Promise.all((await jobs()).map(({ jobId }) => call<Made>(`/v1/jobs/${jobId}`)))
    const known = new Map(details.map(({ metadata, facts }) => [metadata?.sku ?? '', facts]))
    expect(known).toEqual(
      new Map<string, object | null>([
        ['OST-520', { price: '129,00 €' }],
        ['OST-521', null],
        ['LINK-1', null],
        ['', { pieces: 3 }],
      ]),
    )
    // A file in the place of the one that failed, with what was known of it.
    await page.getByLabel('File for LINK-1').setInputFiles(await onDisk(await picture(523)))
    await page.getByText('4 of 4 done').waitFor()
    await page.getByRole('link', { name: 'LINK-1' }).waitFor()
    expect((await jobs()).map(({ status }) => status)).toEqual(Array(4).fill('completed'))
  })

  test('who has no picture at hand tries the samples', { tags: 'long' }, async () => {
    await using at = await visit(ground.browser, pageOf('/'))
    const { page } = at
    expect(await page.locator('nav [aria-current=page]').textContent()).toBe('New batch')
    await page.getByRole('button', { name: 'Try the sample pictures' }).click()
    await page.getByText('12 files').waitFor()
    await page.getByText('All can be sent.').waitFor()
    await page.getByRole('button', { name: 'Start 12 images' }).waitFor()
  })

  test('a start that was broken off goes on with what it had sent, and sends nothing twice', {
    tags: 'long',
  }, async () => {
    await using at = await visit(ground.browser, pageOf('/'), { expected: /Failed to load resource|ERR_FAILED/ })
    const { page } = at
    const files = await Promise.all(Array.from({ length: 6 }, (_, number) => picture(500 + number)))
    await page.getByLabel('Files').setInputFiles(files)
    await page.getByLabel('Batch name').fill('Broken off')
    const sent: string[] = []
    page.on('requestfinished', (request) => {
      if (request.method() === 'POST' && !request.url().startsWith(ground.stack.url)) sent.push(request.url())
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
    { tags: 'long' },
    async (by) => {
      const slow = { ...alt, analysisPurpose: 'Sell it [emulate slow]' }
      const batchId = await makeBatch(`Live by ${by}`, [by === 'stream' ? 100 : 110, by === 'stream' ? 101 : 111], slow)
      await using at = await visit(ground.browser, 'about:blank', { expected: /503/ })
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

  test('a stream that is refused when it comes back is opened anew, and tells of what comes then', {
    tags: 'long',
  }, async () => {
    const { batchId } = await call<{ batchId: number }>('/v1/batches', { json: { name: 'Refused', defaults: alt } })
    await using at = await visit(ground.browser, 'about:blank', { expected: /401/ })
    const { page } = at
    let streams = 0
    await page.route('**/v1/events?*', (route) => {
      streams++
      if (streams === 1) return route.fulfill({ contentType: 'text/event-stream', body: 'retry: 5\n\n' })
      return streams === 2 ? route.fulfill({ status: 401 }) : route.continue()
    })
    await page.goto(pageOf(`/batches/${batchId}`))
    await expect.poll(() => streams).toBe(3)
    await page.locator('[data-live=stream]').waitFor({ state: 'attached' })
    const imageUrl = `data:image/png;base64,${(await picture(540)).buffer.toString('base64')}`
    await call(`/v1/batches/${batchId}/jobs`, { json: { jobs: [{ imageUrl, metadata: { file: 'later.png' } }] } })
    await page.getByText('1 of 1 done').waitFor()
    await page.getByRole('link', { name: 'later.png' }).waitFor()
  })

  test('a network that is cut while jobs end and others come loses nothing of them', { tags: 'long' }, async () => {
    const batchId = await makeBatch('Cut off', [530], { ...alt, analysisPurpose: 'Sell it [emulate slow]' })
    await using at = await visit(ground.browser, pageOf(`/batches/${batchId}`), {
      expected: /ERR_INTERNET|Failed to load/,
    })
    const { page } = at
    await page.locator('[data-live=stream]').waitFor({ state: 'attached' })
    await page.context().setOffline(true)
    const imageUrl = `data:image/png;base64,${(await picture(531)).buffer.toString('base64')}`
    await call(`/v1/batches/${batchId}/jobs`, { json: { jobs: [{ imageUrl, metadata: { file: 'late.png' } }] } })
    const ended = async () => (await call<{ ended: boolean }>(`/v1/batches/${batchId}`)).ended
    await expect.poll(ended).toBe(true)
    expect(await page.getByText('2 of 2 done').count()).toBe(0)
    await page.context().setOffline(false)
    await page.getByText('2 of 2 done').waitFor()
    await page.getByRole('link', { name: 'late.png' }).waitFor()
    await expect.poll(() => page.locator('li.done .words').count()).toBe(2)
  })
}
