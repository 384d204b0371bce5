import { spawn } from 'node:child_process'

/** Environment variables. */
export type Environment = Record<string, string | undefined>

/** How a command ended, and all it printed. */
export type RunResult = { ok: boolean; output: string }

/** How to run a command. */
export type RunOptions = {
  cwd?: string
  /**
   * Ends the command and all that it started. With a signal the command runs in a process group of its own, which a Ctrl-C in
   * the terminal does not reach: the caller decides.
   */
  signal?: AbortSignal | undefined
}

/** Runs a command to its end without showing what it prints. A command that cannot be started has failed. */
export function runCommand(
  [command = '', ...args]: readonly string[],
  env: Environment,
  { cwd, signal }: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: signal !== undefined })
    const output: Buffer[] = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    const end = () => {
      // The whole group, or the server that a script has started would go on.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    }
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end, { once: true })
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => {
      signal?.removeEventListener('abort', end)
      resolve({ ok: code === 0, output: Buffer.concat(output).toString().trim() })
    })
  })
}
