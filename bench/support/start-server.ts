import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withTimeout } from '../../core/platform/async.ts'

/** How long a server may take for an answer, on a busy machine too. */
const answerMs = 60_000

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
  /** Whatever keeps it from answering, who waits is told: it has ended, or says nothing. */
  const next = async <Answer>(what: string): Promise<Answer> => {
    const said = once(child, 'message').then(([answer]) => answer as Answer)
    const gone = closed.then(([code]) =>
      Promise.reject(new Error(`${file} has ended with ${code}, asked for its ${what}`)),
    )
    return withTimeout(answerMs, Promise.race([said, gone]), () => {
      throw new Error(`${file} has not said its ${what} within ${answerMs / 1_000} s`)
    })
  }
  const { port } = await next<{ port: number }>('port')
  return {
    port,
    ask: (what) => {
      const answer = next<never>(what)
      child.send(what)
      return answer
    },
  }
}
