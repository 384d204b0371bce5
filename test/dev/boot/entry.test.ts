// @module-tag long
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readOptions } from '../../../dev/boot/options.mjs'
import { gone, start } from '../child-processes.ts'
import { checkout } from '../processes/checkout.ts'

// Stands for dev/main.ts: says its pid, then takes its time to stop cleanly.
const orderly = `for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
process.on('disconnect', stop)
let stopping = false
function stop() {
  if (stopping) return
  stopping = true
  console.log('stopping')
  setTimeout(() => { console.log('stopped'); process.exit(0) }, 300)
}
console.log('pid ' + process.pid, process.argv.slice(2).join(' '))
setInterval(() => {}, 1000)
`

test('--help is answered before anything is installed', async () => {
  const { root, local, npmCalls } = await checkout()
  for (const option of ['--help', '-h']) {
    const help = local('start.mjs', [option])
    expect(await help.end).toEqual({ code: 0, signal: null })
    for (const word of [
      '--port',
      '--data-dir',
      '--no-sample',
      '--emulator-latency',
      'DATABASE_URL',
      'GEMINI_API_KEY',
      '.env.example',
    ]) {
      expect(help.output()).toContain(word)
    }
  }
  expect(await npmCalls()).toEqual([])
  expect(await readdir(root)).not.toContain('node_modules')
})

test.each([
  [['--prot', '4000'], "Unknown option '--prot'"],
  [['4000'], 'npm start -- --port 4000'],
  [['--port', 'abc'], '--port must be a whole number'],
  [['--port', '70000'], '--port must be a whole number'],
  [['--emulator-latency', 'fast'], '--emulator-latency must be a whole number'],
])('%j stops with a clear message', async (args, message) => {
  const { local, npmCalls } = await checkout()
  const refused = local('start.mjs', args)
  expect(await refused.end).toEqual({ code: 2, signal: null })
  expect(refused.output()).toContain(message)
  expect(refused.output()).not.toContain('    at ')
  expect(await npmCalls()).toEqual([])
})

test('a port that is taken stops it before anything is installed', async () => {
  const { local, npmCalls } = await checkout()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  const refused = local('start.mjs', ['--port', String(port)])
  expect(await refused.end).toEqual({ code: 1, signal: null })
  expect(refused.output()).toMatch(new RegExp(`^Port ${port} is in use.* Choose another with PORT or --port\\.\n$`))
  expect(await npmCalls()).toEqual([])
})

test('an option wins over its environment variable, which wins over the default', () => {
  expect(readOptions([], {})).toEqual({
    help: false,
    port: 3000,
    dataDir: join(import.meta.dirname, '../../../.data'),
    sample: true,
    emulatorLatencyMs: undefined,
  })
  const env = { PORT: '4000', DATA_DIR: 'from-env' }
  expect(readOptions([], env)).toMatchObject({ port: 4000, dataDir: resolve('from-env') })
  const args = ['--port=5000', '--data-dir', '/from/option', '--no-sample', '--emulator-latency', '250']
  expect(readOptions(args, env)).toEqual({
    help: false,
    port: 5000,
    dataDir: '/from/option',
    sample: false,
    emulatorLatencyMs: 250,
  })
  expect(() => readOptions([], { PORT: 'x' })).toThrow('PORT must be a whole number')
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s, even twice, stops the stack cleanly', async (signal) => {
  const { root, local } = await checkout()
  await writeFile(join(root, 'dev', 'main.ts'), orderly)
  const run = local('start.mjs', ['--port', '0'])
  await run.says(/pid \d+ --port 0/)
  run.child.kill(signal)
  await run.says(/stopping/)
  run.child.kill(signal)
  expect(await run.end).toEqual({ code: 0, signal: null })
  expect(run.output()).toContain('stopped')
})

test('a stack that does not stop is killed', async () => {
  const { root, local } = await checkout()
  await writeFile(join(root, 'dev', 'main.ts'), orderly.replace('setTimeout', 'void '))
  const run = local('start.mjs', [])
  const pid = Number(await run.says(/pid (\d+)/))
  run.child.kill('SIGTERM')
  expect(await run.end).toEqual({ code: 137, signal: null })
  await gone(pid, 0)
})

test('when the entry is killed the stack stops cleanly', async () => {
  const { root, local } = await checkout()
  await writeFile(join(root, 'dev', 'main.ts'), orderly)
  const run = local('start.mjs', [])
  const pid = Number(await run.says(/pid (\d+)/))
  run.child.kill('SIGKILL')
  await run.end
  expect(run.output()).toContain('stopped')
  await gone(pid)
})

test.runIf(process.platform === 'linux').each(['npm', 'the shell of npm'])(
  'when %s is killed the stack stops cleanly',
  async (victim) => {
    const { root, env } = await checkout()
    await writeFile(join(root, 'dev', 'main.ts'), orderly)
    // npm's way of running a script, where the shell stays.
    const npm = start(
      process.execPath,
      [
        '-e',
        `const { spawn } = require('node:child_process')
       const shell = spawn('sh', ['-c', '"$NODE" dev/boot/start.mjs; true'], { stdio: 'inherit' })
       console.log('shell ' + shell.pid)`,
      ],
      { cwd: root, env: { ...env, NODE: process.execPath, npm_lifecycle_event: 'start' } },
    )
    const shell = Number(await npm.says(/shell (\d+)/))
    const pid = Number(await npm.says(/pid (\d+)/))
    process.kill(victim === 'npm' ? npm.pid : shell, 'SIGKILL')
    await npm.end
    expect(npm.output()).toContain('stopped')
    await gone(pid)
  },
)

test('the exit code of the stack is that of npm start', async () => {
  const { root, local } = await checkout()
  await writeFile(join(root, 'dev', 'main.ts'), 'process.exit(9)')
  expect(await local('start.mjs', []).end).toEqual({ code: 9, signal: null })
})
