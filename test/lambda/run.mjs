// `npm run test:lambda`: compiles the runtime client of AWS Lambda where it is not yet, and runs the tests that need it.
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { endLike, runChild } from '../../dev/boot/child.mjs'
import { npmEnvironment, projectFolder } from '../../dev/boot/prepare.mjs'

const folder = import.meta.dirname
const client = join(folder, 'node_modules/aws-lambda-ric')
// What compiles it, and the Debian packages that have it.
const tools = { cmake: 'cmake', make: 'make', 'g++': 'g++', python3: 'python3', xz: 'xz-utils' }
const wanted = readJson(join(folder, 'package.json')).dependencies['aws-lambda-ric']

if (!isCompiled()) await compile()
process.stderr.write(`aws-lambda-ric ${wanted} on Node.js ${process.versions.node} runs the bundles\n`)
const args = ['run', '--config', join(folder, 'vitest.config.ts'), ...process.argv.slice(2)]
endLike(await runChild('vitest', args, { env: process.env }))

function isCompiled() {
  const file = join(client, 'package.json')
  return existsSync(join(client, 'rapid-client.node')) && readJson(file).version === wanted
}

async function compile() {
  if (process.platform !== 'linux') fail('The runtime client of AWS Lambda (aws-lambda-ric) compiles on Linux alone.')
  const places = (process.env.PATH ?? '').split(delimiter)
  const missing = Object.keys(tools).filter((tool) => !places.some((place) => existsSync(join(place, tool))))
  if (missing.length > 0) {
    const packages = missing.map((tool) => tools[tool]).join(' ')
    fail(
      `Not found, but needed to compile aws-lambda-ric: ${missing.join(', ')}. Debian, Ubuntu: apt-get install ${packages}`,
    )
  }
  process.stderr.write('compiling aws-lambda-ric, about a minute …\n')
  const env = npmEnvironment()
  const headers = headersFolder()
  const output = []
  const { code } = await runChild('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    env: {
      ...env,
      PATH: dirname(process.execPath) + delimiter + env.PATH,
      ...(headers && { npm_config_nodedir: headers }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    killAfterMs: 4_000,
    onStart: ({ stdout, stderr }) => {
      for (const stream of [stdout, stderr]) stream.on('data', (chunk) => output.push(chunk))
    },
  })
  if (code !== 0 || !isCompiled()) fail(`aws-lambda-ric could not be compiled:\n${Buffer.concat(output)}`)
}

/** Where the headers are that node-gyp would fetch: they come with this Node.js, or else with the one among the packages. */
function headersFolder() {
  const packaged = join(projectFolder, `node_modules/node-${process.platform}-${process.arch}`)
  const prefixes = [dirname(dirname(process.execPath)), packaged]
  return prefixes.find((prefix) => existsSync(join(prefix, 'include/node/node_api.h')))
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function fail(text) {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}
