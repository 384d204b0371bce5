import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { getOperatorActions, type Operator } from '../core/admin/audit-log.ts'
import { cancelJobs, pauseClaims, pruneJobs, redriveJobs, resumeClaims } from '../core/admin/commands.ts'
import { getJobInFull } from '../core/admin/job.ts'
import { getStatus } from '../core/admin/status.ts'
import { viewFailures, viewForOperator, viewFoundJobs, viewMinutes } from '../core/api/admin/jobs-view.ts'
import { RedriveFilterInput } from '../core/api/admin/schema.ts'
import { readClaiming, viewAction, viewCancel, viewRedrive, viewStatus } from '../core/api/admin/view.ts'
import { openDatabase } from '../core/database/client.ts'
import { asVisionError, innermost } from '../core/domain/errors.ts'
import { loadDoctorConfig } from '../core/platform/config/doctor.ts'
import { loadOperatorConfig, type OperatorConfig } from '../core/platform/config/operator.ts'
import { providerNames } from '../core/providers/registry.ts'
import { findJobs } from '../core/queue/read/find-jobs.ts'
import { getFailures } from '../core/usage/failures.ts'
import { getMinutes, mostMinutes } from '../core/worker/report/minutes.ts'
import { OptionsError, readOptions } from '../dev/boot/options.mjs'
import { checkDatabaseUrl } from '../dev/database/check-url.ts'
import { openLocalDatabase } from '../dev/database/open-local.ts'
import { errorText } from '../dev/errors/error-text.ts'
import { type ProviderScope, type Status, statuses } from '../drizzle/schema.ts'
import { checkBucketAndRules } from './bucket-checks.ts'
import { checkDatabase } from './database-checks.ts'
import { describeFailures, describeJob, describeJobs, describeMinutes } from './jobs-text.ts'
import { prepareErase } from './ops-erase.ts'
import { prepareKeys } from './ops-keys.ts'
import { prepareLimits } from './ops-limits.ts'
import {
  describeActions,
  describeCancel,
  describeClaiming,
  describeFindings,
  describePrune,
  describeRedrive,
  describeStatus,
} from './ops-text.ts'
import { options, taken, usage, type Values, type Verb, verbs } from './ops-usage.ts'
import { checkProviderKeys } from './provider-checks.ts'
import { checkFunctionQuota } from './quota-check.ts'
import type { ExitCode, Terminal } from './terminal.ts'

/** The output: the API's answer, and the same for people. */
interface Answer {
  readonly view: unknown
  readonly text: string
  /** Whether the command still exits with 1. */
  readonly failed?: boolean
}

/**
 * Runs one operator's command, on DATABASE_URL or on the local database.
 *
 * @param args the arguments after `npm run ops --`
 * @param signal aborted when a command that works in batches must end after the current one
 */
export async function operate(args: string[], terminal: Terminal, signal: AbortSignal): Promise<ExitCode> {
  try {
    const { verb, values, about } = readArguments(args)
    if (verb === undefined) {
      terminal.out(usage)
      return 0
    }
    const { written, failed } = await answer(prepare(verb, values, about, signal), values, terminal)
    terminal.out(written)
    return failed ? 1 : 0
  } catch (error) {
    terminal.error(`${textOf(error)}\n`)
    return error instanceof OptionsError ? 2 : 1
  }
}

// Not the usage itself, whose 60 lines would scroll the error away.
const seeHelp = 'See npm run ops -- --help'

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    // Its second sentence is about words that begin with a dash.
    throw new OptionsError(`${(error as Error).message.split('. ')[0]}.\n${seeHelp}`)
  }
}

/** A verb with its options and its object, such as the id of a job. */
interface Command {
  readonly verb: Verb | undefined
  readonly values: Values
  readonly about?: string | undefined
}

function readArguments(args: string[]): Command {
  const { values, positionals } = parse(args)
  if (values.help) return { verb: undefined, values }
  const [verb, ...more] = positionals
  if (!isVerb(verb) || more.length > (wordsAfter[verb] ?? 0)) {
    throw new OptionsError(`Expected one of ${verbs.join(', ')}, not '${positionals.join(' ')}'.\n${seeHelp}`)
  }
  for (const name of Object.keys(values) as (keyof typeof options)[]) {
    if (name !== 'json' && !taken[verb].includes(name))
      throw new OptionsError(`${verb} does not take --${name}.\n${seeHelp}`)
  }
  return { verb, values, about: more.length > 0 ? more.join(' ') : undefined }
}

