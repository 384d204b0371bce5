import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Job } from '../../client/src/index.ts'
import { installPacked, type PackedProject } from '../support/client/packed.ts'
import { type LocalStack, startLocalStack } from '../support/dev/local-stack.ts'

const root = join(import.meta.dirname, '../..')
const images = join(root, 'test/fixtures/images')

let project: PackedProject
let stack: LocalStack
let folder: string
beforeAll(async () => {
  ;[project, stack] = await Promise.all([installPacked(), startLocalStack(20)])
})
const home = process.cwd()
afterAll(async () => {
  process.chdir(home)
  await Promise.all([project.remove(), stack.stop()])
})
beforeEach(async () => {
  folder = join(project.folder, 'work')
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'photos/more'), { recursive: true })
  // What is named on the command line is found from here.
  process.chdir(folder)
  for (const name of ['red.png', 'sample.webp']) await cp(join(images, name), join(folder, 'photos', name))
  await cp(join(images, 'photo-like.jpg'), join(folder, 'photos/more/photo-like.jpg'))
  // macOS leaves one beside each photo, and no run takes it for a photo.
  await writeFile(join(folder, 'photos/._red.png'), Buffer.from([0, 5, 0x16, 7, 0, 2, 0, 0]))
})

const environment = (): NodeJS.ProcessEnv => ({
  // Compiled by the first process, read by the others.
  NODE_COMPILE_CACHE: join(project.folder, 'compiled'),
  PATH: process.env.PATH,
  HOME: folder,
  VISION_URL: stack.url,
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the package's command in this process, in the test's folder, and says how it ended. */
async function vision(args: readonly string[], { env = environment(), input = '' } = {}): Promise<Ended> {
  const { command }: typeof import('../../client/src/cli/command.ts') = await import(
    pathToFileURL(join(project.packageFolder, 'dist/cli/command.js')).href
  )
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await command(args, { env, stdin: Readable.from([input]), stdout, stderr, exitCode: 0 })
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) }
}

