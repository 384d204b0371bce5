import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { picture } from '../support/files.ts'
import { alt, type Ground, phone } from '../support/ground.ts'
import { expectAccessible, signInByKey, visit, widthOf } from '../support/visit.ts'

/** What is done with more jobs than a page shows. */
export function journeysOfBulk(ground: Ground): void {
  const { call, makeJob, pageOf } = ground

  test('more jobs than one call takes are counted, cancelled until that is stopped, and on; why not all, is told by code', {
    tags: 'long',
  }, async () => {
    const token = await ground.stack.token('bulk')
    const headers = { authorization: `Bearer ${token}` }
    const operator = await asOperator()
    const completed = [await makeJob(300, {}, headers), await makeJob(301, {}, headers)]
    // So that they wait.
    await call('/v1/operator/pause', { json: {}, headers: operator })
    const imageUrl = `data:image/png;base64,${(await picture(302)).buffer.toString('base64')}`
    for (let hundred = 0; hundred < 12; hundred++) {
      const jobs = Array.from({ length: 100 }, () => ({ ...alt, imageUrl }))
      await call('/v1/jobs/batch', { json: { jobs }, headers })
    }
    const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }
    await using at = await visit(ground.browser, pageOf('/jobs'), { extraHTTPHeaders, expected: /401/ })
    const { page } = at
    await signInByKey(page, token)
    const bar = page.getByRole('region', { name: 'Selected jobs' })
    const selectAll = page.getByRole('button', { name: 'Select all that match' })
    const confirm = (name: string) => page.getByRole('dialog').getByRole('button', { name }).click()

    await selectAll.click()
    await bar.getByText('All 1,202 that match').waitFor()
    await bar.getByRole('button', { name: 'Delete 1,202' }).waitFor()
    await expectAccessible(page)
    const held = await holdSecond(page, '**/v1/jobs/cancel')
    await bar.getByRole('button', { name: 'Cancel 1,200' }).click()
    await confirm('Cancel 1,200 jobs')
    await bar.getByText('Cancelling: 500 of 1,202').waitFor()
    await expectAccessible(page)
    await bar.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('Stopped. 500 done').waitFor()
    await held.release()
    const ofStatus = async (status: string) => {
      const json = { filter: { status: [status] } }
      return (await call<{ jobs: number }>('/v1/jobs/delete', { json, headers })).jobs
    }
    expect(await ofStatus('cancelled')).toBe(500)

    // A job that is made now does not match: it was not there to be seen.
    await page.getByText(/^50 shown/).waitFor()
    const { jobId: later } = await call<{ jobId: number }>('/v1/jobs', { json: { ...alt, imageUrl }, headers })
    await selectAll.click()
    await bar.getByRole('button', { name: 'Cancel 700' }).click()
    await confirm('Cancel 700 jobs')
    await page.getByText('700 done, 500 cancelled before, 2 not: Only a job that has not ended').waitFor()
    await page.getByRole('link', { name: 'job.not_cancellable' }).waitFor()
    await expectAccessible(page)
    expect([await ofStatus('cancelled'), await ofStatus('completed')]).toEqual([1_200, completed.length])
    expect((await call<{ status: string }>(`/v1/jobs/${later}`, { headers })).status).not.toBe('cancelled')

    await page.setViewportSize(phone)
    await page.getByRole('button', { name: 'Cancelled', exact: true }).click()
    await expect.poll(() => page.locator('a.open').count()).toBe(50)
    await selectAll.click()
    // One of them after all not: what is selected is what is shown from then on.
    await page
      .getByLabel(/^Select Job/)
      .first()
      .uncheck()
    await bar.getByText('49 selected').waitFor()
    await selectAll.click()
    await bar.getByRole('button', { name: 'Delete 1,200' }).click()
    expect(await widthOf(page)).toBe(phone.width)
    await confirm('Delete 1,200 jobs')
    await page.getByText('1,200 done').waitFor()
    await page.getByText('No job is like that.').waitFor()
    expect([await ofStatus('cancelled'), await ofStatus('completed')]).toEqual([0, completed.length])
    await call('/v1/operator/resume', { json: {}, headers: operator })
  })

  test('a retry of all that match is asked about, and where a count ends it is said that there are more', {
    tags: 'long',
  }, async () => {
    const token = await ground.stack.token('again')
    const headers = { authorization: `Bearer ${token}` }
    const imageUrl = `data:image/png;base64,${(await picture(303)).buffer.toString('base64')}`
    const jobs = Array.from({ length: 60 }, () => ({ ...alt, analysisPurpose: 'Sell it [emulate blocked]', imageUrl }))
    await call('/v1/jobs/batch', { json: { jobs }, headers })
    const failed = async () => {
      const json = { filter: { status: ['failed'] } }
      return (await call<{ jobs: number }>('/v1/jobs/retry', { json, headers })).jobs
    }
    await expect.poll(failed).toBe(60)
    const extraHTTPHeaders = { 'x-forwarded-for': '203.0.113.9' }
    await using at = await visit(ground.browser, pageOf('/jobs?show=Failed&code=analysis.blocked'), {
      extraHTTPHeaders,
      expected: /401/,
    })
    const { page } = at
    await signInByKey(page, token)
    const bar = page.getByRole('region', { name: 'Selected jobs' })
    const selectAll = page.getByRole('button', { name: 'Select all that match' })
    const counted = { dryRun: true, jobs: 10_000, unchanged: 0, refused: [], more: true, nextCursor: 'MTo5' }
    await page.route('**/v1/jobs/*', (route) => route.fulfill({ json: counted }))
    await selectAll.click()
    await bar.getByText('All 10,000+ that match').waitFor()
    await bar.getByRole('button', { name: 'Retry 10,000+ failed' }).waitFor()
    await bar.getByRole('button', { name: 'Clear' }).click()
    await page.unroute('**/v1/jobs/*')

    await selectAll.click()
    await bar.getByText('All 60 that match').waitFor()
    expect(await bar.getByRole('button', { name: /^Cancel/ }).count()).toBe(0)
    await bar.getByRole('button', { name: 'Retry 60 failed' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Each is made again, and paid for again.').waitFor()
    expect(await failed()).toBe(60)
    // They are held, so that none of them can have failed again.
    await call('/v1/operator/pause', { json: {}, headers: await asOperator() })
    await dialog.getByRole('button', { name: 'Retry 60 failed jobs' }).click()
    await page.getByText('60 done').waitFor()
    expect(await failed()).toBe(0)
    await call('/v1/operator/resume', { json: {}, headers: await asOperator() })
  })

  async function asOperator() {
    return { authorization: `Bearer ${await ground.stack.token('olivia', ['operator'])}` }
  }
}

/** Lets the first call of its kind pass, and holds the second until it is released. */
async function holdSecond(page: Page, url: string) {
  const gate = Promise.withResolvers<void>()
  let calls = 0
  await page.route(url, async (route) => {
    // A dry run comes before.
    if (!route.request().postData()?.includes('"dryRun":true') && ++calls === 2) await gate.promise
    // One that was given up has no page any more.
    await route.continue().catch(() => undefined)
  })
  return {
    release: async () => {
      gate.resolve()
      await page.unroute(url)
    },
  }
}
