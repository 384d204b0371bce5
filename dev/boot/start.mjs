// The entry of `npm start`: answers --help at once, checks the port, makes the checkout runnable, then runs
// dev/main.ts and ends with it.
import { fileURLToPath } from 'node:url'
import * as util from 'node:util'
import { endLike, runChild } from './child.mjs'
import { readDotenv } from './dotenv.mjs'
import { help, OptionsError, readOptions } from './options.mjs'
import { checkPort, PortError } from './port.mjs'
import { PrepareError, prepare, projectEnvironment, quickImports } from './prepare.mjs'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const args = process.argv.slice(2)

try {
  // A Node.js before 20.12 cannot parse it: there dev/main.ts is the first to do so.
  const dotenv = util.parseEnv?.(readDotenv()) ?? {}
  const options = readOptions(args, { ...dotenv, ...process.env })
  if (options.help) {
    process.stdout.write(help)
  } else {
    if (util.parseEnv) await checkPort(options.port)
    const node = await prepare()
    const end = await runChild(node, [...quickImports, main, ...args], {
      env: projectEnvironment(node),
      // The channel closes when this process dies, however it dies: main.ts sees 'disconnect' and stops.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      killAfterMs: 5_000,
    })
    endLike(end)
  }
} catch (error) {
  if (![OptionsError, PortError, PrepareError].some((kind) => error instanceof kind)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(error instanceof OptionsError ? 2 : 1)
}
