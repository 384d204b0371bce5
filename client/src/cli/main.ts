#!/usr/bin/env node
import { command } from './command.ts'

const { env, stdin, stdout, stderr } = process

// The reader may have seen enough: `vision jobs | head -1`.
stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))

process.exitCode = await command(process.argv.slice(2), { env, stdin, stdout, stderr, exitCode: 0 })