/** Runs it as a shell would. */
function visionProcess(args: readonly string[], { env = environment(), input = '' } = {}) {
  return new Promise<Ended>((resolve) => {
    const command = [join(project.packageFolder, 'dist/cli/main.js'), ...args]
    const child = execFile(process.execPath, command, { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

const rowsOf = async (name: string): Promise<Record<string, string>[]> =>
  parse(await readFile(join(folder, name), 'utf8'), { columns: true, bom: true })

describe('vision run', () => {
  const texts = ['-o', 'product_description', '-o', 'alt_text:de']

  test('makes a CSV of a folder; a bad file is listed and stops nothing', async () => {
    await writeFile(join(folder, 'photos/bad.jpg'), 'no image')
    const told = await visionProcess(['run', 'photos', '-p', 'Sell it', ...texts, '--csv', 'out.csv'])
    expect(told).toMatchObject({ code: 3, stderr: '' })
    expect(told.stdout).toMatch(/^3 completed, 0 failed, 1 refused · \$0\.\d+$/m)
    expect(told.stdout).toContain('photos/bad.jpg: The file is not a PNG')
    const rows = await rowsOf('out.csv')
    expect(rows.map(({ file, status }) => `${file} ${status}`)).toEqual([
      'photos/more/photo-like.jpg completed',
      'photos/red.png completed',
      'photos/sample.webp completed',
      'photos/bad.jpg refused',
    ])
    expect(rows[0]?.['alt_text.de.altText']).not.toBe('')
    expect(rows[0]?.['product_description.en.name']).not.toBe('')
  })

  test('tells of its own images alone, of those that came twice, and of what the batch has cost', async () => {
    await cp(join(folder, 'photos/red.png'), join(folder, 'again.png'))
    const args = ['-p', 'Twice', '-o', 'alt_text', '--csv', 'out.csv']
    await vision(['run', 'photos/more', ...args])
    const { code, stdout } = await vision(['run', 'photos/red.png', 'again.png', ...args])
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^1 completed, 0 failed, 0 refused · \$0\.\d+ with the other jobs of the batch\n {2}duplicates: 1, each made once/,
      ),
    ])
    expect((await rowsOf('out.csv')).map(({ file }) => file)).toEqual(['photos/red.png'])
  })

  test('stopped in the middle and run again it pays for nothing twice', async () => {
    const args = ['run', 'photos', '-p', 'Stopped', ...texts, '--name', 'stopped', '--json']
    const command = [join(project.packageFolder, 'dist/cli/main.js'), ...args]
    const child = spawn(process.execPath, command, { cwd: folder, env: environment(), stdio: 'ignore' })
    const ended = once(child, 'exit')
    const jobs = async () => {
      const page = (await (await fetch(`${stack.url}/v1/jobs?limit=100`)).json()) as { jobs: Job[] }
      return page.jobs.filter(({ analysisPurpose }) => analysisPurpose === 'Stopped').length
    }
    await expect.poll(jobs).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await ended
    const { code, stdout } = await vision(args)
    expect([code, JSON.parse(stdout).rows.length, await jobs()]).toEqual([0, 3, 3])
  })

  test('takes a CSV of URLs, SKUs and facts, as spreadsheets write it', async () => {
    const csv =
      '\ufeffsep=;\r\nurl;sku;name;price\r\nphotos/red.png;R-1;Red Runner;=129\r\nhttps://no.invalid/a.png;R-2;Nowhere;1\r\n'
    await writeFile(join(folder, 'products.csv'), csv)
    const args = ['run', 'products.csv', '--image-column', 'url', '--facts', 'name,price', '-p', 'Sell it']
    const told = await vision([...args, '-o', 'social_post:en:instagram', '--csv', 'out.csv'])
    expect(told.code).toBe(3)
    expect(told.stdout).toContain('image.unknown_host: 1')
    const rows = await rowsOf('out.csv')
    expect(rows.map(({ sku, status }) => `${sku} ${status}`)).toEqual(['R-1 completed', 'R-2 failed'])
    const { stdout } = await vision(['jobs', '--json', '--limit', '2'])
    expect(JSON.parse(stdout)[1]?.facts).toEqual({ name: 'Red Runner', price: '=129' })
  })

  test('--dry-run says what it would cost, and makes nothing', async () => {
    const args = ['run', 'photos', '-p', 'Only looked at', '-o', 'alt_text', '--dry-run']
    const { code, stdout } = await vision(args)
    expect([code, stdout.split('\n')[0]]).toEqual([0, '3 images (3 different), 3 texts, 0 bad files'])
    // Of jobs that have completed before.
    expect(stdout).toMatch(/cost about \$0\.\d+, time about \d+ s/)
    expect((await vision(['jobs', '--limit', '100', '--json'])).stdout).not.toContain('Only looked at')
  })

  test('--dry-run reads the files where no API answers', async () => {
    await cp(join(folder, 'photos/red.png'), join(folder, 'photos/again.png'))
    const env = { ...environment(), VISION_URL: 'http://127.0.0.1:9' }
    const { code, stdout } = await vision(['run', 'photos', '-p', 'x', '-o', 'alt_text', '--dry-run', '--json'], {
      env,
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      images: 4,
      different: 3,
      texts: 4,
      costUsd: null,
      seconds: null,
      refused: [],
    })
  })

  test.each([
    ['no output', ['run', 'photos', '-p', 'x'], 'Say what to write'],
    ['an output that is none', ['run', 'photos', '-p', 'x', '-o', 'poem'], 'Formats: detailed_analysis'],
    ['no purpose', ['run', 'photos', '-o', 'alt_text'], "required option '-p, --purpose <text>'"],
    [
      'a folder that is not there',
      ['run', 'nowhere', '-p', 'x', '-o', 'alt_text'],
      'There is no file or folder nowhere',
    ],
    ['a folder without images', ['run', '.git', '-p', 'x', '-o', 'alt_text'], 'There is no file or folder .git'],
    [
      'a brand that is not there',
      ['run', 'photos', '-p', 'x', '-o', 'alt_text', '-b', 'Acme'],
      'There is no brand Acme',
    ],
    ['a command that is not there', ['sell'], 'unknown command'],
    ['a language that is none', ['run', 'photos', '-p', 'x', '-o', 'alt_text:klingonisch!'], 'language'],
    ['an id that is none', ['job', 'x'], 'not a whole number'],
    [
      'a CSV that cannot be written',
      ['run', 'photos', '-p', 'x', '-o', 'alt_text', '--csv', 'nowhere/out.csv'],
      'nowhere/out.csv cannot be written',
    ],
    ['nothing to retry', ['retry'], 'Say which'],
    ['all and one', ['cancel', '7', '--all'], '--all by itself'],
    ['a count of one', ['retry', '7', '--dry-run'], 'say --all too'],
  ])('%s is misuse, and says what to change', async (_, args, says) => {
    const { code, stderr, stdout } = await vision(args)
    expect(stderr).toContain(says)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('misuse is told by the process, too', async () => {
    const told = await visionProcess(['sell'])
    expect(told).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('unknown command') })
  })
})

test('jobs, job, batch, cancel and retry, for people and for programs, without colours in a pipe', async () => {
  const { stdout } = await vision(['run', 'photos/red.png', '-p', 'Look', '-o', 'alt_text', '--json'])
  const { batchIds, rows } = JSON.parse(stdout)
  const [jobId, batchId] = [String(rows[0].jobId), String(batchIds[0])]
  const job = await vision(['job', jobId, '--wait'])
  expect(job.stdout).toMatch(new RegExp(`^job ${jobId}: completed, 100 %`))
  expect(job.stdout).toContain('altText: ')
  expect(JSON.parse((await vision(['job', jobId, '--json'])).stdout).outputs.texts).toHaveLength(1)
  expect((await vision(['batch', batchId])).stdout).toMatch(/completed +1/)
  expect((await vision(['retry', '--batch', batchId])).stdout).toBe(`batch ${batchId}: 0 jobs\n`)
  const cancelled = await vision(['cancel', jobId])
  expect([cancelled.code, cancelled.stderr]).toEqual([1, expect.stringContaining('(job.not_cancellable)')])
  expect((await vision(['jobs', '--status', 'completed', '--limit', '1'])).stdout).toMatch(/^job +status/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what is looked for
  for (const { stdout: shown } of [job, cancelled]) expect(shown).not.toMatch(/\u001b/)
})

test('all jobs that failed are counted, retried and cancelled', async () => {
  const args = ['run', 'photos', '-p', 'Look [emulate blocked]', '-o', 'alt_text', '--json']
  const { rows } = JSON.parse((await vision(args)).stdout)
  const code = ['--code', 'analysis.blocked']
  expect(rows.length).toBeGreaterThan(1)
  expect(await vision(['retry', '--all', ...code, '--dry-run'])).toMatchObject({
    code: 0,
    stdout: `${rows.length} jobs to retry\n`,
  })
  expect((await vision(['cancel', '--all', '--dry-run'])).stdout).toBe('0 jobs to cancel\n')
  expect((await vision(['retry', '--all', ...code])).stdout).toBe(`${rows.length} jobs\n`)
  for (const { jobId } of rows) await vision(['job', String(jobId), '--wait'])
  expect((await vision(['retry', '--all', '--code', 'content.'])).stdout).toBe('0 jobs\n')
  expect((await vision(['cancel', '--all'])).stdout).toBe('0 jobs\n')
})

test('what was retried before a limit was reached is told with it', async () => {
  const done = { dryRun: false, jobs: 500, unchanged: 0, refused: [], more: true, nextCursor: 'next' }
  const full = { code: 'limit.jobs_waiting', detail: 'Too many jobs wait.' }
  let calls = 0
  const server = createServer((_, response) => {
    const isFirst = ++calls === 1
    response.writeHead(isFirst ? 200 : 429, { 'content-type': 'application/json', 'retry-after': '3600' })
    response.end(JSON.stringify(isFirst ? done : full))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const env = { ...environment(), VISION_URL: `http://127.0.0.1:${port}` }
    const { code, stdout, stderr } = await vision(['retry', '--all'], { env })
    expect([stdout, stderr, code]).toEqual(['500 jobs\n', expect.stringContaining('limit.jobs_waiting'), 1])
  } finally {
    server.close()
  }
})

test('vision keys makes a key that works, lists it without showing it, and revokes it', async () => {
  const made = await vision(['keys', 'create', 'shop', '--scope', 'read', '--days', '9'])
  const key = made.stdout.trim()
  expect([made.code, key]).toEqual([0, expect.stringMatching(/^vpk_\w{49}$/)])
  expect((await vision(['jobs', '--json'], { env: { ...environment(), VISION_KEY: key } })).code).toBe(0)
  const refused = await vision(['cancel', '1'], { env: { ...environment(), VISION_KEY: key } })
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('request.forbidden')])
  const listed = await vision(['keys'])
  expect(listed.stdout).not.toContain(key)
  const [, id = ''] = /^(\d+) +shop /m.exec(listed.stdout) ?? []
  expect((await vision(['keys', 'revoke', id])).stdout).toBe(`key ${id}: revoked\n`)
  expect((await vision(['keys', '--json'])).stdout).not.toContain('"shop"')
  expect((await vision(['keys', 'create', 'x', '--scope', 'all'])).code).toBe(2)
})

test('the sources run as they are, in a checkout', async () => {
  const command = [
    '--conditions=vision-source',
    join(root, 'client/src/cli/main.ts'),
    'run',
    'photos',
    '-p',
    'x',
    '-o',
    'alt_text',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [...command, '--dry-run'], {
    cwd: folder,
    env: environment(),
  })
  expect(stdout).toContain('3 images (3 different), 3 texts, 0 bad files')
})

test('a terminal shows a bar with the cost so far, and no colours or bar come without one', async () => {
  const command = ['run', 'photos', '-p', 'In a terminal', '-o', 'alt_text']
  const line = [process.execPath, join(project.packageFolder, 'dist/cli/main.js'), ...command]
  const quoted = line.map((word) => `'${word}'`).join(' ')
  // Gives the command a terminal of its own.
  const { stdout } = await promisify(execFile)('script', ['-qec', quoted, '/dev/null'], {
    cwd: folder,
    env: { ...environment(), TERM: 'xterm' },
  })
  expect(stdout).toMatch(/(uploading|writing) \S+ \d\/3 · \$\d/)
  expect(stdout).toContain('\u001b[32m3\u001b[39m completed')
  const piped = await visionProcess(command)
  expect([piped.stderr, piped.stdout.includes('\u001b')]).toEqual(['', false])
})

test('brands are listed by what a run takes', async () => {
  const body = JSON.stringify({ profile: { name: 'Pellmere' } })
  const headers = { 'content-type': 'application/json' }
  const created = await fetch(`${stack.url}/v1/brands`, { method: 'POST', headers, body })
  expect(created.status).toBe(201)
  const { brandId } = (await created.json()) as { brandId: number }
  expect((await vision(['brands'])).stdout).toMatch(new RegExp(`^${brandId} +Pellmere +1$`, 'm'))
  expect(JSON.parse((await vision(['brands', '--json'])).stdout)).toMatchObject([{ brandId, name: 'Pellmere' }])
})

test('a reader that has seen enough is no error, and an address or a key that cannot be one is misuse', async () => {
  const command = `'${process.execPath}' '${join(project.packageFolder, 'dist/cli/main.js')}'`
  // The reader is gone before anything is written.
  const piped = `${command} jobs --json 2>&1 >&3 | cat`
  const { stdout } = await promisify(execFile)('bash', ['-c', `{ ${piped}; } 3> >(exec 3>&-; exec true)`], {
    cwd: folder,
    env: environment(),
  })
  expect(stdout).toBe('')
  const wrong = (variables: NodeJS.ProcessEnv) => vision(['jobs'], { env: { ...environment(), ...variables } })
  const [address, key] = await Promise.all([
    wrong({ VISION_URL: 'localhost:4555' }),
    wrong({ VISION_KEY: 'vpk_secret\nx' }),
  ])
  expect([address.code, address.stderr]).toEqual([2, expect.stringContaining('is not the address of an API')])
  expect([key.code, key.stderr]).toEqual([2, expect.not.stringContaining('secret')])
})

test('an API that does not answer is told as such, and ends with 1', async () => {
  const { code, stderr } = await vision(['jobs'], { env: { ...environment(), VISION_URL: 'http://127.0.0.1:9' } })
  expect(stderr).toContain('Nothing answers at http://127.0.0.1:9.')
  expect(code).toBe(1)
})

describe('vision login', () => {
  const env = () => ({ ...environment(), VISION_URL: undefined })
  const file = () => join(folder, '.config/vision-pipeline/access.json')

  test('keeps a key that the API takes, for its owner alone', async () => {
    await mkdir(join(folder, '.config/vision-pipeline'), { recursive: true })
    await writeFile(file(), '{}', { mode: 0o644 })
    const key = await stack.token('ann')
    const { code, stdout } = await visionProcess(['login', stack.url], { env: env(), input: `${key}\n` })
    expect([code, stdout]).toEqual([0, expect.stringContaining('for you alone')])
    expect(stdout).not.toContain(key)
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    await vision(['run', 'photos/red.png', '-p', 'Mine', '-o', 'alt_text'], { env: env() })
    expect(JSON.parse((await vision(['jobs', '--json'], { env: env() })).stdout)).toHaveLength(1)
  })

  test('keeps none that is refused, and sends none in the clear', async () => {
    const refused = await vision(['login', stack.url], { env: env(), input: 'nonsense\n' })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('request.unauthenticated')])
    const clear = await vision(['login', 'http://example.com'], { env: env(), input: 'secret\n' })
    expect([clear.code, clear.stderr]).toEqual([2, expect.stringContaining('is not https')])
    await expect(stat(file())).rejects.toThrow()
  })
})

