// Runs one child process on behalf of this one. Plain JavaScript for Node 18 and later: it is needed before
// anything is installed.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const stopSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * Runs a command and hands it the signals that stop this process. Under npm, npm's own end counts as SIGTERM.
 *
 * Only the first signal is passed on: Ctrl-C in a terminal reaches the whole process group, npm forwards it once
 * more, and a child that is already stopping in order must not be hit again by us.
 *
 * @param {string} command looked up on `env.PATH`
 * @param {string[]} args
 * @param {{
 *   env: NodeJS.ProcessEnv,
 *   cwd?: string,
 *   stdio?: import('node:child_process').StdioOptions,
 *   killAfterMs?: number,
 *   onStart?: (child: import('node:child_process').ChildProcess) => void,
 * }} options `killAfterMs`: how long, in milliseconds, the child may outlive the first signal before SIGKILL
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, stoppedBy: NodeJS.Signals | null }>}
 *   how the child ended, and the signal that asked for it, if one did
 * @throws the spawn error (`code` is ENOENT where there is no such command)
 */
export function runChild(command, args, { env, cwd, stdio = 'inherit', killAfterMs, onStart }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio })
    let stoppedBy = null
    let killTimer
    const stop = (signal) => {
      if (stoppedBy) return
      stoppedBy = signal
      child.kill(signal)
      if (killAfterMs !== undefined) killTimer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    }
    for (const signal of stopSignals) process.on(signal, stop)
    const npmWatch = watchNpm(stop)
    const forget = () => {
      clearTimeout(killTimer)
      clearInterval(npmWatch)
      for (const signal of stopSignals) process.off(signal, stop)
    }
    child.once('error', (error) => {
      forget()
      reject(error)
    })
    child.once('close', (code, signal) => {
      forget()
      resolve({ code, signal, stoppedBy })
    })
    onStart?.(child)
  })
}

/**
 * Ends this process the way its child ended: with the same exit code, or by the same signal.
 *
 * @param {{ code: number | null, signal: NodeJS.Signals | null }} end
 */
export function endLike({ code, signal }) {
  // SIGKILL would cost this process its last words; 137 is what a shell reports for it.
  if (signal === 'SIGKILL') process.exit(137)
  if (signal) process.kill(process.pid, signal)
  else process.exit(code ?? 1)
}

// npm runs its scripts through a shell, which keeps npm's signals to itself (Debian's dash) or gives its place to us.
// So what we see of npm's end is that our parent, or the parent of that shell, has changed. Without npm a change of
// parents is nothing unusual (nohup, disown).
function watchNpm(stop) {
  if (!process.env.npm_lifecycle_event) return undefined
  const before = ancestors()
  return setInterval(() => {
    if (ancestors() !== before) stop('SIGTERM')
  }, 500)
}

function ancestors() {
  const parent = process.ppid
  try {
    // Linux: pid (name) state ppid …
    const [, name, parentOfParent] = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${parent}/stat`, 'utf8'))
    return /^(da|ba|a)?sh$/.test(name) ? `${parent} of ${parentOfParent}` : `${parent}`
  } catch {
    return `${parent}`
  }
}
