import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page, Route } from 'playwright-core'
import { expect, test } from 'vitest'
import { installPacked } from '../../support/client/packed.ts'
import { picture } from '../support/files.ts'
import { alt, type Ground } from '../support/ground.ts'
import { visit } from '../support/visit.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

/** What a click does before and after the API has answered, and what it shows to be done elsewhere. */
export function journeysOfActing(ground: Ground): void {
  const { call, makeJob, pageOf } = ground

  test('j and k go through a list and stay at its ends, Space selects, and all that are shown are by one box', {
    tags: 'long',
  }, async () => {
    const sku = 'LIST-1'
    for (const number of [310, 311, 312]) await makeJob(number, { metadata: { sku, file: `${number}.png` } })
    await using at = await visit(ground.browser, pageOf(`/jobs?sku=${sku}`))
    const { page } = at
    const { keyboard } = page
    const links = page.locator('a.open')
    await expect.poll(() => links.count()).toBe(3)
    /** Which of the list has the focus, after these keys. */
    const after = async (...pressed: string[]) => {
      for (const key of pressed) await keyboard.press(key)
      return page.evaluate<number>("[...document.querySelectorAll('a.open')].indexOf(document.activeElement)")
    }
    expect(await after('j')).toBe(0)
    expect(await after('j', 'j')).toBe(2)
    expect(await after('j')).toBe(2)
    expect(await after('k')).toBe(1)
    expect(await after('k', 'k')).toBe(0)
    expect(await after('j', 'k', 'j')).toBe(1)
    // Letters that are typed are text.
    await page.getByLabel('Find by SKU').focus()
    expect(await after('k')).toBe(-1)

    const bar = page.getByRole('region', { name: 'Selected jobs' })
    const all = page.getByLabel('Select all that are shown')
    await page.getByLabel(`Select ${sku}`).nth(1).focus()
    await keyboard.press('Space')
    await bar.getByText('1 selected').waitFor()
    expect(await all.isChecked()).toBe(false)
    await all.check()
    await bar.getByText('3 selected').waitFor()
    expect(await page.locator('tr[aria-selected=true]').count()).toBe(3)
    await page.getByLabel(`Select ${sku}`).nth(0).uncheck()
    await bar.getByText('2 selected').waitFor()
    expect(await all.isChecked()).toBe(false)
    await all.check()
    await all.uncheck()
    await bar.waitFor({ state: 'detached' })
  })

  test('an approval is shown at once and put back if it is refused; a deletion and a cancellation are shown once they are done', {
    tags: 'long',
  }, async () => {
    const sku = 'HOPE-1'
    const jobId = await makeJob(320, { metadata: { sku } })
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`), { expected: /503/ })
    const { page } = at
    const approve = page.getByRole('button', { name: 'Approve' })
    const takeBack = page.getByRole('button', { name: 'Take approval back' })
    const isApproved = async () =>
      (await call<{ text: { approved: boolean } }>(`/v1/jobs/${jobId}/texts/1`)).text.approved
    await approve.and(page.locator(':enabled')).waitFor()
    const refusing = await hold(page, `**/v1/jobs/${jobId}/texts/1`, 'PATCH')
    await approve.click()
    await takeBack.waitFor()
    // A second click waits for what the first has begun.
    await takeBack.click()
    expect(await isApproved()).toBe(false)
    await refusing.answer({
      status: 503,
      contentType: 'application/problem+json',
      body: JSON.stringify({ code: 'database.unavailable', detail: 'The database is away.', requestId: 'r-1' }),
    })
    await page.getByText('The database is away.').waitFor()
    await approve.waitFor()
    expect([await isApproved(), refusing.calls()]).toEqual([false, 1])

    const passing = await hold(page, `**/v1/jobs/${jobId}/texts/1`, 'PATCH')
    await approve.click()
    await takeBack.waitFor()
    await passing.answer()
    await expect.poll(isApproved).toBe(true)
    await page.getByText('The database is away.').waitFor({ state: 'detached' })

    // What is typed meanwhile stays, and an edit waits for the tag that comes with the approval.
    const late = await hold(page, `**/v1/jobs/${jobId}/texts/1`, 'PATCH')
    const edit = page.getByRole('button', { name: 'Edit', exact: true })
    // What the approval has begun ends with the read of the text.
    await edit.and(page.locator(':enabled')).waitFor()
    await takeBack.click()
    await edit.and(page.locator(':disabled')).waitFor()
    await page.getByRole('button', { name: 'Regenerate', exact: true }).click()
    const instruction = page.getByRole('dialog').getByRole('textbox')
    await instruction.fill('Shorter, and warmer')
    await late.answer()
    await expect.poll(isApproved).toBe(false)
    await edit.and(page.locator(':enabled')).waitFor({ state: 'attached' })
    expect(await instruction.inputValue()).toBe('Shorter, and warmer')
    await page.keyboard.press('Escape')

    // Of what cannot be undone nothing is shown before.
    await call('/v1/operator/pause', { json: {}, headers: await operator(ground) })
    const imageUrl = `data:image/png;base64,${(await picture(321)).buffer.toString('base64')}`
    const json = { ...alt, imageUrl, metadata: { sku } }
    const { jobId: waiting } = await call<{ jobId: number }>('/v1/jobs', { json })
    await page.goto(pageOf(`/jobs/${waiting}`))
    const cancelling = await hold(page, `**/v1/jobs/${waiting}/cancel`, 'POST')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await cancelling.begun
    expect(await page.getByText('Cancelled', { exact: true }).count()).toBe(0)
    await cancelling.answer()
    await page.getByText('Cancelled', { exact: true }).first().waitFor()
    await call('/v1/operator/resume', { json: {}, headers: await operator(ground) })

    await page.goto(pageOf(`/jobs?sku=${sku}`))
    await expect.poll(() => page.locator('a.open').count()).toBe(2)
    const deleting = await hold(page, '**/v1/jobs/delete', 'POST')
    await page.getByLabel('Select all that are shown').check()
    await page.getByRole('button', { name: 'Delete 2' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 2 jobs' }).click()
    await deleting.begun
    await page.getByText('Deleting: 0 of 2').waitFor()
    expect(await page.locator('a.open').count()).toBe(2)
    await deleting.answer()
    await page.getByText('2 done').waitFor()
    await page.getByText('No job is like that.').waitFor()
  })

  test('the same call is made as it stands there: by curl, in TypeScript and over tRPC', { tags: 'long' }, async () => {
    // What a shell, and what a program, might take for something else.
    const analysisPurpose = 'Sell Ann’s and Bob\'s "shoe" for $5 `now`'
    const facts = { name: "Trail '7'" }
    const jobId = await makeJob(330, { analysisPurpose, facts, metadata: { sku: 'SAME-1' } })
    const imageUrl = `data:image/png;base64,${(await picture(331)).buffer.toString('base64')}`
    await using at = await visit(ground.browser, pageOf(`/jobs/${jobId}`))
    const { page } = at
    /** The program, but for the address of its picture, which only stands for one. */
    const shown = async (way: string) => {
      await page.getByRole('tab', { name: way, exact: true }).click()
      const code = String(await page.locator('#code').textContent())
      expect(code).toContain('https://example.com/image.jpg')
      return code.replace('https://example.com/image.jpg', imageUrl)
    }
    const env = { ...process.env, VISION_KEY: ground.stack.key }
    const made: number[] = []
    const { stdout } = await run('bash', ['-c', await shown('curl')], { env })
    made.push((JSON.parse(stdout) as { jobId: number }).jobId)

    const project = await installPacked()
    await symlink(join(root, 'node_modules/@trpc'), join(project.folder, 'node_modules/@trpc'))
    try {
      const file = join(project.folder, 'call.ts')
      await writeFile(file, `${await shown('TypeScript')}\nconsole.log(JSON.stringify([job.jobId, outputs.content]))`)
      const [id, content] = JSON.parse((await run(process.execPath, [file], { env })).stdout)
      expect(content).toMatchObject({ outputFormat: 'alt_text', result: { altText: expect.any(String) } })
      made.push(id)
      const trpc = join(project.folder, 'trpc.ts')
      await writeFile(trpc, `${await shown('tRPC')}\nconsole.log(job.jobId)`)
      made.push(Number((await run(process.execPath, [trpc], { env })).stdout))
    } finally {
      await project.remove()
    }
    expect(new Set(made).size).toBe(3)
    for (const id of made) {
      const job = await call(`/v1/jobs/${id}`)
      const texts = [{ outputFormat: 'alt_text', language: 'en' }]
      expect(job).toMatchObject({ analysisPurpose, facts, metadata: { sku: 'SAME-1' }, outputs: { texts } })
    }
  })
}

async function operator({ stack }: Ground): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await stack.token('olivia', ['operator'])}` }
}

type Answer = Parameters<Route['fulfill']>[0]

/** Holds the calls of a kind until they are answered: by the API, or as it is said. */
async function hold(page: Page, url: string, method: string) {
  const gate = Promise.withResolvers<Answer>()
  const begun = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  let calls = 0
  await page.route(url, async (route) => {
    if (route.request().method() !== method) return route.continue()
    calls++
    begun.resolve()
    const answer = await gate.promise
    await (answer ? route.fulfill(answer) : route.continue())
    answered.resolve()
  })
  return {
    begun: begun.promise,
    calls: () => calls,
    answer: async (answer?: Answer) => {
      gate.resolve(answer)
      await answered.promise
      await page.unroute(url)
    },
  }
}
