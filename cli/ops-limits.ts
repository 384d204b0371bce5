import type { Operator } from '../core/admin/audit-log.ts'
import { getLimits, hasJobs, setLimits } from '../core/admin/user-limits.ts'
import { type LimitsOfUserView, type UserLimitField, userLimitFields } from '../core/api/admin/limits-schema.ts'
import { limitChange, viewLimits, waitsRefused } from '../core/api/admin/limits-view.ts'
import type { OperatorConfig } from '../core/platform/config/operator.ts'
import { userLimits } from '../core/usage/quotas.ts'
import { uploadLimits } from '../core/usage/upload-quota.ts'
import { OptionsError } from '../dev/boot/options.mjs'
import { requireUser } from './ops-keys.ts'
import type { Values } from './ops-usage.ts'
import { table } from './table.ts'

/** The option and the setting of each limit. */
const limitOptions = {
  jobsInFlight: ['jobs-in-flight', 'JOB_IN_FLIGHT_PER_USER'],
  jobsWaiting: ['jobs-waiting', 'USER_JOBS_WAITING'],
  jobsPerDay: ['jobs-a-day', 'USER_JOBS_PER_DAY'],
  dollarsPerDay: ['dollars-a-day', 'USER_DOLLARS_PER_DAY'],
  uploadsPerDay: ['uploads-a-day', 'USER_UPLOADS_PER_DAY'],
  uploadMegabytesPerDay: ['upload-megabytes-a-day', 'USER_UPLOAD_MEGABYTES_PER_DAY'],
  streams: ['streams', 'STREAM_SESSIONS_PER_USER'],
  waits: ['waits', 'WAITS_PER_USER'],
} as const satisfies Record<UserLimitField, readonly [keyof Values, keyof OperatorConfig]>
const fields = Object.keys(limitOptions) as UserLimitField[]

type Act = (
  operator: Operator,
  config: OperatorConfig,
) => Promise<{ readonly view: LimitsOfUserView; readonly text: string }>

/** Shows or sets the limits of a user; a usage error is reported here, before the database is asked. */
export function prepareLimits(values: Values): Act {
  const user = requireUser(values.user, 'limits needs --user: the user whose limits to show or set.')
  const given = fields.filter((field) => values[limitOptions[field][0]] !== undefined)
  const entries = given.map((field) => [field, readLimit(field, values)] as const)
  const reset = values.reset ? fields.map((field) => [field, null] as const) : []
  const change = limitChange(Object.fromEntries([...reset, ...entries]))
  return async (operator, config) => {
    const waits = Object.fromEntries(entries).waits
    const refused = waitsRefused(waits, config.WAITS_PER_USER)
    if (refused) throw new OptionsError(`--waits: ${refused}`)
    const isChange = given.length > 0 || values.reset === true
    const overrides = isChange ? await setLimits(operator, user, change) : await getLimits(operator.database, user)
    const view = viewLimits(user, overrides, {
      inFlightPerUser: config.JOB_IN_FLIGHT_PER_USER,
      limits: userLimits(config),
      uploadLimits: uploadLimits(config),
      connections: { streams: config.STREAM_SESSIONS_PER_USER, waits: config.WAITS_PER_USER },
    })
    const notes = [
      ...((await hasJobs(operator.database, user)) ? [] : [`No job of ${user} is there: look at the name.`]),
      // The setting of this machine need not be that of the API.
      ...(waits
        ? ['Where the API has WAITS_PER_USER=0, as in an account of ten functions, no call waits all the same.']
        : []),
    ]
    return { view, text: [describeLimits(view), ...notes].join('\n\n') }
  }
}

function readLimit(field: UserLimitField, values: Values): number | null {
  const option = limitOptions[field][0]
  const text = String(values[option])
  // Number('') is 0.
  const checked = userLimitFields[field].safeParse(text.trim() === '' ? undefined : Number(text))
  if (text.trim() !== '' && checked.success) return checked.data ?? null
  const isNumber = text.trim() !== '' && !Number.isNaN(Number(text))
  const why = isNumber ? checked.error?.issues[0]?.message : 'expected a number'
  throw new OptionsError(`--${option}: ${why}, not '${text}'.`)
}

function describeLimits(view: LimitsOfUserView): string {
  const rows = fields.map((field) => {
    const { value, from } = view[field]
    const [option, setting] = limitOptions[field]
    const amount = value === null ? 'unlimited' : value.toLocaleString('en', { maximumFractionDigits: 9 })
    return [option.replaceAll('-', ' '), amount, from === 'operator' ? 'set for this user' : setting]
  })
  return table([`limit of ${view.user}`, 'value', 'from'], rows)
}
