import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { isVisionError } from '../index.ts'
import { addAccount } from './account.ts'
import { addCompletion } from './completion.ts'
import { coloursOf, printable, type Terminal, UsageError } from './context.ts'
import { addJobs } from './jobs.ts'
import { addKeys } from './keys.ts'
import { addRun, Interrupted } from './run.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/**
 * Runs the command.
 *
 * @param args what follows its name
 * @returns the exit code
 * @throws what is neither a usage error nor an error of the API
 */
export async function command(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await programOf(terminal).parseAsync(args, { from: 'user' })
    return terminal.exitCode
  } catch (error) {
    return exitCodeOf(error, terminal)
  }
}

function programOf(terminal: Terminal): Command {
  const output = {
    writeOut: (text: string) => void terminal.stdout.write(text),
    writeErr: (text: string) => void terminal.stderr.write(text),
  }
  const program = new Command('vision')
    .description('Brand images in, structured words out.')
    .version(version)
    .configureOutput(output)
    .exitOverride()
    .showHelpAfterError('(vision --help, or vision run --help, says more)')
    .addHelpText(
      'after',
      `
VISION_URL and VISION_KEY say which API, or else what "vision login" has kept; without either it is the local stack.
Exit codes: 0 all is done, 1 it could not be done, 2 misuse, 3 some images or jobs failed, 130 stopped by Ctrl-C.`,
    )
  addRun(program, terminal)
  addJobs(program, terminal)
  addAccount(program, terminal)
  addKeys(program, terminal)
  addCompletion(program, terminal)
  for (const one of program.commands.flatMap((verb) => [verb, ...verb.commands])) {
    one.exitOverride().showHelpAfterError('(--help says more)')
  }
  return program
}

/** Prints an error, one line and its details, and returns the exit code. */
function exitCodeOf(error: unknown, terminal: Terminal): number {
  const { stderr } = terminal
  const pc = coloursOf(terminal)
  // Commander has printed it.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Interrupted) {
    stderr.write('Stopped. Jobs that were started continue; run the same again to get their texts.\n')
    return 130
  }
  if (error instanceof UsageError) {
    stderr.write(`${pc.red('error:')} ${printable(error.message)}\n`)
    return 2
  }
  if (!isVisionError(error)) throw error
  const { code, message, errors, requestId } = error
  stderr.write(`${pc.red('error:')} ${printable(message)} (${code})\n`)
  for (const { pointer, detail } of errors) stderr.write(`  ${printable(pointer)}: ${printable(detail)}\n`)
  if (code === 'client.unreachable') stderr.write('Is npm start running, or is VISION_URL wrong?\n')
  if (requestId) stderr.write(`request ${printable(requestId)}\n`)
  return code === 'request.invalid' || code === 'client.invalid_options' ? 2 : 1
}
