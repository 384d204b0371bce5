import { cp, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from '../processes/checkout.ts'

test('arguments reach the command as they are, blanks and quotes included', async () => {
  const { local } = await checkout()
  const print = 'console.log(JSON.stringify(process.argv.slice(1)))'
  const run = local('run.mjs', ['node', '-e', print, '--', 'a b', `it's "c"`, '*', '--help', ''])
  expect(await run.end).toEqual({ code: 0, signal: null })
  expect(run.output()).toContain(JSON.stringify(['a b', `it's "c"`, '*', '--help', '']))
})

test('a binary of the dependencies is found and runs on the project’s Node.js', async () => {
  const { local } = await checkout()
  const run = local('run.mjs', ['tool', 'x', 'y z'])
  expect(await run.end).toEqual({ code: 0, signal: null })
  expect(run.output()).toContain(`tool on ${await realpath(process.execPath)} x|y z`)
})

test('the exit code is passed on', async () => {
  const { local } = await checkout()
  expect(await local('run.mjs', ['node', '-e', 'process.exit(7)']).end).toEqual({ code: 7, signal: null })
})

test('a command that was ended by a signal ends the runner by the same', async () => {
  const { local } = await checkout()
  const run = local('run.mjs', ['node', '-e', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)'])
  expect(await run.end).toEqual({ code: null, signal: 'SIGTERM' })
})

test('SIGINT and SIGTERM are handed on, once, and the command decides how it ends', async () => {
  const { local } = await checkout()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const command = `process.on('${signal}', () => { console.log('asked'); setTimeout(() => process.exit(3), 500) })
      console.log('ready'); setInterval(() => {}, 1000)`
    const run = local('run.mjs', ['node', '-e', command])
    await run.says(/ready/)
    run.child.kill(signal)
    await run.says(/asked/)
    run.child.kill(signal)
    expect(await run.end).toEqual({ code: 3, signal: null })
    expect(run.output().match(/asked/g)).toHaveLength(1)
  }
})

test('a command that does not exist is named', async () => {
  const { local } = await checkout()
  const run = local('run.mjs', ['no-such-command'])
  expect(await run.end).toEqual({ code: 127, signal: null })
  expect(run.output()).toContain("There is no command 'no-such-command'")
})

test('the checkout may lie in a folder with blanks', async () => {
  const { root, local } = await checkout()
  const moved = join(root, 'my projects')
  await cp(join(root, 'dev'), join(moved, 'dev'), { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) await cp(join(root, name), join(moved, name))
  const run = local('run.mjs', ['node', join(moved, 'dev/boot/run.mjs'), 'tool', 'moved'])
  expect(await run.end).toEqual({ code: 0, signal: null })
  expect(run.output()).toContain(' moved')
})
