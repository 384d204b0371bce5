#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import pc from 'picocolors'
import { isVisionError } from '../index.ts'
import { addAccount } from './account.ts'
import { addCompletion } from './completion.ts'
import { printable, UsageError } from './context.ts'
import { addJobs } from './jobs.ts'
import { addKeys } from './keys.ts'
import { addRun, Interrupted } from './run.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const program = new Command('vision')
  .description('Brand images in, structured words out.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(vision --help, or vision run --help, says more)')
  .addHelpText(
    'after',
    `
VISION_URL and VISION_KEY say which API, or else what "vision login" has kept; without either it is the local stack.
Exit codes: 0 all is done, 1 it could not be done, 2 misuse, 3 some images or jobs failed, 130 stopped by Ctrl-C.`,
  )
addRun(program)
addJobs(program)
addAccount(program)
addKeys(program)
addCompletion(program)
for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
  command.exitOverride().showHelpAfterError('(--help says more)')
}

// Whoever reads may have seen enough: `vision jobs | head -1`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

/** Says what is wrong, in one line and what belongs to it, and with which code the command ends. */
function exitCodeOf(error: unknown): number {
  // Commander has said it.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Interrupted) {
    process.stderr.write('Stopped. Jobs that were started continue; run the same again to get their texts.\n')
    return 130
  }
  if (error instanceof UsageError) {
    process.stderr.write(`${pc.red('error:')} ${printable(error.message)}\n`)
    return 2
  }
  if (!isVisionError(error)) throw error
  const { code, message, errors, requestId } = error
  process.stderr.write(`${pc.red('error:')} ${printable(message)} (${code})\n`)
  for (const { pointer, detail } of errors) process.stderr.write(`  ${printable(pointer)}: ${printable(detail)}\n`)
  if (code === 'client.unreachable') process.stderr.write('Does npm start run, or is VISION_URL right?\n')
  if (requestId) process.stderr.write(`request ${printable(requestId)}\n`)
  return code === 'request.invalid' || code === 'client.invalid_options' ? 2 : 1
}
