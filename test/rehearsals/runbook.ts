import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../../cli/migrate-command.ts'
import { operate } from '../../cli/operate.ts'
import { skipIds } from '../../cli/skip-ids-command.ts'
import { runHere } from '../cli/run-command.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, '../../docs', file), 'utf8')
const deploying = read('deploying.md')
const operating = read('operating.md')

type Env = Readonly<Record<string, string>>

/**
 * The commands of a rehearsed block of docs/deploying.md, one a line, without comments: the block follows a line
 * `<!-- rehearsed: <name> -->`.
 *
 * @throws Error if there is none
 */
export function commandsOf(name: string): readonly string[] {
  const [, block] = deploying.split(`<!-- rehearsed: ${name} -->\n\n\`\`\`bash\n`)
  if (block === undefined) throw new Error(`docs/deploying.md has no block '${name}'`)
  return linesOf(block)
}

/**
 * The commands of an alarm's page in docs/operating.md, in the same form.
 *
 * @throws Error if there is no page
 */
export function commandsOfAlarm(name: string): readonly string[] {
  const [, page] = operating.split(new RegExp(`^### .*\`${name}\`.*$`, 'm'))
  const [, block] = page?.split('```bash\n') ?? []
  if (block === undefined) throw new Error(`docs/operating.md has no page of '${name}'`)
  return linesOf(block)
}

function linesOf(block: string): readonly string[] {
  return block
    .slice(0, block.indexOf('\n```'))
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter(Boolean)
}

/**
 * Runs a rehearsed block as it stands there, and returns what each command wrote. What the project's own commands do is done
 * in this process, all else by a shell.
 *
 * @param place the folder of the shell, and the environment of all
 * @param after called with what each command wrote, before the next one is run
 * @throws Error with the output of the first command that fails
 */
export async function rehearse(
  name: string,
  place: { readonly folder: string; readonly env: Env },
  after?: (output: string) => Promise<void>,
): Promise<string[]> {
  const outputs: string[] = []
  for (const command of commandsOf(name)) {
    const { code, output } = await run(command, place)
    if (code !== 0) throw new Error(`${command}: ${code}\n${output}`)
    outputs.push(output)
    await after?.(output)
  }
  return outputs
}

/** A text with the values of its `$NAME`s, as the shell would have it. */
export function withValues(text: string, env: Env): string {
  return text.replaceAll(/\$(\w+)/g, (_, name: string) => env[name] ?? '')
}

/** Runs one command: see `rehearse`. */
export async function run(command: string, { folder, env }: { readonly folder: string; readonly env: Env }) {
  const { signal } = new AbortController()
  const [, script, rest = ''] = /^npm run ([\w:-]+)(?: -- (.*))?$/.exec(command) ?? []
  const args = [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => withValues(quoted ?? bare ?? '', env))
  if (script === 'ops') return runHere((given, terminal) => operate(given, terminal, signal), args, { ...env })
  if (script === 'db:migrate') return runHere(migrate, args, { ...env })
  if (script === 'db:skip-ids') return runHere(skipIds, args, { ...env })
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = (await once(shell, 'close')) as [number | null]
  return { code, output }
}
