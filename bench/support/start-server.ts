import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A server of `serve.ts`. */
export interface Served {
  readonly port: number
  ask<Answer>(what: string): Promise<Answer>
}

/**
 * Starts a script of bench/ that serves, or a bundle of one, by its absolute path.
 *
 * @param env its environment; nothing of this process' own comes through
 */
export async function startServer(
  cleanup: AsyncDisposableStack,
  file: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Served> {
  const isBundle = isAbsolute(file)
  const path = isBundle ? file : fileURLToPath(new URL(`../${file}`, import.meta.url))
  const child = spawn(process.execPath, [...(isBundle ? [] : process.execArgv), path, ...args], {
    env,
    // Metrics go to standard output.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const closed = once(child, 'close')
  cleanup.defer(async () => {
    child.kill('SIGKILL')
    await closed
  })
  const next = async <Answer>(): Promise<Answer> =>
    (await once(child, 'message', { signal: AbortSignal.timeout(60_000) }))[0]
  const { port } = await Promise.race([
    next<{ port: number }>(),
    closed.then(([code]) => Promise.reject(new Error(`${file} ended with ${code}`))),
  ])
  return {
    port,
    ask: (what) => {
      const answer = next<never>()
      child.send(what)
      return answer
    },
  }
}
