// @module-tag long
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileCache } from './dev/child-processes.ts'
import { json } from './support/api/test-api.ts'
import { type LocalStack, startLocalStack } from './support/dev/local-stack.ts'

const examples = join(import.meta.dirname, '../examples')
const poster = join(import.meta.dirname, '../samples/poster.png')

let stack: LocalStack
let folder: string
beforeAll(async () => {
  stack = await startLocalStack(20)
  folder = stack.folder
})
afterAll(() => stack.stop())

/** Runs an example as its reader would; `node` is the one that runs the tests. */
async function run(command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  return promisify(execFile)(command, args, {
    cwd: folder,
    env: { ...compileCache(), PATH, VISION_URL: stack.url },
    timeout: 60_000,
  })
}

const isThere = (command: string) =>
  promisify(execFile)(command, ['--version']).then(
    () => true,
    () => false,
  )
// zsh splits no words where the others do, and has variables of its own.
const shells = ['bash', 'zsh']
const installed = await Promise.all(shells.map(isThere))
const hasCurl = await isThere('curl')
const present = hasCurl ? ['sh', ...shells.filter((_, index) => installed[index])] : []

test.each(present)('create-and-wait.sh waits for the text, in %s', async (shell) => {
  const { stdout, stderr } = await run(shell, join(examples, 'create-and-wait.sh'))
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'completed',
    outputs: { content: { result: { caption: expect.any(String) } } },
  })
  expect(stderr).toMatch(/job \d+: completed, 100 %/)
})

test.runIf(hasCurl)('create-and-wait.sh says what the API refuses, and fails', async () => {
  const failing = run('sh', join(examples, 'create-and-wait.sh'), 'file:///etc/passwd')
  await expect(failing).rejects.toMatchObject({ code: 22, stdout: '' })
})

test.each(present)('upload.sh uploads a file with a name of its own, in %s', async (shell) => {
  const file = join(folder, `a "quoted" name & more ${shell}.png`)
  await cp(poster, file)
  const { stdout } = await run(shell, join(examples, 'upload.sh'), file)
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', image: { type: 'image/png' } })
})

/** The blocks of a page that call the API, at the stack of this file. */
async function callsOf(page: string): Promise<readonly string[]> {
  const text = await readFile(join(examples, '../docs', page), 'utf8')
  const blocks = [...text.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  return blocks
    .filter((block) => block.includes('curl '))
    .map((block) => block.replaceAll('http://localhost:3000', stack.url))
}

/** What the calls of a block answer, one after the other. */
async function answers(block: string | undefined) {
  const { stdout } = await run('bash', '-c', `set -e\n${(block ?? '').replaceAll(/^curl/gm, 'echo && curl -sS')}`)
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const answer of found) expect(answer).not.toMatchObject({ status: expect.any(Number) })
  return found
}

/** The path of each field in an object, but for what lists hold. */
function pathsOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return Object.entries(value).flatMap(([name, field]) => pathsOf(field, `${path}.${name}`))
}

test.runIf(present.includes('bash'))('the calls of docs/api.md work, and answer as it shows', async () => {
  const [create, read, manyTexts, revise, overTrpc, emulate, matching, key] = await callsOf('api.md')
  const [{ jobId }] = await answers(create)
  const here = (block = '') => block.replaceAll('/jobs/4', `/jobs/${jobId}`)
  await expect.poll(async () => (await answers(here(read)))[0].status).toBe('completed')
  const [answer] = await answers(here(read))
  const page = await readFile(join(examples, '../docs/api.md'), 'utf8')
  const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
  expect(pathsOf(answer)).toEqual(expect.arrayContaining([...pathsOf(shown)]))
  const { status, step, progress, error, outputFormat, metadata, version } = shown
  expect(answer).toMatchObject({ status, step, progress, error, outputFormat, metadata, version })
  for (const part of ['analysis', 'content'] as const) {
    expect(answer.outputs[part].prompt).toBe(shown.outputs[part].prompt)
  }
  expect((await answers(manyTexts))[0].texts).toEqual({ wanted: 3, completed: 0 })
  const [text, { revisions }] = await answers(here(revise))
  expect([text.text.status, revisions.length]).toEqual(['waiting', 1])
  const [created, first] = await answers(overTrpc?.replace('jobId=1', `jobId=${jobId}`))
  // A worker may have claimed it by the time it is read.
  expect(['pending', 'processing']).toContain(created.result.data.status)
  expect(first.result.data.jobId).toBe(jobId)
  expect((await answers(emulate))[0].jobId).toBeGreaterThan(jobId)
  expect((await answers(matching))[0]).toMatchObject({ dryRun: true, more: false, nextCursor: null })
  expect((await answers(key))[0].key).toMatch(/^vpk_/)
})

