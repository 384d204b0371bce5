import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** Runs a script in a process of its own. @returns the last line of JSON that it printed. @throws if it failed or printed none */
export async function runScript<Found>(file: string, args: readonly string[]): Promise<Found> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  const line = output
    .split('\n')
    .filter((one) => one.startsWith('{'))
    .at(-1)
  if (code !== 0 || line === undefined) throw new Error(`${file} ended with ${code}: ${output.slice(-500)}`)
  return JSON.parse(line)
}
