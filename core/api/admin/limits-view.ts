import type { LimitChange } from '../../admin/user-limits.ts'
import type { ConnectionLimits, LimitOverrides, Overridable } from '../../usage/limit-overrides.ts'
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
    ...{ jobsInFlight: inFlightPerUser, ...limits },
    ...uploadLimits,
    ...connections,
  }
  const entries = fields.map((field) => {
    const [name, unit] = limitOf[field]
    const inUnits = (value: number | null | undefined) => (value == null ? null : value / unit)
    const set = inUnits(overrides[name])
    const setting = inUnits(settings[name])
    return [field, { value: set ?? setting, from: set === null ? 'setting' : 'operator', setting }] as const
  })
  return { user, ...(Object.fromEntries(entries) as Omit<LimitsOfUserView, 'user'>) }
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
