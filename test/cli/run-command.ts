import { join } from 'node:path'
import type { ExitCode, Terminal } from '../../cli/terminal.ts'
import { quickImports } from '../../dev/boot/prepare.mjs'
import { start } from '../dev/child-processes.ts'

/** What a command did. */
export interface Outcome {
  readonly code: number | null
  /** What it wrote, to either stream. */
  readonly output: string
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command in this process, with an environment of its own. */
export async function runHere(
  command: (args: string[], terminal: Terminal) => Promise<ExitCode>,
  args: string[],
  env: Record<string, string | undefined>,
): Promise<Outcome> {
  const written = { output: '', stdout: '', stderr: '' }
  const writer = (stream: 'stdout' | 'stderr') => (text: string) => {
    written.output += text
    written[stream] += text
  }
  const code = await command(args, { environment: () => ({ ...env }), out: writer('stdout'), error: writer('stderr') })
  return { code, ...written }
}

/** Runs a file of `cli/` as it is called, in a process of its own. */
export async function runProcess(
  file: string,
  args: string[],
  env: Record<string, string | undefined>,
): Promise<Outcome> {
  const command = start(process.execPath, [...quickImports, join(import.meta.dirname, '../../cli', file), ...args], {
    env: { PATH: process.env.PATH, ...env },
  })
  const { code } = await command.end
  return { code, output: command.output(), ...command.outputs() }
}
