import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { loadConsoleConfig, signInOf } from '../../core/platform/config/console.ts'
import { buildConsole } from './build.ts'
import { withSignIn } from './sign-in.ts'

// Writes the console's files to dist/console, which a deployment uploads; how people sign in, the environment says.

const target = resolve(import.meta.dirname, '../../dist/console')
const folder = await buildConsole()
await rm(target, { recursive: true, force: true })
await cp(folder, target, { recursive: true })
const page = join(target, 'index.html')
await writeFile(page, withSignIn(await readFile(page, 'utf8'), signInOf(loadConsoleConfig())))
