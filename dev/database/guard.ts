import { type ChildProcess, spawn } from 'node:child_process'

// Waits on a pipe that only we hold. The word `ended` means the server is gone; the end of the pipe without it means
// that we are, however we died. Then the server is asked to stop, and made to 10 s later.
const script = `
IFS= read -r word
[ "$word" = ended ] && exit 0
kill -TERM "$1" 2>/dev/null || exit 0
tries=0
while [ $tries -lt 100 ]; do
  sleep 0.1
  kill -0 "$1" 2>/dev/null || exit 0
  tries=$((tries + 1))
done
kill -KILL "$1" 2>/dev/null
`

/** See {@link guard}. */
export type Guard = {
  /** To be called when the guarded process has ended: its pid may soon be another's. */
  dismiss(): void
}

/**
 * Starts a small shell, in a process group of its own, that ends the given process when this one dies without having
 * done so, even by SIGKILL.
 */
export function guard(pid: number): Guard {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', script, 'vision-pipeline-guard', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  shell.unref()
  // Neither a shell that is missing nor one that was killed shall take us down: it is a safety net.
  shell.on('error', () => {})
  shell.stdin?.on('error', () => {})
  return { dismiss: () => shell.stdin?.end('ended\n') }
}
