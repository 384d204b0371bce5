// The entry of `npm start`: answers --help at once, makes the checkout runnable, then runs local/main.ts and ends
// with it.
import { fileURLToPath } from 'node:url'
import { endLike, runChild } from './child.mjs'
import { help, OptionsError, readOptions } from './options.mjs'
import { PrepareError, prepare, projectEnvironment } from './prepare.mjs'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const args = process.argv.slice(2)

try {
  if (readOptions(args).help) {
    process.stdout.write(help)
  } else {
    const node = await prepare()
    const end = await runChild(node, [main, ...args], {
      env: projectEnvironment(node),
      // The channel closes when this process dies, however it dies: main.ts sees 'disconnect' and stops.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      killAfterMs: 5_000,
    })
    endLike(end)
  }
} catch (error) {
  if (!(error instanceof OptionsError) && !(error instanceof PrepareError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(error instanceof OptionsError ? 2 : 1)
}
