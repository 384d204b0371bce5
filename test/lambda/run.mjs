// `npm run test:lambda`: compiles the runtime client of AWS Lambda where it is not yet, and runs the tests that need it.
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

const folder = import.meta.dirname
const client = join(folder, 'node_modules/aws-lambda-ric')
const tools = ['cmake', 'make', 'g++', 'python3', 'xz']
const places = (process.env.PATH ?? '').split(delimiter)

const run = (command, args, options) => spawnSync(command, args, { encoding: 'utf8', ...options })
const give = (text) => {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

if (!existsSync(join(client, 'rapid-client.node'))) {
  if (process.platform !== 'linux') give('The runtime client of AWS Lambda compiles on Linux alone.')
  const missing = tools.filter((tool) => !places.some((place) => existsSync(join(place, tool))))
  if (missing.length > 0) {
    give(`Compiling the runtime client needs ${missing.join(', ')}: apt-get install cmake make g++ python3 xz-utils`)
  }
  // node-gyp would fetch the headers; they come with most installations of Node.js, and those of any version will do.
  const headers = places
    .map((place) => join(place, 'node'))
    .filter((node) => existsSync(node))
    .map((node) => dirname(dirname(realpathSync(node))))
    .find((prefix) => existsSync(join(prefix, 'include/node/node_api.h')))
  process.stderr.write('compiling the runtime client of AWS Lambda, about a minute …\n')
  const { status, stdout, stderr } = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    env: { ...process.env, ...(headers && { npm_config_nodedir: headers }) },
  })
  if (status !== 0 || !existsSync(join(client, 'rapid-client.node'))) {
    give(`It could not be compiled:\n${stdout}${stderr}`)
  }
}
const { status } = run('vitest', ['run', '--config', join(folder, 'vitest.config.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
