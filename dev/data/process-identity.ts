import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Names one run of a process: a pid alone is soon given to another process, a pid with its start time is not.
 *
 * On Linux it is made of the boot id (/proc/sys/kernel/random/boot_id) and the start time in clock ticks since boot (field
 * 22 of /proc/pid/stat), elsewhere of what `ps -o lstart=` says. Compare it for equality, nothing else.
 *
 * Synchronous, so that a process can be started and noted in one turn.
 *
 * @returns undefined when no such process runs; one that has ended and only waits to be collected does not run
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid)
}

function linuxIdentity(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    // ESRCH: it ended between opening and reading.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  // Field 2, the command's name in parentheses, may itself hold blanks and parentheses; field 3 follows the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTicks] = [fields[0], fields[22 - 3]]
  if (state === 'Z' || state === 'X') return undefined
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot}/${startTicks}`
}

function psIdentity(pid: number): string | undefined {
  try {
    // lstart is local time in the local language.
    const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' }
    const printed = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { env, encoding: 'utf8' })
    const [, state, started] = /^(\S+)\s+(.+)$/.exec(printed.trim()) ?? []
    return state?.startsWith('Z') ? undefined : started
  } catch (error) {
    // ps exits with 1 when it found no process.
    if ((error as { status?: unknown }).status === 1) return undefined
    throw error
  }
}
