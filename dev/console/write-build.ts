import { cp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buildConsole } from './build.ts'

// Writes the console's files to dist/console, which a deployment uploads.

const target = resolve(import.meta.dirname, '../../dist/console')
const folder = await buildConsole()
await rm(target, { recursive: true, force: true })
await cp(folder, target, { recursive: true })
