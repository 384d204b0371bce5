import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { alt, type Ground, phone } from '../support/ground.ts'
import { expectAccessible, visit, widthOf } from '../support/visit.ts'

/** What is done with texts that are there. */
export function journeysOfReading(ground: Ground): void {
  const { makeBatch, makeJob, call, pageOf } = ground

  test('what a model wrote is shown as text, whatever it looks like', async () => {
    const batchId = await makeBatch('Marked up', [130])
    const text = '<img src=x onerror="document.title=1"> & <b>more</b>'
    const jobs = () => call<{ jobs: { jobId: number; status: string }[] }>(`/v1/jobs?batchId=${batchId}`)
    await expect.poll(async () => (await jobs()).jobs[0]?.status).toBe('completed')
    const jobId = (await jobs()).jobs[0]?.jobId
    const content = { imageRole: 'informative', altText: text, longDescription: text }
    await call(`/v1/jobs/${jobId}/texts/1`, { method: 'PATCH', json: { content, revision: 1 } })
    await using at = await visit(ground.browser, pageOf(`/batches/${batchId}`))
    await at.page.getByText(text).waitFor()
    expect(await at.page.locator('img[src="x"]').count()).toBe(0)
    await expectAccessible(at.page)
    expect(await at.page.title()).toBe('Marked up · Vision Pipeline')
  })

  test('of two tabs that edit one text the second is told, and loses nothing', { tags: 'long' }, async () => {
    const jobId = await makeJob(140)
    await using one = await visit(ground.browser, pageOf(`/jobs/${jobId}`))
    await using two = await visit(ground.browser, pageOf(`/jobs/${jobId}`), { expected: /412/ })
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
    await two.page.locator('details article').getByText('Said by the first.').waitFor()
    // What changed from one to the next, by words.
    await two.page.locator('.compared del', { hasText: 'first' }).waitFor()
    await two.page.locator('.compared ins', { hasText: 'second' }).waitFor()
    await two.page.getByLabel('The later revision').selectOption('2')
    await two.page.getByText('They say the same.').waitFor()
    await expectAccessible(two.page)
  })

  test('what is typed into a text waits where it was typed, whatever is looked at meanwhile', async () => {
    const outputs = [alt, { outputFormat: 'summary', language: 'en' }].map(({ outputFormat, language }) => ({
      outputFormat,
      language,
    }))
    const jobId = await makeJob(141, { outputFormat: undefined, language: undefined, outputs })
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`))
    const { page } = at
    const altText = page.getByRole('textbox', { name: 'Alt text' })
    await page.getByRole('button', { name: 'Edit' }).click()
    await altText.fill('Typed with care.')
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.getByLabel('Find by SKU').waitFor()
    await page.goBack()
    await expect.poll(() => altText.inputValue()).toBe('Typed with care.')
    // From the other text one sees that there is something to save.
    await page.getByRole('tab', { name: 'Summary' }).click()
    await page.getByText('What you typed is not saved yet').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Alt text, English' }).click()
    // A tab that would be closed with it asks first.
    const asked = page.waitForEvent('dialog')
    await page.evaluate('void setTimeout(() => location.reload())')
    const dialog = await asked
    expect(dialog.type()).toBe('beforeunload')
    await dialog.dismiss()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.prose').getByText('Typed with care.').waitFor()
    const { text } = await call<{ text: object }>(`/v1/jobs/${jobId}/texts/1`)
    expect(text).toMatchObject({ revision: 2, result: { altText: 'Typed with care.' } })
    // What the API refuses is said of the field that the reader sees.
    at.allow(/400/)
    await page.getByRole('button', { name: 'Edit' }).click()
    await altText.fill(' ')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Alt text: may be empty for a decorative image only').waitFor()
    await page.getByRole('button', { name: 'Discard' }).click()
    // What was saved or discarded is asked about no more.
    await page.getByRole('button', { name: 'Edit' }).click()
    await altText.fill('Not meant.')
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.reload()
    await page.locator('.prose').getByText('Typed with care.').waitFor()
  })

  test('what is typed while a text is being saved waits as well', async () => {
    const jobId = await makeJob(142)
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`))
    const { page } = at
    const saveAndType = async (button: string, typed: string) => {
      const { promise: isTyped, resolve: letGo } = Promise.withResolvers<void>()
      await page.route('**/v1/**', async (route) => {
        if (/PATCH/.test(route.request().method())) await isTyped
        await route.continue()
      })
      const sent = page.waitForRequest((request) => /PATCH/.test(request.method()))
      await page.getByRole('button', { name: button }).click()
      await sent
      await page.getByRole('textbox', { name: typed }).fill('Typed meanwhile.')
      const answered = page.waitForResponse((response) => /PATCH/.test(response.request().method()))
      letGo()
      await answered
      await page.unroute('**/v1/**')
    }
    await page.getByRole('button', { name: 'Edit' }).click()
    const altText = page.getByRole('textbox', { name: 'Alt text' })
    await altText.fill('Typed before.')
    await saveAndType('Save', 'Alt text')
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.getByLabel('Find by SKU').waitFor()
    await page.goBack()
    await expect.poll(() => altText.inputValue(), { timeout: 10_000 }).toBe('Typed meanwhile.')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.prose').getByText('Typed meanwhile.').waitFor()
  })

  test('with the keyboard alone: find jobs, go through them, open one, regenerate its text, approve it', async () => {
    const jobId = await makeJob(150, { metadata: { sku: 'KEYS-1' } })
    await makeJob(151)
    await using at = await visit(ground.browser, pageOf('/jobs'))
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

  test('what is selected on a phone is deleted together; what of it is gone is told, and stays told', {
    tags: 'long',
  }, async () => {
    const purpose = 'Sell it [emulate blocked]'
    const ids = await Promise.all([160, 161, 162].map((number) => makeJob(number, { analysisPurpose: purpose })))
    await using at = await visit(ground.browser, pageOf('/jobs?show=Failed&code=analysis.blocked'), { viewport: phone })
    const { page } = at
    await expect.poll(() => page.locator('a.open').count()).toBe(3)
    await expectAccessible(page)
    expect(await widthOf(page)).toBe(phone.width)
    for (const id of ids) await page.getByLabel(`Select Job ${id}`).check()
    await ground.call(`/v1/jobs/${ids[2]}`, { method: 'DELETE' })
    at.allow(/404/)
    await page.getByRole('button', { name: 'Delete 3' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 3 jobs' }).click()
    await page.getByText('No job is like that.').waitFor()
    await page.getByText('2 done, 1 not: There is no such job.').waitFor()
    for (const id of ids) expect((await fetch(`${ground.stack.url}/v1/jobs/${id}`)).status).toBe(404)
  })

  test('jobs are found by a field of their metadata, by a code and by a batch, which the address keeps', {
    tags: 'long',
  }, async () => {
    const jobId = await makeJob(163, { metadata: { season: 'spring', sku: 'MORE-1' } })
    await makeJob(164, { metadata: { season: 'autumn' } })
    const blockedId = await makeJob(165, {
      analysisPurpose: 'Sell it [emulate blocked]',
      metadata: { season: 'spring' },
    })
    await using at = await visit(ground.browser, pageOf('/jobs'))
    const { page } = at
    const dialog = page.getByRole('dialog', { name: 'More filters' })
    const shows = (...ids: number[]) =>
      expect
        .poll(() => page.locator('a.open').evaluateAll((all) => all.map((one) => one.getAttribute('href'))))
        .toEqual(ids.map((id) => `/console/jobs/${id}`))
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await dialog.getByLabel('Field').fill('season')
    await dialog.getByLabel('Value').fill('spring')
    await expectAccessible(page)
    await dialog.getByRole('button', { name: 'Show these jobs' }).click()
    await shows(blockedId, jobId)
    expect(new URL(page.url()).search).toBe('?field=season&value=spring')
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await dialog.getByLabel('Failed with the code').selectOption('analysis.blocked')
    await dialog.getByRole('button', { name: 'Show these jobs' }).click()
    await shows(blockedId)
    await page.getByRole('button', { name: 'Code analysis.blocked remove filter' }).click()
    await shows(blockedId, jobId)
    // A code that the list does not have, as the address may, is kept; and half a field of the metadata is asked for.
    await page.goto(`${pageOf('/jobs')}?code=analysis.`)
    await shows(blockedId)
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await dialog.getByLabel('Field').fill('season')
    await dialog.getByRole('button', { name: 'Show these jobs' }).click()
    expect(await dialog.getByLabel('Value').evaluate((one) => one.matches(':invalid'))).toBe(true)
    await dialog.getByLabel('Value').fill('spring')
    await dialog.getByRole('button', { name: 'Show these jobs' }).click()
    await shows(blockedId)
    expect(new URL(page.url()).search).toBe('?code=analysis.&field=season&value=spring')
    await page.getByRole('button', { name: 'Code analysis. remove filter' }).click()
    await shows(blockedId, jobId)
    // There is one search of the metadata: the latest.
    await page.getByLabel('Find by SKU').fill('MORE-1')
    await page.keyboard.press('Enter')
    await shows(jobId)
    expect(new URL(page.url()).search).toBe('?sku=MORE-1')
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await dialog.getByLabel('Batch').fill('99999')
    at.allow(/404/)
    await page.keyboard.press('Enter')
    await page.getByText('There is no such batch.').waitFor()
    expect(new URL(page.url()).search).toBe('?sku=MORE-1&batch=99999')
  })

  test('a job at hand: texts by arrow keys, a colour copied, a word without an end', {
    tags: 'long',
  }, async () => {
    const outputs = ['alt_text', 'product_description'].map((outputFormat) => ({ outputFormat, language: 'en' }))
    const jobId = await makeJob(190, { outputFormat: undefined, language: undefined, outputs })
    const altText = 'Donaudampfschifffahrtsgesellschaft'.repeat(3)
    const content = { imageRole: 'informative', altText, longDescription: altText }
    await call(`/v1/jobs/${jobId}/texts/1`, { method: 'PATCH', json: { content, revision: 1 } })
    const permissions = ['clipboard-read', 'clipboard-write']
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`), {
      viewport: phone,
      permissions,
      expected: /404/,
    })
    const { page } = at
    await page.getByText(altText).first().waitFor()
    expect(await widthOf(page)).toBe(phone.width)
    await page.getByRole('tab', { name: 'Alt text' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tabpanel', { name: 'Product description' }).waitFor()
    expect(await page.locator('[role=tab]:focus').textContent()).toBe('Product description')
    // The address says which, and it is the one that is edited.
    expect(new URL(page.url()).search).toBe('?text=2')
    await page.keyboard.press('e')
    await page.getByRole('button', { name: 'Save' }).waitFor()
    const hex = String(await page.locator('td.mono').first().textContent())
    expect(hex).toMatch(/^#[\da-f]{6}$/)
    await page.getByRole('button', { name: hex }).click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(hex)
    // What went wrong is found in the log by its request.
    await page.goto(pageOf('/jobs/999999'))
    await page.getByText(/job\.not_found, request [\w-]+/).waitFor()
  })

  test('the rest of a batch is cancelled, and what there is of it is taken away; nothing moves for those who want that', {
    tags: 'long',
  }, async () => {
    // More than run at once: some of them wait.
    const numbers = Array.from({ length: 24 }, (_, at) => 200 + at)
    const batchId = await makeBatch('Too many', numbers, { ...alt, analysisPurpose: 'Sell it [emulate slow]' })
    await using at = await visit(ground.browser, pageOf(`/batches/${batchId}`), { reducedMotion: 'no-preference' })
    const { page } = at
    const moving = () => page.evaluate<number>('document.getAnimations().length')
    await expect.poll(moving).toBeGreaterThan(0)
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await expect.poll(moving).toBe(0)
    await page.getByRole('button', { name: 'Cancel the rest' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Cancel \d+ images?$/ })
      .click()
    await page.getByRole('button', { name: 'Cancel the rest' }).waitFor({ state: 'detached' })
    await expect.poll(() => page.locator('li.cancelled').count()).toBeGreaterThan(0)
    await expect.poll(() => page.locator('li.done, li.cancelled').count()).toBe(numbers.length)
    const waiting = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export JSONL' }).click()
    const lines = (await readFile(await (await waiting).path(), 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(numbers.length)
    expect(lines.filter((line) => (JSON.parse(line) as { status: string }).status === 'cancelled').length).toBe(
      await page.locator('li.cancelled').count(),
    )
  })

  test('texts of other scripts are told as such, from right to left where they are', { tags: 'long' }, async () => {
    const outputs = ['ja', 'ar'].map((language) => ({ outputFormat: 'alt_text', language }))
    const jobId = await makeJob(170, { outputFormat: undefined, language: undefined, outputs })
    const written = { ja: '夜明けの青い花瓶。', ar: 'مزهرية زرقاء على طاولة.' }
    for (const [at, altText] of Object.values(written).entries()) {
      const content = { imageRole: 'informative', altText, longDescription: altText }
      await call(`/v1/jobs/${jobId}/texts/${at + 1}`, { method: 'PATCH', json: { content, revision: 1 } })
    }
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`), { viewport: phone })
    const { page } = at
    await page.locator('.prose[lang=ja][dir=ltr]').getByText(written.ja).first().waitFor()
    await page.getByRole('button', { name: 'Arabic' }).click()
    await page.locator('.prose[lang=ar][dir=rtl]').getByText(written.ar).first().waitFor()
    expect(await widthOf(page)).toBe(phone.width)
  })
}
