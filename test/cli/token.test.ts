import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueToken } from '../../cli/issue-token.ts'
import { createAuthenticator } from '../../core/platform/auth.ts'
import { openDataFolder } from '../../dev/data/data-folder.ts'
import { runHere, runProcess } from './run-command.ts'

const secret = 'a secret of the tests, 32 bytes or more'
let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'vision-token-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

const run = (args: string[], env: Record<string, string> = {}) =>
  runHere(issueToken, args, { DATA_DIR: dataDir, ...env })
const actorOf = (token: string, key: string, now = Date.now()) => {
  const request = new Request('http://localhost/', { headers: { authorization: `Bearer ${token.trim()}` } })
  return createAuthenticator({ AUTH_SECRET: key }, () => now)(request, {})
}

test('prints a token that the secret of the environment signed', async () => {
  const args = ['--user', 'ann', '--scope', 'operator', '--scope', 'read', '--hours', '2']
  const { code, stdout, stderr } = await runProcess('token.ts', args, { DATA_DIR: dataDir, AUTH_SECRET: secret })
  expect([code, stderr]).toEqual([0, ''])
  expect(await actorOf(stdout, secret)).toEqual({ userId: 'ann', scopes: new Set(['read', 'write', 'operator']) })
  await expect(actorOf(stdout, secret, Date.now() + 2.1 * 3_600_000)).rejects.toThrow('expired')
})

test('a scope that does not exist is refused, with those that do', async () => {
  const { code, stdout, stderr } = await run(['--user', 'ann', '--scope', 'bogus'], { AUTH_SECRET: secret })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain("There is no scope 'bogus'. The scopes are read, write, operator.")
})

test('takes the secret of the local stack, made now or used by a running stack', async () => {
  await mkdir(join(dataDir, 'secrets'))
  const first = await run(['--user', 'ann'])
  const folder = await openDataFolder(dataDir)
  try {
    const kept = await folder.secret('auth-secret', 32)
    expect(await actorOf(first.stdout, kept)).toMatchObject({ userId: 'ann' })
    const second = await run(['--user', 'bob', '--data-dir', dataDir], { DATA_DIR: '/nowhere' })
    expect(await actorOf(second.stdout, kept)).toMatchObject({ userId: 'bob' })
  } finally {
    await folder.release()
  }
})

test('--help prints the usage and nothing else', async () => {
  for (const option of ['--help', '-h']) {
    const { code, stdout, stderr } = await run([option])
    expect(stdout).toMatch(/^Prints a bearer token[\s\S]*Usage:[\s\S]*--user/)
    expect([code, stderr]).toEqual([0, ''])
  }
})

test('a folder that is not there, or is another project, is named and left alone', async () => {
  const project = join(dataDir, 'project')
  await mkdir(project)
  await writeFile(join(project, 'notes.txt'), '')
  for (const mistyped of [join(dataDir, 'dtaa'), project]) {
    const failed = await run(['--user', 'ann', '--data-dir', mistyped])
    expect(failed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(mistyped) })
    expect(failed.stderr).toContain('--data-dir or DATA_DIR')
  }
  expect(await readdir(dataDir)).not.toContain('dtaa')
  expect(await readdir(project)).toEqual(['notes.txt'])
})

test('what goes to standard output is the token alone', async () => {
  expect((await run(['--user', 'ann'])).stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
})

test.each([
  { args: [], says: /--user/ },
  { args: ['--user', 'ann', '--hours', 'many'], says: /--hours/ },
  { args: ['--user', 'ä'], says: /printable ASCII/ },
  { args: ['--user', 'ann', '--scop', 'x'], says: /--scop/ },
])('explains itself and prints no token: $args', async ({ args, says }) => {
  const failed = await run(args, { AUTH_SECRET: secret })
  expect(failed).toMatchObject({ code: 2, stdout: '' })
  expect(failed.stderr).toMatch(says)
  expect(failed.stderr).toContain('Usage:')
})
