import { type SQL, sql } from 'drizzle-orm'
import { type Queryable, rowsOf } from '../database/sql.ts'

/** The limits that an operator may set for one user. */
export const overridable = [
  'jobsInFlight',
  'jobsWaiting',
  'jobsPerDay',
  'costPerDay',
  'uploadsPerDay',
  'uploadBytesPerDay',
  'streams',
  'waits',
] as const
export type Overridable = (typeof overridable)[number]

/** What an operator has set for one user, in the units of the limits; null where the setting applies. */
export type LimitOverrides = Readonly<Record<Overridable, number | null>>

/** The column of each limit in `vision_users`. */
export const limitColumn: Readonly<Record<Overridable, SQL>> = {
  jobsInFlight: sql`jobs_in_flight`,
  jobsWaiting: sql`jobs_waiting`,
  jobsPerDay: sql`jobs_per_day`,
  costPerDay: sql`cost_per_day`,
  uploadsPerDay: sql`uploads_per_day`,
  uploadBytesPerDay: sql`upload_bytes_per_day`,
  streams: sql`streams`,
  waits: sql`waits`,
}

/** The columns of the limits, to be read by `overridesIn`. */
export const overrideColumns = sql.join(
  overridable.map((name) => sql`${limitColumn[name]} AS ${sql.raw(name)}`),
  sql`, `,
)

/** A row of `overrideColumns`. */
export type OverrideRow = Record<Overridable, number | string | null>

/** The overrides of a row; none if there is no row. */
export function overridesIn(row: OverrideRow | undefined): LimitOverrides {
  const read = (name: Overridable) => {
    const value = row?.[name] ?? null
    return value === null ? null : Number(value)
  }
  return Object.fromEntries(overridable.map((name) => [name, read(name)])) as Record<Overridable, number | null>
}

/** Reads a user's overrides along the primary key, without a lock. */
export async function readOverrides(on: Queryable, userId: string): Promise<LimitOverrides> {
  const [row] = await rowsOf<OverrideRow>(
    on,
    sql`SELECT ${overrideColumns} FROM vision_users WHERE user_id = ${userId}`,
  )
  return overridesIn(row)
}

/** The limits that apply to a user: what the operator has set, else the settings. */
export function withOverrides<Limits extends { readonly [Name in Overridable]?: number | undefined }>(
  limits: Limits,
  overrides: LimitOverrides,
): Limits {
  const set = overridable.flatMap((name) =>
    name in limits && overrides[name] !== null ? [[name, overrides[name]]] : [],
  )
  return { ...limits, ...Object.fromEntries(set) }
}

/** How many connections a user may have at once, by kind. */
export interface ConnectionLimits {
  readonly streams: number
  readonly waits: number
}

/** How many connections of a kind a user may have: where nobody may wait, since each wait holds a function, no override lets one. */
export function connectionLimit(setting: number, override: number | null): number {
  return setting === 0 ? 0 : (override ?? setting)
}
