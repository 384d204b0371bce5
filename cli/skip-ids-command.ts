import { parseArgs } from 'node:util'
import { openDatabase } from '../core/database/client.ts'
import { skipIds as skip } from '../core/database/skip-ids.ts'
import { loadOperatorConfig } from '../core/platform/config/operator.ts'
import { OptionsError } from '../dev/boot/options.mjs'
import { checkDatabaseUrl } from '../dev/database/check-url.ts'
import { errorText } from '../dev/errors/error-text.ts'
import type { ExitCode, Terminal } from './terminal.ts'

const fewest = 1
/** JavaScript represents these ids exactly: 9,000 such steps fit. */
const most = 1_000_000_000_000
const preset = 1_000_000

const usage = `Leaves out ids after a restore, so that none is given out a second time.

Usage: npm run db:skip-ids -- [--by <n>]

Options:
  --by <n>      how many: more than the jobs created since the backup (default: ${preset})
  -h, --help    show this and exit

On the database of DATABASE_URL, exported or in .env, before anything is created there. Doing it again leaves out as many more.
`

/**
 * Moves the next id of every table of DATABASE_URL forward.
 *
 * @param args what follows `npm run db:skip-ids --`
 */
export async function skipIds(args: string[], { environment, out, error }: Terminal): Promise<ExitCode> {
  try {
    const by = readArguments(args)
    if (by === undefined) {
      out(usage)
      return 0
    }
    const env = environment()
    if (!env.DATABASE_URL) throw new OptionsError(`DATABASE_URL is missing: the restored database.\n\n${usage}`)
    await checkDatabaseUrl('DATABASE_URL', env.DATABASE_URL, { named: true })
    const database = openDatabase(loadOperatorConfig(env).DATABASE_URL, { connections: 1, random: Math.random })
    try {
      for (const { table, before, after } of await skip(database, by)) {
        out(`${table}: the next id is ${after.toLocaleString('en')}, not ${before.toLocaleString('en')}\n`)
      }
    } finally {
      await database.close()
    }
    return 0
  } catch (failure) {
    error(`${errorText(failure)}\n`)
    return failure instanceof OptionsError ? 2 : 1
  }
}

/** @returns how many ids to leave out; undefined when only help is wanted */
function readArguments(args: string[]): number | undefined {
  try {
    const { values } = parseArgs({ args, options: { by: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help) return undefined
    const by = Number(values.by ?? preset)
    if (Number.isInteger(by) && by >= fewest && by <= most) return by
    throw new Error(`--by must be a whole number from ${fewest} to ${most}, not '${values.by}'.`)
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}
