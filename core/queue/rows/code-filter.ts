import { type SQL, sql } from 'drizzle-orm'
import { type ErrorCode, errorCodes } from '../../domain/errors.ts'

// A filter by error: a code like `analysis.timed_out`, or a prefix that ends in a dot: `analysis.`

/** Whether a job's error passes the filter. */
export function matchesCode(filter: string, code: string | null): boolean {
  return filter.endsWith('.') ? (code ?? '').startsWith(filter) : code === filter
}

/** The condition on `error_code`. */
export function hasCode(filter: string): SQL {
  if (!filter.endsWith('.')) return sql`error_code = ${filter}`
  return sql`error_code LIKE ${`${filter.replaceAll(/[\\%_]/g, '\\$&')}%`}`
}

/** The known codes that pass the filter; an unknown one, of an earlier release, stands for itself. */
export function codesOf(filter: string): ReadonlySet<string> {
  if (!filter.endsWith('.')) return new Set([filter])
  return new Set((Object.keys(errorCodes) as ErrorCode[]).filter((code) => matchesCode(filter, code)))
}
