import { expect, test } from 'vitest'
import type { Ground } from '../support/ground.ts'
import { expectAccessible, signInByKey, visit } from '../support/visit.ts'

/** Who may see what, and what operators do. */
export function journeysOfAccess(ground: Ground): void {
  const { makeBatch, makeJob, call, pageOf } = ground

  test('a key that is revoked while it is used is asked for again, and the page goes on where it was', {
    tags: 'long',
  }, async () => {
    await makeBatch('Before the key', [120])
    const makeKey = (name: string) =>
      call<{ keyId: number; key: string }>('/v1/keys', { json: { name, scopes: ['read', 'write'] } })
    const { key } = await makeKey('console')
    // As from another machine: nobody is let in without a key.
    const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }
    await using at = await visit(ground.browser, pageOf('/batches'), { extraHTTPHeaders, expected: /401/ })
    const { page } = at
    const dialog = page.getByRole('dialog')
    await page.getByText('The pipeline wants to know who you are.').waitFor()
    await expectAccessible(page)
    await signInByKey(page, 'vpk_wrong')
    await dialog.getByText('request.unauthenticated').waitFor()
    await signInByKey(page, key)
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
    await signInByKey(page, String(ground.stack.key))
    await page.getByText('1 of 1 done').waitFor()
    // Neither in the address nor kept beyond the tab.
    expect(page.url()).toMatch(/\/console\/batches\/\d+$/)
    expect(await page.evaluate(() => Object.keys(localStorage).join())).not.toContain('key')
  })

  test('who signs in at the issuer comes back to the job, stays signed in, and is told when that is over', {
    tags: 'long',
  }, async () => {
    const { issuer } = ground
    const headers = { authorization: `Bearer ${await issuer.token('ann')}` }
    const jobId = await makeJob(130, { metadata: { file: 'of-ann.png' } }, headers)
    const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`), { extraHTTPHeaders, expected: /401/ })
    const { page } = at
    const dialog = page.getByRole('dialog')
    const signIn = dialog.getByRole('button', { name: `Sign in at ${new URL(issuer.url).host}` })
    const atIssuer = page.getByRole('link', { name: 'Sign in as ann' })
    const job = page.getByRole('heading', { name: 'of-ann.png' })
    const tokens = () => issuer.calls.filter((path) => path === '/token').length
    /** Has the token renewed with the next call. */
    const isDue = () =>
      page.evaluate(`(() => {
        const kept = JSON.parse(sessionStorage.getItem('vision-credential'))
        sessionStorage.setItem('vision-credential', JSON.stringify({ grant: { ...kept.grant, renewAt: 0 } }))
        location.reload()
      })()`)

    await signIn.waitFor()
    await expectAccessible(page)
    await signIn.click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await dialog.getByText('did not let you in').waitFor()
    await signIn.click()
    await atIssuer.click()
    await job.waitFor()
    expect(page.url()).toBe(pageOf(`/jobs/${jobId}`))
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toMatch(/grant|eyJ/)

    await isDue()
    await expect.poll(tokens).toBe(2)
    await job.waitFor()
    // Over, by what the API says: the issuer's token is of no use.
    issuer.mood.isLate = true
    await isDue()
    await page.getByText('You are signed out: your sign-in has expired').waitFor()
    issuer.mood.isLate = false
    await signIn.click()
    await atIssuer.click()
    await job.waitFor()

    // An answer that nobody here has asked for: whose code it is, nobody knows.
    await page.goto(pageOf(`/signed-in?code=theirs&state=theirs&iss=${encodeURIComponent(issuer.url)}`))
    await dialog.getByText('no sign-in that was begun in this tab').waitFor()
    expect(page.url()).toBe(pageOf('/'))
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('The pipeline wants to know who you are.').waitFor()
    expect(issuer.calls.slice(-4)).toEqual(expect.arrayContaining(['/revoke', '/end']))
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })

  test('an operator sees who is to blame, pauses a provider with a reason, and redrives one code', {
    tags: 'long',
  }, async () => {
    await makeJob(180, { analysisPurpose: 'Sell it [emulate failed]' })
    await using at = await visit(ground.browser, pageOf('/operations'), { expected: /403/ })
    const { page } = at
    await page.getByRole('button', { name: 'Sign in as an operator' }).click()
    const dialog = page.getByRole('dialog')
    const token = await ground.stack.token('olivia', ['operator'])
    await signInByKey(page, token)
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
    await page.locator('#audit ~ ul').getByText(`redrove code ${code}`).waitFor()
    // The pause is marked in each plot, and told below them.
    await page.locator('.marks').getByText('olivia paused Gemini: Their status page says so').waitFor()
    expect(await page.locator('.plot path.mark').count()).toBeGreaterThanOrEqual(8)
    // One minute is read in all of them at once, and its figures stand in a table.
    // Until six in the morning the middle of the plots is yesterday.
    const read = page.locator('.plot figcaption').filter({ hasText: /at (\d+ \w+, )?\d\d:\d\d, / })
    await expect
      .poll(async () => {
        // Again and again: what comes in above the plots moves them away from the pointer.
        await page.mouse.move(0, 0)
        await page.getByRole('img', { name: /^Completed jobs per minute/ }).hover()
        return read.count()
      })
      .toBe(4)
    await page.getByRole('button', { name: 'Last hour' }).click()
    await page.getByRole('heading', { name: 'Last hour, by the minute' }).waitFor()
    expect(new URL(page.url()).search).toBe('?span=1h')
    await page.getByText('As a table').click()
    const failed = page
      .getByRole('row')
      .filter({ hasText: `${code} ` })
      .last()
    expect(await failed.locator('td').nth(1).textContent()).toMatch(/^[1-9]/)
    await expectAccessible(page)
    // The minutes are the API's: a reader's clock that is wrong moves none of them off the plots.
    await page.clock.setFixedTime(new Date(Date.now() - 2 * 3_600_000))
    await page.reload()
    const wrong = page.getByRole('img', { name: /^Runs that went wrong/ })
    expect(await wrong.getAttribute('aria-label')).not.toBe('Runs that went wrong: 0 % at most')
  })
}
