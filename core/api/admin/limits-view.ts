import type { LimitChange } from '../../admin/user-limits.ts'
import {
  type ConnectionLimits,
  connectionLimit,
  type LimitOverrides,
  type Overridable,
} from '../../usage/limit-overrides.ts'
import type { UserLimits } from '../../usage/quotas.ts'
import type { UploadLimits } from '../../usage/upload-quota.ts'
import type { LimitsOfUserView, UserLimitField } from './limits-schema.ts'

/** The limit behind each field of the calls, and how many of its units are one of the field's. */
const limitOf: Readonly<Record<UserLimitField, readonly [Overridable, number]>> = {
  jobsInFlight: ['jobsInFlight', 1],
  jobsWaiting: ['jobsWaiting', 1],
  jobsPerDay: ['jobsPerDay', 1],
  dollarsPerDay: ['costPerDay', 1e9],
  uploadsPerDay: ['uploadsPerDay', 1],
  uploadMegabytesPerDay: ['uploadBytesPerDay', 1e6],
  streams: ['streams', 1],
  waits: ['waits', 1],
}
const fields = Object.keys(limitOf) as UserLimitField[]

/** The settings of the process that is asked. */
export interface LimitSettings {
  readonly inFlightPerUser: number
  readonly limits: UserLimits
  readonly uploadLimits: UploadLimits
  readonly connections: ConnectionLimits
}

/** The limits of a user, and where each comes from. */
export function viewLimits(
  user: string,
  overrides: LimitOverrides,
  { inFlightPerUser, limits, uploadLimits, connections }: LimitSettings,
): LimitsOfUserView {
  const settings: Readonly<Record<Overridable, number | undefined>> = {
    jobsInFlight: inFlightPerUser,
    ...limits,
    ...uploadLimits,
    ...connections,
  }
  const entries = fields.map((field) => {
    const [name, unit] = limitOf[field]
    const inUnits = (value: number | null | undefined) => (value == null ? null : value / unit)
    const set = inUnits(overrides[name])
    const setting = inUnits(settings[name])
    // What was set while calls could wait rests where none may.
    const holds = set !== null && !(isConnection(name) && connectionLimit(connections[name], set) !== set)
    return [field, { value: holds ? set : setting, from: holds ? 'operator' : 'setting', setting }] as const
  })
  return { user, ...(Object.fromEntries(entries) as Omit<LimitsOfUserView, 'user'>) }
}

function isConnection(name: Overridable): name is keyof ConnectionLimits {
  return name === 'streams' || name === 'waits'
}

/** Why calls of one user cannot wait where those of nobody may; undefined where they can. */
export function waitsRefused(wanted: number | null | undefined, setting: number): string | undefined {
  if (!wanted || setting > 0) return undefined
  return 'WAITS_PER_USER is 0, so no call waits, whoever makes it: each would hold a function that others need. Leave it out, or raise WAITS_PER_USER first, which an account of ten functions cannot.'
}

/** A change of limits in the units of the database. */
export function limitChange(given: { readonly [Field in UserLimitField]?: number | null | undefined }): LimitChange {
  return Object.fromEntries(
    fields.map((field) => {
      const [name, unit] = limitOf[field]
      const value = given[field]
      return [name, typeof value === 'number' ? Math.round(value * unit) : value]
    }),
  )
}