/** How many words may follow a verb; none if left out. */
const wordsAfter: Partial<Record<Verb, number>> = { job: 1, keys: 2 }

function isVerb(word: string | undefined): word is Verb {
  return verbs.some((verb) => verb === word)
}

async function answer(act: Act, values: Values, { environment, error }: Terminal) {
  await using cleanup = new AsyncDisposableStack()
  const env = environment()
  const isLocal = !env.DATABASE_URL
  if (env.DATABASE_URL) {
    await checkDatabaseUrl('DATABASE_URL', env.DATABASE_URL, { named: true })
  } else {
    const local = await openLocalDatabase(readOptions([], env).dataDir, env, (line) => error(`${line}\n`))
    cleanup.defer(() => local.stop())
    env.DATABASE_URL = local.url
  }
  const config = loadOperatorConfig(env)
  const database = openDatabase(config.DATABASE_URL, { connections: 1, random: Math.random })
  cleanup.defer(() => database.close())
  const { view, text, failed = false } = await act({ database, actor: actor() }, config, env, isLocal)
  return { written: values.json ? `${JSON.stringify(view, undefined, 2)}\n` : `${text}\n`, failed }
}

export type Act = (
  operator: Operator,
  config: OperatorConfig,
  env: Readonly<Record<string, string | undefined>>,
  /** The database is the one that npm start keeps. */
  isLocal: boolean,
) => Promise<Answer>

/** The action of a verb; usage errors are reported here, before the database is queried. */
function prepare(verb: Verb, values: Values, about: string | undefined, signal: AbortSignal): Act {
  const dryRun = values.yes !== true
  const limit = wholeNumber('limit', values.limit)
  switch (verb) {
    case 'jobs': {
      const filter = {
        ...filterOf(values),
        statuses: statusesOf(values.status),
        batchId: wholeNumber('batch', values.batch),
      }
      const before = wholeNumber('before', values.before)
      return async ({ database }) => {
        const found = await findJobs(database, filter, { limit: Math.min(limit ?? 20, 1_000), before })
        const view = viewFoundJobs(found)
        return { view, text: describeJobs(view.jobs, found.next) }
      }
    }
    case 'job': {
      const id = wholeNumber('job', about ?? '', 'job needs the id of a job: job 21')
      return async ({ database }) => {
        const view = viewForOperator(await getJobInFull(database, id ?? 0))
        return { view, text: describeJob(view) }
      }
    }
    case 'failures': {
      const days = wholeNumber('days', values.days) ?? 2
      if (days > 31) throw new OptionsError(`--days must be at most 31, not ${days}.`)
      return async ({ database }) => {
        const view = { days, failures: viewFailures(await database.run((on) => getFailures(on, days))) }
        return { view, text: describeFailures(view) }
      }
    }
    case 'minutes': {
      const minutes = wholeNumber('minutes', values.minutes) ?? 60
      if (minutes > mostMinutes) throw new OptionsError(`--minutes must be at most ${mostMinutes}, not ${minutes}.`)
      return async ({ database }) => {
        const view = viewMinutes(await database.run((on) => getMinutes(on, minutes)))
        return { view, text: describeMinutes(view) }
      }
    }
    case 'doctor':
      return async ({ database }, { DATABASE_URL }, env) => {
        const config = loadDoctorConfig(env)
        const findings = [
          ...(await checkDatabase(database, { url: DATABASE_URL, now: Date.now })),
          ...(await checkBucketAndRules(config)),
          await checkFunctionQuota(config),
          ...(await checkProviderKeys(config.providers)),
        ]
        const failed = findings.some((finding) => finding.ok === false)
        return { view: { ok: !failed, findings }, text: describeFindings(findings), failed }
      }
    case 'status':
      return async ({ database }) => {
        const view = viewStatus(await getStatus(database))
        return { view, text: describeStatus(view) }
      }
    case 'pause':
    case 'resume': {
      const provider = scopeOf(values.provider)
      const { reason } = values
      return async (operator) => {
        await (verb === 'pause' ? pauseClaims : resumeClaims)(operator, { provider, reason })
        const view = await readClaiming(operator.database)
        return { view, text: describeClaiming(view, verb === 'resume') }
      }
    }
    case 'redrive': {
      const filter = filterOf(values)
      return async (operator, { JOB_EXPIRES_HOURS }) => {
        const lifeMs = JOB_EXPIRES_HOURS * 3_600_000
        const batches = { limit, dryRun, lifeMs, signal }
        const view = viewRedrive(dryRun, await redriveJobs(operator, filter, batches))
        return { view, text: describeRedrive(view) }
      }
    }
    case 'cancel': {
      const { code, userId, batchId } = filterOf(values)
      if (code === undefined && userId === undefined && batchId === undefined) {
        throw new OptionsError('cancel needs --user, --batch or --code: without one it would cancel every job.')
      }
      return async (operator) => {
        const view = viewCancel(
          dryRun,
          await cancelJobs(operator, { code, userId, batchId }, { limit, dryRun, signal }),
        )
        return { view, text: describeCancel(view) }
      }
    }
    case 'keys':
      return prepareKeys(values, about)
    case 'erase':
      return prepareErase(values, signal)
    case 'limits':
      return prepareLimits(values)
    case 'prune': {
      const days = wholeNumber('older-than-days', values['older-than-days'])
      return async (operator, { JOB_RETENTION_DAYS }) => {
        const olderThanDays = days ?? JOB_RETENTION_DAYS
        const batches = { olderThanDays, limit, dryRun, signal }
        const view = { dryRun, olderThanDays, ...(await pruneJobs(operator, batches)) }
        return { view, text: describePrune(view) }
      }
    }
    case 'actions':
      return async ({ database }) => {
        const rows = await getOperatorActions(database, { limit: limit ?? 20 })
        const view = { actions: rows.map(viewAction) }
        return { view, text: describeActions(view.actions) }
      }
  }
}