test.runIf(present.includes('bash'))('the calls of docs/batches.md work', async () => {
  const [create, add, csv, wait, results, estimate] = await callsOf('batches.md')
  const page = await readFile(join(examples, '../docs/batches.md'), 'utf8')
  await writeFile(join(folder, 'products.csv'), /```csv\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
  const [{ batchId }] = await answers(create)
  const here = (block = '') => block.replaceAll('/batches/2', `/batches/${batchId}`)
  expect((await answers(here(add)))[0].jobs).toHaveLength(2)
  expect((await answers(here(csv)))[0]).toMatchObject({ rows: 1, jobs: 1, more: false })
  expect((await answers(here(wait)))[0].jobs).toBe(3)
  await run('bash', '-c', here(results))
  const table = await readFile(join(folder, `batch-${batchId}.csv`), 'utf8')
  expect(table).toContain('product_description.de.')
  expect((await answers(estimate))[0]).toMatchObject({ jobs: 1, texts: 2, rejected: [{ index: 1 }] })
})

test.runIf(present.includes('bash'))('the calls of docs/brands.md work', async () => {
  const [create, update = ''] = await callsOf('brands.md')
  const [{ brandId }] = await answers(create)
  const here = update.replace('brands/1', `brands/${brandId}`).replace('"1-1"', `"${brandId}-1"`)
  expect((await answers(here))[0]).toMatchObject({ brandId, version: 2 })
})

test.each(present.filter((shell) => shell !== 'sh'))('the calls of docs/quickstart.md work, in %s', async (shell) => {
  // Other tests run the examples and the operator's commands.
  const calls = await callsOf('quickstart.md')
  // One shell runs them all, as later blocks use variables of earlier ones.
  const script = ['set -eo pipefail', ...calls, 'echo "job $id, batch $batch, brand $brand"'].join('\n')
  const { stdout } = await run(shell, '-c', script)
  expect(stdout).toContain('event: completed')
  expect(stdout).toContain('"approved":true')
  expect(stdout).toMatch(/job \d+, batch \d+, brand \d+\n$/)
  // The table has the text: it was waited for.
  expect(stdout).toMatch(/^\d+,data:image\/png;sha256=\w+,,,completed,,,[^,]+,[^,]+/m)
  // No call was refused.
  expect(stdout).not.toMatch(/"status":[45]\d\d/)
})

test('trpc-client.ts creates, watches and reads', async () => {
  const { stdout } = await run('node', join(examples, 'trpc-client.ts'))
  expect(stdout).toMatch(/^job \d+: pending$/m)
  expect(stdout).toMatch(/^event .*completed/m)
  expect(stdout).toContain('"headline"')
})

test('batch.ts makes a row of CSV for each image of a folder, also of one that fails', async () => {
  const photos = join(folder, 'photos')
  for (const name of ['two.png', 'one.png', 'notes.txt']) await cp(poster, join(photos, name))
  await writeFile(join(photos, 'empty.png'), '')
  const failing = run('node', join(examples, 'batch.ts'), photos, 'Sell it', 'de').catch((error) => error)
  const { stdout, code } = await failing
  const [head, empty, ...rows] = stdout.trim().split('\n')
  expect(head).toBe('"file","job","status","error","name","tagline","description"')
  expect(empty).toMatch(/^"empty.png","","not created","The request does not fit the schema[^"]*1/)
  expect(rows.map((row: string) => row.split(',')[0])).toEqual(['"one.png"', '"two.png"'])
  for (const row of rows) expect(row).toMatch(/,"completed","","[^"]+/)
  expect(code).toBe(3)
})

test('receive-webhooks.ts is told of a job, refuses what is forged, and deletes its webhook when it ends', async () => {
  const env = { ...compileCache(), PATH: process.env.PATH, VISION_URL: stack.url }
  const child = spawn(process.execPath, [join(examples, 'receive-webhooks.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.on('data', (text) => {
    printed += text
  })
  let refused = ''
  child.stderr.on('data', (text) => {
    refused += text
  })
  const ended = once(child, 'close')
  const webhooks = async () => (await json(fetch(`${stack.url}/v1/webhooks`))).webhooks.length
  try {
    await expect.poll(() => printed).toMatch(/^webhook \d+ at http:\S+: /)
    const [, url = ''] = /at (http:\S+):/.exec(printed) ?? []
    expect((await fetch(url, { method: 'POST', body: '{"type":"job.completed"}' })).status).toBe(400)
    const created = await fetch(`${stack.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        imageUrl: `data:image/png;base64,${await readFile(poster, 'base64')}`,
        analysisPurpose: 'Sell it',
        outputFormat: 'summary',
      }),
    })
    const { jobId } = await json(created)
    await expect.poll(() => printed).toMatch(new RegExp(`^job.completed {"jobId":${jobId},`, 'm'))
    expect(await webhooks()).toBe(1)
  } finally {
    child.kill()
    await ended
  }
  expect(await webhooks()).toBe(0)
  expect(refused).toMatch(/^refused: \S.*\n$/)
})

test('batch.ts says where nothing answers', async () => {
  const photos = join(folder, 'photos')
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  const env = { ...compileCache(), PATH, VISION_URL: 'http://127.0.0.1:9' }
  const failing = promisify(execFile)('node', [join(examples, 'batch.ts'), photos], { env })
  await expect(failing).rejects.toMatchObject({ code: 3, stdout: expect.stringContaining('Is npm start running?') })
})

test.each([
  ['[emulate failed]', 'analysis.invalid_answer', false],
  ['[emulate failed text]', 'content.invalid_answer', true],
  ['[emulate blocked]', 'analysis.blocked', false],
  ['[emulate blocked text]', 'content.blocked', true],
])('a purpose with %s fails with %s, as docs/api.md says', async (words, code, analysed) => {
  expect(await readFile(join(examples, '../docs/api.md'), 'utf8')).toContain(`\`${words}\``)
  const created = await fetch(`${stack.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=25' },
    body: JSON.stringify({
      imageUrl: `data:image/png;base64,${await readFile(poster, 'base64')}`,
      analysisPurpose: `Sell it ${words}`,
      outputFormat: 'summary',
    }),
  })
  const { jobId } = await json(created)
  const read = async () => json(fetch(`${stack.url}/v1/jobs/${jobId}`))
  await expect.poll(async () => (await read()).status).toBe('failed')
  const { error, outputs } = await read()
  expect([error.code, outputs.analysis !== null]).toEqual([code, analysed])
})
