import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { picture } from '../support/files.ts'
import { type Ground, phone } from '../support/ground.ts'
import { expectAccessible, visit } from '../support/visit.ts'

/** What becomes of a page while its reader has to sign in again. */
export function journeysOfSigningIn(ground: Ground): void {
  const { makeJob, pageOf } = ground
  const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }

  /** Signs in as ann in the page itself. */
  const enter = async (page: Page) => {
    await signInButton(page).click()
    await page.getByRole('link', { name: 'Sign in as ann' }).click()
  }
  const signInButton = (page: Page) =>
    page.getByRole('dialog').getByRole('button', { name: `Sign in at ${new URL(ground.issuer.url).host}` })
  /** Has the sign-in expire: all calls go out with a token that has. */
  const expire = async (page: Page) => {
    ground.issuer.mood.isLate = true
    const late = await ground.issuer.token('ann')
    ground.issuer.mood.isLate = false
    await page.route('**/v1/**', async (route) => {
      const headers = { ...(await route.request().allHeaders()), authorization: `Bearer ${late}` }
      await route.continue({ headers })
    })
    return () => page.unroute('**/v1/**')
  }
  /** The tab that a click opens. */
  const tabOf = async (page: Page, click: () => Promise<void>) => {
    const [tab] = await Promise.all([page.context().waitForEvent('page'), click()])
    await tab.getByRole('link', { name: 'Sign in as ann' }).waitFor()
    return tab
  }

  test('a sign-in that expires over a new batch takes neither its pictures nor its words', {
    tags: 'long',
  }, async () => {
    await using at = await visit(ground.browser, pageOf('/'), { extraHTTPHeaders, expected: /401/ })
    const { page } = at
    await enter(page)
    await page.getByLabel('Files').setInputFiles(await ground.onDisk(await picture(340)))
    await page.getByLabel('SKU of picture-340.png').fill('KEPT-1')
    await page.getByLabel('Batch name').fill('Kept over a sign-in')
    await page.getByLabel('Purpose').fill('Sell it, whoever I am')
    const again = await expire(page)
    await page.getByRole('button', { name: 'Start 1 image' }).click()
    await page.getByText('You are signed out: your sign-in has expired').waitFor()
    // Who changes their mind there, or closes that tab, may begin anew.
    const left = await tabOf(page, () => signInButton(page).click())
    await page.getByText('You sign in in another tab.').waitFor()
    await expectAccessible(page)
    await left.close()
    // An answer that this tab has not asked for, by a forged link, is none of its own.
    const forged = await page.context().newPage()
    await forged.goto(pageOf(`/signed-in?code=theirs&state=theirs&iss=${encodeURIComponent(ground.issuer.url)}`))
    await forged.getByText('no sign-in that was begun in this tab').waitFor()
    expect(await page.getByText('no sign-in that was begun').count()).toBe(0)
    await forged.close()
    const refused = await tabOf(page, () => signInButton(page).click())
    await refused.getByRole('link', { name: 'Cancel' }).click()
    await page.getByText('did not let you in').waitFor()
    await expect.poll(() => refused.isClosed()).toBe(true)
    const tab = await tabOf(page, () => signInButton(page).click())
    await again()
    await tab.getByRole('link', { name: 'Sign in as ann' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(() => tab.isClosed()).toBe(true)
    expect(await page.getByLabel('Purpose').inputValue()).toBe('Sell it, whoever I am')
    expect(await page.getByLabel('SKU of picture-340.png').inputValue()).toBe('KEPT-1')
    await page.getByRole('button', { name: 'Start 1 image' }).click()
    await page.getByRole('heading', { name: 'Kept over a sign-in' }).waitFor()
    await page.getByText('1 of 1 done').waitFor()
  })

  test('a text that is edited, and an instruction, stay too; where no tab can be opened this one goes to the issuer', {
    tags: 'long',
  }, async () => {
    const headers = { authorization: `Bearer ${await ground.issuer.token('ann')}` }
    const jobId = await makeJob(341, {}, headers)
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`), {
      extraHTTPHeaders,
      viewport: phone,
      expected: /401/,
    })
    const { page } = at
    await enter(page)
    await page.getByRole('button', { name: 'Edit' }).click()
    const editor = page.getByRole('textbox', { name: 'Alt text' })
    await editor.fill('Typed before I was signed out.')
    const again = await expire(page)
    await page.getByRole('button', { name: 'Save' }).click()
    const tab = await tabOf(page, () => signInButton(page).click())
    await again()
    await tab.getByRole('link', { name: 'Sign in as ann' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await editor.inputValue()).toBe('Typed before I was signed out.')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.prose').getByText('Typed before I was signed out.').waitFor()

    await page.getByRole('button', { name: 'Regenerate' }).click()
    await page.getByLabel('What is to be different?').fill('Shorter.')
    const once = await expire(page)
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Regenerate/ })
      .click()
    const next = await tabOf(page, () => signInButton(page).click())
    await once()
    await next.getByRole('link', { name: 'Sign in as ann' }).click()
    await signInButton(page).waitFor({ state: 'detached' })
    expect(await page.getByLabel('What is to be different?').inputValue()).toBe('Shorter.')
    await page.keyboard.press('Escape')

    await page.evaluate('window.open = () => null')
    await expire(page)
    await page.getByRole('button', { name: 'Approve' }).click()
    await signInButton(page).click()
    await page.getByRole('link', { name: 'Sign in as ann' }).waitFor()
    expect(page.context().pages()).toHaveLength(1)
  })
}
