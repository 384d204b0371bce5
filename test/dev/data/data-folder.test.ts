import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDataFolder } from '../../../dev/data/data-folder.ts'
import { StartError } from '../../../dev/errors/start-error.ts'
import { gone, startScript, temporaryFolder } from '../child-processes.ts'

const locks = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith('lock.'))

test('the folder is made for its owner alone', async () => {
  const path = join(await temporaryFolder(), 'new', 'data')
  const folder = await openDataFolder(path)
  expect(folder.path).toBe(path)
  expect((await stat(path)).mode & 0o777).toBe(0o700)
  expect(folder.abandoned).toBe(false)
  await folder.release()
  expect(await locks(path)).toEqual([])
})

test('a folder inside a checkout does not show in git, however it is called', async () => {
  const root = await temporaryFolder()
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' })
  git('init', '--quiet')
  const folder = await openDataFolder(join(root, 'named by the user'))
  await folder.secret('auth', 32)
  expect(git('status', '--porcelain', '--untracked-files=all')).toBe('')
  await folder.release()
})

test('a folder with files of its own keeps showing them to git', async () => {
  const path = await temporaryFolder()
  await writeFile(join(path, 'mine.txt'), '')
  await (await openDataFolder(path)).release()
  expect(await readdir(path)).toEqual(['mine.txt'])
})

test('a second copy on the same folder refuses, names the first and says what to do', async () => {
  const path = await temporaryFolder()
  const holder = startScript('hold-folder.ts', [path])
  await holder.says(/held/)
  const refusal = await openDataFolder(path).catch((error) => error)
  expect(refusal).toBeInstanceOf(StartError)
  expect(refusal.message).toContain(path)
  expect(refusal.message).toContain(`process ${holder.pid}`)
  expect(refusal.message).toMatch(/DATA_DIR=.* PORT=/)
  expect(await locks(path)).toHaveLength(1)
})

test('a copy that was killed leaves the folder to the next', async () => {
  const path = await temporaryFolder()
  const holder = startScript('hold-folder.ts', [path])
  await holder.says(/held/)
  holder.child.kill('SIGKILL')
  await gone(holder.pid)
  const folder = await openDataFolder(path)
  expect(await locks(path)).toEqual([expect.stringContaining(`lock.${process.pid}.`)])
  expect(folder.abandoned).toBe(true)
  await folder.release()
  const next = await openDataFolder(path)
  expect(next.abandoned).toBe(false)
  await next.release()
})

test('a lock whose pid now belongs to another process does not count', async () => {
  const path = await temporaryFolder()
  const other = startScript('hold-folder.ts', [path])
  await other.says(/held/)
  const [held = ''] = await locks(path)
  await rename(join(path, held), join(path, held.replace(/[0-9a-f]{16}$/, '0123456789abcdef')))
  const folder = await openDataFolder(path)
  await folder.release()
})

test('the same process cannot open the folder twice, and can after release', async () => {
  const path = await temporaryFolder()
  const first = await openDataFolder(path)
  await expect(openDataFolder(path)).rejects.toThrow(`process ${process.pid}`)
  await first.release()
  await first.release()
  await (await openDataFolder(path)).release()
})

test('of several copies that start at once at most one gets the folder', async () => {
  const path = await temporaryFolder()
  const copies = Array.from({ length: 4 }, () => startScript('hold-folder.ts', [path]))
  const outcomes = await Promise.allSettled(copies.map((copy) => copy.says(/held/)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
  for (const { output } of copies) expect(output()).toMatch(/^held|is in use by process \d+/m)
})

test('a secret stays the same, is only for its owner, and differs by name', async () => {
  const path = await temporaryFolder()
  const first = await openDataFolder(path)
  const [secret, again] = await Promise.all([first.secret('auth', 32), first.secret('auth', 32)])
  expect(again).toBe(secret)
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(await first.secret('other', 32)).not.toBe(secret)
  await first.release()

  const second = await openDataFolder(path)
  expect(await second.secret('auth', 32)).toBe(secret)
  expect((await stat(join(path, 'secrets', 'auth'))).mode & 0o777).toBe(0o600)
  await second.release()
})

test('a damaged secret is reported, not used and not replaced', async () => {
  const path = await temporaryFolder()
  await mkdir(join(path, 'secrets'))
  await writeFile(join(path, 'secrets', 'auth'), 'short\n')
  const folder = await openDataFolder(path)
  await expect(folder.secret('auth', 32)).rejects.toThrow(/secrets\/auth does not hold a secret of 32 bytes/)
  expect(await readFile(join(path, 'secrets', 'auth'), 'utf8')).toBe('short\n')
  await folder.release()
})

test('a file in the way is named', async () => {
  const path = join(await temporaryFolder(), 'data')
  await writeFile(path, '')
  await expect(openDataFolder(path)).rejects.toThrow(`${path} is a file`)
  await expect(openDataFolder(join(path, 'deeper'))).rejects.toThrow('lies inside a file')
})

test.skipIf(process.getuid?.() === 0)('a folder that may not be written is named', async () => {
  const path = await temporaryFolder()
  await chmod(path, 0o500)
  await expect(openDataFolder(path)).rejects.toThrow(/may not write to the data folder .*EACCES/)
})
