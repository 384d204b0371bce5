// @module-tag long
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout, lockfile } from '../processes/checkout.ts'

const install = 'ci --no-audit --no-fund --include=dev --include=optional --loglevel=error'
const done = ['-e', 'console.log("done")']

test('the first run installs, the next does not, a changed lockfile does', async () => {
  const { root, local, npmCalls } = await checkout()
  const first = local('run.mjs', ['node', ...done])
  expect(await first.end).toEqual({ code: 0, signal: null })
  expect(first.output()).toBe('installing dependencies …\ndone\n')

  const second = local('run.mjs', ['node', ...done])
  await second.end
  expect(second.output()).toBe('done\n')
  expect(await npmCalls()).toEqual([install])

  await writeFile(join(root, 'package-lock.json'), lockfile('1.0.1'))
  await local('run.mjs', ['node', ...done]).end
  expect(await npmCalls()).toEqual([install, install])

  await rm(join(root, 'node_modules'), { recursive: true })
  await local('run.mjs', ['node', ...done]).end
  expect(await npmCalls()).toHaveLength(3)
})

test('the record of what is installed is replaced atomically: a concurrent reader gets the previous one', async () => {
  const { root, local } = await checkout()
  await local('run.mjs', ['node', ...done]).end
  const notes = join(root, 'node_modules')
  const text = await readFile(join(notes, '.vision-pipeline'), 'utf8')
  await link(join(notes, '.vision-pipeline'), join(root, 'before'))
  await writeFile(join(root, 'package-lock.json'), lockfile('1.0.1'))
  await local('run.mjs', ['node', ...done]).end
  expect(await readFile(join(notes, '.vision-pipeline'), 'utf8')).not.toBe(text)
  expect(await readFile(join(root, 'before'), 'utf8')).toBe(text)
  expect((await readdir(notes)).filter((name) => name.startsWith('.vision-pipeline'))).toEqual(['.vision-pipeline'])
})

test('what was installed by hand is not installed again', async () => {
  const { root, local, npmCalls } = await checkout()
  const { packages } = JSON.parse(lockfile('1.0.0'))
  const placed = { 'node_modules/one': packages['node_modules/one'] }
  await mkdir(join(root, 'node_modules'))
  await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: placed }))
  await local('run.mjs', ['node', ...done]).end
  expect(await npmCalls()).toEqual([])
})

test('what was installed without some package, or in another version, is installed again', async () => {
  for (const placed of [{}, { 'node_modules/one': { version: '0.9.0', integrity: 'sha512-0.9.0' } }]) {
    const { root, local, npmCalls } = await checkout()
    await mkdir(join(root, 'node_modules'))
    await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: placed }))
    await local('run.mjs', ['node', ...done]).end
    expect(await npmCalls()).toEqual([install])
  }
})

test('a failed install shows what npm said and is tried again next time', async () => {
  const { local, npmCalls } = await checkout('mkdir -p node_modules; echo "npm error code ENOTFOUND" >&2; exit 1')
  for (const attempt of [1, 2]) {
    const run = local('run.mjs', ['node', ...done])
    expect(await run.end).toEqual({ code: 1, signal: null })
    expect(run.output()).toContain('npm error code ENOTFOUND')
    expect(run.output()).not.toContain('done')
    expect(await npmCalls()).toHaveLength(attempt)
  }
})

test('npm inside npm is not misled by the outer one', async () => {
  const { root, local } = await checkout(`env | grep -i '^npm_\\|^INIT_CWD\\|^PATH' > environment; exit 1`)
  const trap = join(root, 'node_modules', '.bin')
  const run = local('run.mjs', ['node', ...done], {
    PATH: [trap, join(root, 'machine'), '/usr/bin', '/bin'].join(delimiter),
    npm_lifecycle_event: 'test',
    npm_command: 'run-script',
    npm_package_name: 'outer',
    npm_config_local_prefix: '/elsewhere',
    npm_config_global: 'true',
    npm_config_cache: '/chosen/by/the/user',
    INIT_CWD: '/elsewhere',
  })
  await run.end
  const environment = (await readFile(join(root, 'environment'), 'utf8')).trim().split('\n').sort()
  expect(environment).toEqual([`PATH=${join(root, 'machine')}:/usr/bin:/bin`, 'npm_config_cache=/chosen/by/the/user'])
})

test('a machine without npm is told so', async () => {
  const { root, local } = await checkout()
  await rm(join(root, 'machine', 'npm'))
  const run = local('run.mjs', ['node', ...done], { PATH: join(root, 'machine') })
  expect(await run.end).toEqual({ code: 1, signal: null })
  expect(run.output()).toContain('npm was not found on PATH')
})
