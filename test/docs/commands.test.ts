import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect } from 'vitest'
import { createApp } from '../../core/api/app.ts'
import { createAuthenticator } from '../../core/platform/auth.ts'
import { withLocalUser } from '../../dev/access/authenticate.ts'
import { type Served, serveApp } from '../support/api/serve.ts'
import { createTestApi, secret, type TestApi } from '../support/api/test-api.ts'
import { test } from '../support/database/test.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
// A zsh takes no unquoted variable apart; macOS has it for its shell. Where there is none, bash alone is asked.
const shells = ['/bin/bash', ...['/usr/bin/zsh', '/bin/zsh'].filter(existsSync).slice(0, 1)]

let api: TestApi
let served: Served
test.beforeAll(async ({ workerDatabase }) => {
  api = await createTestApi({ database: workerDatabase })
  // A call without a token is the local user's, as in the stack that `npm start` serves.
  served = await serveApp(
    createApp({ ...api.services, authenticate: withLocalUser(createAuthenticator({ AUTH_SECRET: secret })) }),
  )
})
afterAll(async () => {
  await served.kill()
  await api.drop()
})

/** The block of a page that begins with a text. */
async function blockOf(page: string, beginning: string): Promise<string> {
  const text = await readFile(`${root}/docs/${page}`, 'utf8')
  const blocks = [...text.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const block = blocks.find((one) => one.startsWith(beginning))
  if (block === undefined) throw new Error(`${page} has no block that begins with ${beginning}`)
  return block.replaceAll('http://localhost:3000', served.url)
}

function run(shell: string, script: string) {
  const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  return promisify(execFile)(shell, ['-c', script], { cwd: root, env, timeout: 100_000 })
}

test.each(shells)('the upload of docs/images.md works in %s', async (shell) => {
  const { stdout } = await run(shell, await blockOf('images.md', 'grant='))
  const { jobId, imageUrl } = JSON.parse(stdout.slice(stdout.indexOf('{"jobId"')))
  expect(imageUrl).toMatch(/^upload:/)
  const [row] = await api.database.sql('SELECT status FROM vision_jobs WHERE id = ? AND user_id = ?', [jobId, 'local'])
  expect(row).toEqual({ status: 'pending' })
  // What was uploaded is there, whole.
  const stored = await api.services.store.get(imageUrl.slice('upload:'.length), 1_000_000, AbortSignal.timeout(10_000))
  expect(Buffer.from(stored).equals(await readFile(`${root}/samples/poster.png`))).toBe(true)
})

test.each(shells)('the wait of docs/streaming.md names the version that there is, and waits in %s', async (shell) => {
  const newest = async () => Number((await api.database.sql('SELECT MAX(id) AS id FROM vision_jobs'))[0]?.id ?? 0)
  const before = await newest()
  const waiting = run(shell, await blockOf('streaming.md', 'id=$(curl'))
  await expect.poll(newest).toBeGreaterThan(before)
  const jobId = await newest()
  // It answers when this has happened, and not before: with the version that comes after the one at hand.
  const changed = new Promise((resolve) => setTimeout(resolve, 1_000)).then(() =>
    api.database.sql("UPDATE vision_jobs SET version = version + 1, status = 'cancelled' WHERE id = ?", [jobId]),
  )
  const { stdout } = await waiting
  await changed
  expect(stdout).toContain('preference-applied: wait=20')
  expect(stdout).toContain(`etag: W/"${jobId}-2"`)
})

test.each(shells)('the calls of docs/webhooks.md work in %s', async (shell) => {
  const text = await readFile(`${root}/docs/webhooks.md`, 'utf8')
  const blocks = [...text.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const script = ['set -eo pipefail', ...blocks.map((block) => block.replaceAll('http://localhost:3000', served.url))]
  const { stdout } = await run(shell, script.join('\n'))
  expect(stdout).not.toMatch(/"status":[45]\d\d/)
  const secrets = [...stdout.matchAll(/"secret":"(whsec_[^"]+)"/g)].map(([, secret]) => secret)
  expect(new Set(secrets).size).toBe(2)
  expect(stdout).toMatch(/{"deliveries":\[\],"nextCursor":null}{"deliveryId":\d+,/)
})
