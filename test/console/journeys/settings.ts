import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { money } from '../../../console/src/ui/format.ts'
import { picture } from '../support/files.ts'
import { type Ground, phone } from '../support/ground.ts'
import { expectAccessible, visit, widthOf } from '../support/visit.ts'

/** `#2f4558` as a browser states it. */
function toRgb(hex: string): string {
  return `rgb(${[1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(', ')})`
}

/** Brands, usage, keys and webhooks. */
export function journeysOfSettings(ground: Ground): void {
  const { call, pageOf, onDisk, makeJob } = ground

  test('a brand is described, tried on a picture, changed, and brought back', { tags: 'long' }, async () => {
    await using at = await visit(ground.browser, pageOf('/brands'))
    const { page } = at
    await page.getByRole('link', { name: 'Describe a brand' }).click()
    await page.getByLabel('Name of the brand').fill('Ostra')
    await page.getByLabel('How its texts sound').fill('Calm and plain')
    await page.getByLabel('Banned words').fill('cheap*\nstunning')
    await page.getByRole('button', { name: 'Add a colour' }).click()
    await page.getByLabel('Hex of colour 1').fill('#2F4558')
    await page.getByLabel('Name of colour 1').fill('Deep blue')
    await page.getByRole('button', { name: 'Save the brand' }).click()
    await page.waitForURL(/\/console\/brands\/\d+$/)
    const brandId = Number(page.url().split('/').at(-1))
    const profileNow = async () => (await call<{ profile: object }>(`/v1/brands/${brandId}`)).profile
    expect(await profileNow()).toEqual({
      name: 'Ostra',
      voice: 'Calm and plain',
      bannedWords: ['cheap*', 'stunning'],
      palette: [{ hex: '#2f4558', name: 'Deep blue' }],
    })
    await page.getByLabel('Picture to try').setInputFiles(await onDisk(await picture(600)))
    await page.getByRole('button', { name: 'Try version 1' }).click()
    await page.locator('.answer .prose').waitFor()
    const trials = await call<{ jobs: { brandId: number | null }[] }>('/v1/jobs?limit=1')
    expect(trials.jobs[0]).toMatchObject({ brandId, brandVersion: 1 })
    await page.getByRole('link', { name: /^Job \d+$/ }).click()
    // How near the colours of the picture are to the brand's.
    await page.getByText(/^\d of \d colours?, \d+ % of the area$/).waitFor()
    await page
      .getByRole('cell', { name: /nearest is Deep blue, ΔE [\d.]+|No, a grey/ })
      .first()
      .waitFor()
    // Where the system forces its colours, those of the picture stay: they are what is shown.
    await page.emulateMedia({ forcedColors: 'active' })
    const shown = await page.evaluate<string>("getComputedStyle(document.querySelector('.swatches i')).backgroundColor")
    expect(shown).toBe(toRgb(String(await page.locator('td.mono').first().textContent())))
    await page.emulateMedia({ forcedColors: 'none' })
    await page.goBack()
    await page.getByLabel('How its texts sound').fill('Loud')
    await page.getByText('What is not saved is not tried.').waitFor()
    // What was typed waits while another page is looked at, and until it is discarded.
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.getByLabel('Find by SKU').waitFor()
    await page.goBack()
    await expect.poll(() => page.getByLabel('How its texts sound').inputValue()).toBe('Loud')
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.getByText('Nothing was changed.').waitFor()
    expect(await page.getByLabel('How its texts sound').inputValue()).toMatch(/^Calm and plain/)
    await page.getByLabel('How its texts sound').fill('Loud')
    await page.getByLabel('Text to try').selectOption('alt_text')
    // While it is being saved nothing can be typed, which the saved version would replace.
    const { promise: isSeen, resolve: letGo } = Promise.withResolvers<void>()
    await page.route(`**/v1/brands/${brandId}`, async (route) => {
      if (route.request().method() === 'PUT') await isSeen
      await route.continue()
    })
    await page.getByRole('button', { name: 'Save version 2' }).click()
    await expect.poll(() => page.getByLabel('How its texts sound').isDisabled()).toBe(true)
    letGo()
    await page.getByRole('heading', { name: '2 versions' }).waitFor()
    await page.unroute(`**/v1/brands/${brandId}`)
    expect(await page.getByLabel('Text to try').inputValue()).toBe('alt_text')
    await page.locator('summary', { hasText: /^Version 2/ }).click()
    await page.locator('del', { hasText: 'Calm and plain' }).waitFor()
    await page.locator('ins', { hasText: 'Loud' }).waitFor()
    await expectAccessible(page)
    await page.locator('summary', { hasText: /^Version 1/ }).click()
    await page.getByText('What is different now').click()
    await page.getByRole('button', { name: 'Bring version 1 back, as version 3' }).click()
    await page.getByRole('heading', { name: '3 versions' }).waitFor()
    expect(await profileNow()).toMatchObject({ voice: 'Calm and plain' })
    // Someone else is first: what was typed stays, and its owner decides.
    const profile = { ...(await profileNow()), audience: 'Friends' }
    await call(`/v1/brands/${brandId}`, { method: 'PUT', json: { profile, version: 3 } })
    await page.getByLabel('How its texts sound').fill('Warm')
    at.allow(/412/)
    await page.getByRole('button', { name: 'Save version 4' }).click()
    await page.getByText('This brand was changed elsewhere while you edited it.').waitFor()
    await page.getByRole('button', { name: 'Save mine as the next version' }).click()
    await page.getByRole('heading', { name: '5 versions' }).waitFor()
    expect(await profileNow()).toMatchObject({ voice: 'Warm' })
    // A brand that was chosen for the next batch and is archived meanwhile is chosen no more.
    await page.goto(pageOf('/'))
    await page.getByRole('radio', { name: 'Ostra' }).check()
    await call(`/v1/brands/${brandId}`, { method: 'DELETE' })
    await page.reload()
    const kept = () => page.evaluate<number | null>("JSON.parse(localStorage.getItem('vision-draft')).brandId")
    await expect.poll(kept).toBeNull()
    expect(await page.getByRole('radio', { name: 'No brand' }).isChecked()).toBe(true)
  })

  test('what was typed into a brand that is archived meanwhile is neither shown nor asked about', async () => {
    const json = { profile: { name: 'Gone', voice: 'Calm and plain' } }
    const { brandId } = await call<{ brandId: number }>('/v1/brands', { json })
    await using at = await visit(ground.browser, pageOf(`/brands/${brandId}`))
    const { page } = at
    const voice = page.getByLabel('How its texts sound')
    await voice.fill('Loud')
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.getByLabel('Find by SKU').waitFor()
    await call(`/v1/brands/${brandId}`, { method: 'DELETE' })
    await page.goBack()
    await page.getByText('version 1, archived').waitFor()
    expect(await voice.inputValue()).toBe('Calm and plain')
    // A tab with something to save would ask, and stay.
    await page.reload({ timeout: 10_000 })
  })

  test('a list goes on where its first page ends', { tags: 'long' }, async () => {
    const brand = { json: { profile: { name: 'Version 1' } } }
    const { brandId } = await call<{ brandId: number }>('/v1/brands', brand)
    for (let version = 1; version <= 20; version++) {
      const json = { profile: { name: `Version ${version + 1}` }, version }
      await call(`/v1/brands/${brandId}`, { method: 'PUT', json })
    }
    await using at = await visit(ground.browser, 'about:blank')
    // A slow network: the page says that it waits, and for no longer than it does.
    const { promise: isLetThrough, resolve: letThrough } = Promise.withResolvers<void>()
    await at.page.route(`**/v1/brands/${brandId}`, async (route) => {
      await isLetThrough
      await route.continue()
    })
    await at.page.goto(pageOf(`/brands/${brandId}`))
    await at.page.getByRole('status').getByText('Loading…').waitFor()
    letThrough()
    await at.page.getByText('Loading…').waitFor({ state: 'detached' })
    const versions = at.page.locator('summary', { hasText: /^Version \d+/ })
    await expect.poll(() => versions.count()).toBe(20)
    await at.page.getByRole('button', { name: 'Show older ones' }).click()
    await expect.poll(() => versions.count()).toBe(21)
    expect(await at.page.getByRole('button', { name: 'Show older ones' }).count()).toBe(0)
  })

  test('usage says what each model cost, as a plot and as a table, and what is left of the limits', {
    tags: 'long',
  }, async () => {
    await makeJob(610)
    await using at = await visit(ground.browser, pageOf('/usage?days=7'))
    const { page } = at
    await page.getByRole('img', { name: /^Cost by day. The most is/ }).waitFor()
    // Today's column is as high as the sum of its models, of the top of the axis.
    const heights = await page
      .locator('.column:last-of-type i')
      .evaluateAll((parts) => parts.map((part) => (part as unknown as { style: { height: string } }).style.height))
    expect(heights).toHaveLength(2)
    // Jobs of the journeys before may still be paid for meanwhile: it is the sum of one moment that must agree.
    await expect
      .poll(async () => {
        const { totals } = await call<{ totals: { costUsd: number } }>('/v1/usage')
        await page.reload()
        await page.getByText('As a table').click()
        const cells = await page.locator('.stacks table tbody tr').last().locator('td').allTextContents()
        const [gemini, deepseek] = cells.map((cell) => Number(cell.replace('$', '')))
        return { gemini: Number(gemini) > 0, deepseek: Number(deepseek) > 0, sum: cells[2] === money(totals.costUsd) }
      })
      .toEqual({ gemini: true, deepseek: true, sum: true })
    expect(await page.locator('.stacks table tbody tr').count()).toBe(7)
    await page
      .getByText(/^[\d,]+ of [\d,]+ left$/)
      .first()
      .waitFor()
    await expectAccessible(page)
    await page.setViewportSize(phone)
    expect(await widthOf(page)).toBe(phone.width)
    await page.getByRole('button', { name: '90 days' }).click()
    await expect.poll(() => new URL(page.url()).search).toBe('?days=90')
    await expect.poll(() => page.locator('.column').count()).toBe(90)
  })

  test('a key is shown once, works, and works no more when it is revoked', async () => {
    await using at = await visit(ground.browser, pageOf('/keys'))
    const { page } = at
    await page.getByLabel('Name of the program').fill('Shop import')
    await page.getByRole('checkbox', { name: 'write' }).uncheck()
    await page.getByRole('button', { name: 'Make the key' }).click()
    const shown = page.getByRole('region', { name: 'Key' })
    const key = String(await shown.locator('output').textContent())
    const headers = { authorization: `Bearer ${key}` }
    await expectAccessible(page)
    expect((await fetch(`${ground.stack.url}/v1/jobs`, { headers })).status).toBe(200)
    // It may read alone.
    const json = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' }
    expect((await fetch(`${ground.stack.url}/v1/keys`, json)).status).toBe(403)
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.reload()
    await page.getByRole('heading', { name: 'Shop import', exact: true }).waitFor()
    expect(await page.content()).not.toContain(key)
    await page.getByRole('button', { name: 'Revoke Shop import' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke Shop import' }).click()
    await page.getByRole('heading', { name: 'Shop import', exact: true }).waitFor({ state: 'detached' })
    const { keys } = await call<{ keys: { name: string }[] }>('/v1/keys')
    expect(keys.map(({ name }) => name)).not.toContain('Shop import')
  })

  let receiver: Server
  const received: { id: string; signatures: number; body: string }[] = []
  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      let body = ''
      for await (const part of request) body += part
      const signatures = String(request.headers['webhook-signature']).split(' ').length
      received.push({ id: String(request.headers['webhook-id']), signatures, body })
      response.end('thanks')
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => new Promise((resolve) => receiver.close(resolve)))

  test('an endpoint is added, tested, sent to once more, switched off, and deleted', { tags: 'long' }, async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`
    await using at = await visit(ground.browser, pageOf('/webhooks'), { expected: /422|400/ })
    const { page } = at
    await page.getByLabel('Address').fill('http://shop.example/hooks')
    await page.getByRole('button', { name: 'Add the endpoint' }).click()
    await page.getByRole('alert').getByText('https').waitFor()
    await page.getByLabel('Address').fill(url)
    await page.getByRole('button', { name: 'Add the endpoint' }).click()
    const secret = await page.getByRole('region', { name: 'Secret' }).locator('output').textContent()
    expect(secret).toMatch(/^whsec_/)
    await expectAccessible(page)
    await page.getByRole('link', { name: url }).click()
    await page.getByText('Send a test: its answer appears here.').waitFor()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.getByText('1 attempt, the last was answered 200').waitFor()
    await page.getByText('What was sent, and answered').click()
    await page.locator('pre', { hasText: 'thanks' }).waitFor()
    expect(received.map(({ body }) => JSON.parse(body))).toMatchObject([{ type: 'webhook.test' }])
    await page.getByRole('button', { name: 'Resend' }).click()
    await expect.poll(() => received.length).toBe(2)
    expect(received[1]?.id).toBe(received[0]?.id)
    await page.getByRole('button', { name: 'Rotate secret' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate the secret' }).click()
    await page.getByText('The new secret, shown this once.').waitFor()
    expect(await page.getByRole('region', { name: 'Secret' }).locator('output').textContent()).not.toBe(secret)
    await page.getByText('The secret from before signs too').waitFor()
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await expect.poll(() => received.map(({ signatures }) => signatures)).toEqual([1, 1, 2])
    await expectAccessible(page)
    await page.setViewportSize(phone)
    expect(await widthOf(page)).toBe(phone.width)
    await page.getByRole('button', { name: 'Switch off' }).click()
    await page.getByText('Off, switched off by hand').waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the endpoint' }).click()
    await page.getByText('No server is told of anything yet.').waitFor()
    expect(await call('/v1/webhooks')).toEqual({ webhooks: [] })
  })
}
