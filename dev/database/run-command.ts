import { spawn } from 'node:child_process'

/** Environment variables. */
export type Environment = Record<string, string | undefined>

/** How a command ended, and all it printed. */
export type RunResult = { ok: boolean; output: string }

/** Runs a command to its end without showing what it prints. A command that cannot be started has failed. */
export function runCommand([command = '', ...args]: readonly string[], env: Environment): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output: Buffer[] = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output: Buffer.concat(output).toString().trim() }))
  })
}
