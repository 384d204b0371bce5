import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { processIdentity } from '../../dev/data/process-identity.ts'

/** A folder of the running test, removed with it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-pipeline-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }))
  return folder
}

/** A child process of the running test, killed with it. */
export type TestProcess = {
  child: ChildProcess
  pid: number
  /** what it wrote so far, to either stream */
  output: () => string
  /** the same, by stream */
  outputs: () => { stdout: string; stderr: string }
  /** Ends it at once; where it is detached, with every process of its group, as a power cut would. */
  kill: () => Promise<void>
  /** resolves with the first group (or all) of the first match in what it writes; rejects when it ends without one */
  says: (pattern: RegExp) => Promise<string>
  /** how it ended, once it has */
  end: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/**
 * Starts a command for the running test.
 *
 * @param options.detached in a process group of its own
 */
export function start(
  command: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; detached?: boolean } = {},
): TestProcess {
  const env = options.env && { ...compileCache(), ...options.env }
  const child = spawn(command, args, { ...options, ...(env && { env }), stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const outputs = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output += text
      outputs[stream] += text
    })
  }
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      if (options.detached && child.pid) process.kill(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    }
    await end
  }
  onTestFinished(kill)
  const says = async (pattern: RegExp) => {
    for (;;) {
      const match = pattern.exec(output)
      if (match) return match[1] ?? match[0]
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended, having said: ${output}`)
      await sleep(10)
    }
  }
  return { child, pid: child.pid ?? 0, output: () => output, outputs: () => outputs, kill, says, end }
}

/** For an environment of a program's own: what Node.js has compiled once, as `npm test` is told to keep it. */
export function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const { NODE_COMPILE_CACHE } = process.env
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
}

/** Starts a TypeScript file of this folder on this Node.js. */
export function startScript(file: string, args: string[]): TestProcess {
  return start(process.execPath, [join(import.meta.dirname, 'processes', file), ...args])
}

/** Resolves when the process has ended; rejects when it still runs after `limitMs` milliseconds. */
export async function gone(pid: number, limitMs = 20_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (processIdentity(pid)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} still runs`)
    await sleep(20)
  }
}