function scopeOf(provider: string | undefined): ProviderScope {
  if (provider === undefined) return 'all'
  const found = providerNames.find((one) => one === provider)
  if (found === undefined)
    throw new OptionsError(`--provider must be one of ${providerNames.join(', ')}, not '${provider}'.`)
  return found
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function filterOf({ code, since, until, user, batch }: Values) {
  const moment = (name: string, text: string | undefined) => {
    if (text === undefined) return undefined
    const [, amount, unit = ''] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? []
    const at = amount === undefined ? new Date(text) : new Date(Date.now() - Number(amount) * (unitMs[unit] ?? 0))
    if (amount !== undefined) return at
    // Without a zone it would mean this machine's, which is ambiguous.
    if (Number.isNaN(at.getTime()) || !/(Z|[+-]\d\d:\d\d)$/.test(text)) {
      throw new OptionsError(
        `--${name} must be how long ago, like 30m, 2h or 1d, or a time with its zone, like 2026-11-23T12:00:00Z, not '${text}'.`,
      )
    }
    return at
  }
  const codes = RedriveFilterInput.shape.code.safeParse(code)
  if (!codes.success) throw new OptionsError(`--code ${codes.error.issues[0]?.message}, not '${code}'.`)
  return {
    code: codes.data,
    since: moment('since', since),
    until: moment('until', until),
    userId: user,
    batchId: wholeNumber('batch', batch),
  }
}

function statusesOf(text: string | undefined): Status[] | undefined {
  const words = text?.split(',')
  const wrong = words?.find((word) => !statuses.some((status) => status === word))
  if (wrong !== undefined) throw new OptionsError(`--status must be of ${statuses.join(', ')}, not '${wrong}'.`)
  return words as Status[] | undefined
}

export function wholeNumber(name: string, text: string | undefined, otherwise?: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new OptionsError(otherwise ?? `--${name} must be a whole number from 1 on, not '${text}'.`)
  }
  return Number(text)
}

/** The account that runs the command, as far as the column can store it. */
function actor(): string {
  return `cli:${userInfo().username.replaceAll(/[^\x21-\x7e]/g, '?')}`
}

/** The database's errors in one line, without the statement: its values are the users'. */
function textOf(error: unknown): string {
  const known = errorText(error)
  if (known === (error as Error).message) return known
  const inner = innermost(error)
  if (inner instanceof Error && 'code' in inner && inner.code === 'ER_NO_SUCH_TABLE') {
    return 'The database has not been migrated: run npm run db:migrate.'
  }
  const { code, message, detail } = asVisionError(error)
  return code === 'internal.error' ? known : `${code}: ${message}${detail ? ` (${detail})` : ''}`
}
