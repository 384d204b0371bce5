// node dev/boot/run.mjs <command> [arguments …]: runs a command of the project on the project's Node.js, with the
// dependencies installed. `node` means that Node.js; the binaries of the dependencies come before all others.
import { endLike, runChild } from './child.mjs'
import { PrepareError, prepare, projectEnvironment, quickImports } from './prepare.mjs'

const [command, ...args] = process.argv.slice(2)
if (!command) {
  process.stderr.write('Usage: node dev/boot/run.mjs <command> [arguments …]\n')
  process.exit(2)
}

try {
  const node = await prepare()
  const [program, options] = command === 'node' ? [node, quickImports] : [command, []]
  endLike(await runChild(program, [...options, ...args], { env: projectEnvironment(node) }))
} catch (error) {
  if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
    process.stderr.write(`There is no command '${command}'.\n`)
    process.exit(127)
  }
  if (!(error instanceof PrepareError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