test.each(['bash', 'zsh'])('completion for %s knows the commands and their options', async (shell) => {
  const script = (await vision(['completion', shell])).stdout
  // What a shell would offer: bash filters by what was typed, zsh's compadd does that itself.
  const offered = async (...words: string[]) => {
    const at = words.length
    const program = {
      bash: `${script}
        COMP_WORDS=(vision ${words.join(' ')}); COMP_CWORD=${at}; _vision; echo "\${COMPREPLY[@]}"`,
      zsh: `compdef() { :; }; compadd() { shift; echo "$@"; }; _files() { echo files; }
        ${script}
        words=(vision ${words.join(' ')}); CURRENT=${at + 1}; PREFIX='${words.at(-1)}'; _vision`,
    }[shell] as string
    const told = await promisify(execFile)(shell, ['-c', program], { cwd: folder }).catch((error) => error)
    // A shell that is not installed completes nothing.
    return told.code === 'ENOENT' ? undefined : (told.stdout as string).trim().split(' ')
  }
  const commands = await offered('c')
  if (commands === undefined) return
  expect(commands).toContain('cancel')
  expect(await offered('run', '--d')).toContain('--dry-run')
  expect(await offered('run', 'pho')).toEqual([shell === 'bash' ? 'photos' : 'files'])
})
