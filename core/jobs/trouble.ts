import { codeOf } from '../database/classify-error.ts'
import { innermost, VisionError } from '../errors.ts'

/** Errors about the data of a statement that the standard's classes 22 and 23 do not have. */
const dataErrors = new Set([
  'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
  'ER_CHECK_CONSTRAINT_VIOLATED',
  'ER_CONSTRAINT_FAILED',
  'ER_NET_PACKET_TOO_LARGE',
  'ER_PARSE_ERROR',
])

/**
 * Whether an error is trouble of the database's, so that the same statement may succeed later: whatever a server says (its disk
 * is full, it has become a replica, a limit of its own ended the statement), unless it speaks of the statement's own data.
 */
export function isDatabaseTrouble(error: unknown): boolean {
  if (error instanceof VisionError) return error.code === 'database.unavailable'
  const inner = innermost(error)
  if (!(inner instanceof Error) || !('sqlState' in inner) || typeof inner.sqlState !== 'string') return false
  return !isDataError(error, inner.sqlState)
}

/** The same of what was thrown while saving, where every error with a code comes from the driver or from below it. */
export function isTroubleOfSaving(error: unknown): boolean {
  if (isDatabaseTrouble(error)) return true
  const inner = innermost(error)
  const toldByServer = inner instanceof Error && 'sqlState' in inner && typeof inner.sqlState === 'string'
  return !toldByServer && !(error instanceof VisionError) && codeOf(error) !== undefined
}

function isDataError(error: unknown, sqlState: string): boolean {
  return /^2[23]/.test(sqlState) || dataErrors.has(codeOf(error) ?? '')
}
