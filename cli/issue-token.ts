import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { scopes, signToken } from '../core/platform/auth.ts'
import { OptionsError, readOptions } from '../dev/boot/options.mjs'
import { openDataFolder, requireDataFolder } from '../dev/data/data-folder.ts'
import { StartError } from '../dev/errors/start-error.ts'
import type { ExitCode, Terminal } from './terminal.ts'

const usage = `Prints a bearer token for the API, signed with AUTH_SECRET or with the secret of the local stack.

Usage: npm run token -- --user <id> [options]

Options:
  --user <id>           the user that the token is for
  --scope <scope>       a scope of the token (${scopes.join(', ')}); may be repeated
  --hours <number>      how long it is valid (default: 12)
  --data-dir <folder>   the folder of the local stack (default: DATA_DIR, or .data in the project)
  -h, --help            show this and exit
`

/**
 * Prints a bearer token; everything else goes to standard error.
 *
 * @param args the arguments after `npm run token --`
 */
export async function issueToken(args: string[], { environment, out, error }: Terminal): Promise<ExitCode> {
  try {
    out(await answer(args, environment))
    return 0
  } catch (failure) {
    if (!isForPeople(failure)) throw failure
    error(`${failure.message}\n\n${usage}`)
    return 2
  }
}

/** Standard output: the token alone, or the help. */
async function answer(args: string[], environment: Terminal['environment']): Promise<string> {
  const { values } = parseArgs({
    args,
    options: {
      user: { type: 'string' },
      scope: { type: 'string', multiple: true, default: [] },
      hours: { type: 'string', default: '12' },
      'data-dir': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return usage
  if (values.user === undefined) throw new RangeError('Missing --user <id>: the user that the token is for.')
  const unknown = values.scope.find((scope) => !scopes.some((known) => known === scope))
  if (unknown !== undefined) {
    throw new RangeError(`There is no scope '${unknown}'. The scopes are ${scopes.join(', ')}.`)
  }
  const hours = Number(values.hours)
  if (!(hours > 0 && hours <= 24 * 365)) throw new RangeError('--hours must be a number above 0, a year at most.')
  const env = environment()
  const { dataDir } = readOptions(values['data-dir'] === undefined ? [] : ['--data-dir', values['data-dir']], env)
  const token = await signToken(env.AUTH_SECRET || (await secretOf(dataDir)), {
    userId: values.user,
    scopes: values.scope,
    lifeSeconds: hours * 3600,
    now: Date.now(),
    issuer: env.AUTH_ISSUER,
    audience: env.AUTH_AUDIENCE,
  })
  return `${token}\n`
}

/** The secret of the local stack, which may be running and hold its folder; created in a folder that has none yet. */
async function secretOf(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'secrets', 'auth-secret'), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  await requireDataFolder(dataDir, 'secrets', '--data-dir or DATA_DIR')
  const folder = await openDataFolder(dataDir)
  try {
    return await folder.secret('auth-secret', 32)
  } finally {
    await folder.release()
  }
}

function isForPeople(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const known = [StartError, OptionsError, RangeError].some((kind) => error instanceof kind)
  return known || ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
}
