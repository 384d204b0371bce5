import { innermost, VisionError } from '../domain/errors.ts'

/**
 * The class of a database error, which decides how to react:
 *
 * - `lock`: the server rolled back the statement or transaction because of another one; retry on the same connection.
 * - `connection`: the connection, or the server behind it, is gone or going; retry on a new connection.
 * - `unavailable`: the database's fault, but an immediate retry would fail the same way: a full disk, a time limit.
 * - `data`: the values cannot be stored as they are; every retry fails.
 * - `programming`: the statement is wrong, or the schema is another version.
 */
export type DatabaseFault = 'lock' | 'connection' | 'unavailable' | 'data' | 'programming'

/** The error numbers whose class does not follow from their SQLSTATE: MySQL, MariaDB, RDS Proxy. */
const byNumber: ReadonlyMap<number, DatabaseFault> = new Map(
  Object.entries({
    lock: [
      1020, // ER_CHECKREAD: MariaDB's snapshot isolation
      1205, // ER_LOCK_WAIT_TIMEOUT
      1213, // ER_LOCK_DEADLOCK
      3101, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication
      3572, // ER_LOCK_NOWAIT
    ],
    connection: [
      1040, // ER_CON_COUNT_ERROR
      1053, // ER_SERVER_SHUTDOWN
      1077, // ER_NORMAL_SHUTDOWN
      1079, // ER_SHUTDOWN_COMPLETE
      1152, // ER_ABORTING_CONNECTION
      1158, // ER_NET_READ_ERROR
      1159, // ER_NET_READ_INTERRUPTED
      1160, // ER_NET_ERROR_ON_WRITE
      1161, // ER_NET_WRITE_INTERRUPTED
      1184, // ER_NEW_ABORTING_CONNECTION
      1203, // ER_TOO_MANY_USER_CONNECTIONS
      1226, // ER_USER_LIMIT_REACHED
      1290, // ER_OPTION_PREVENTS_STATEMENT: a writer that was demoted
      1317, // ER_QUERY_INTERRUPTED
      1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: a replica
      1836, // ER_READ_ONLY_MODE
      1927, // ER_CONNECTION_KILLED: MariaDB
      3032, // ER_SERVER_OFFLINE_MODE
      3168, // ER_SERVER_ISNT_AVAILABLE
      4031, // ER_CLIENT_INTERACTION_TIMEOUT: idle for longer than wait_timeout
    ],
    unavailable: [
      1044, // ER_DBACCESS_DENIED_ERROR
      1045, // ER_ACCESS_DENIED_ERROR
      1049, // ER_BAD_DB_ERROR
      1129, // ER_HOST_IS_BLOCKED
      1130, // ER_HOST_NOT_PRIVILEGED
      1135, // ER_CANT_CREATE_THREAD
      1142, // ER_TABLEACCESS_DENIED_ERROR
      1143, // ER_COLUMNACCESS_DENIED_ERROR
      1180, // ER_ERROR_DURING_COMMIT
      1206, // ER_LOCK_TABLE_FULL
      1227, // ER_SPECIFIC_ACCESS_DENIED_ERROR
      1969, // ER_STATEMENT_TIMEOUT: MariaDB
      3024, // ER_QUERY_TIMEOUT
      3100, // ER_RUN_HOOK_ERROR: group replication
      9501, // RDS Proxy: no connection of the server was free in time
    ],
    data: [
      1118, // ER_TOO_BIG_ROWSIZE
      1153, // ER_NET_PACKET_TOO_LARGE
      1162, // ER_TOO_LONG_STRING
      1265, // WARN_DATA_TRUNCATED
      1267, // ER_CANT_AGGREGATE_2COLLATIONS: a text that the column's characters cannot spell
      1300, // ER_INVALID_CHARACTER_STRING
      1301, // ER_WARN_ALLOWED_PACKET_OVERFLOWED
      1364, // ER_NO_DEFAULT_FOR_FIELD
      1366, // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
      1525, // ER_WRONG_VALUE
      3140, // ER_INVALID_JSON_TEXT
      3819, // ER_CHECK_CONSTRAINT_VIOLATED
      3854, // ER_CANNOT_CONVERT_STRING
      4025, // ER_CONSTRAINT_FAILED: MariaDB
    ],
  } satisfies Partial<Record<DatabaseFault, readonly number[]>>).flatMap(([fault, numbers]) =>
    numbers.map((number) => [number, fault as DatabaseFault] as const),
  ),
)

/** The class of all other server errors, by the first two characters of SQLSTATE (ISO 9075-2). */
const byState: Readonly<Record<string, DatabaseFault>> = {
  '08': 'connection',
  '21': 'programming',
  '22': 'data',
  '23': 'data',
  '40': 'lock',
  '42': 'programming',
}

/** Errors without a number: the network's, and mysql2's own. */
const connectionCodes = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_UNEXPECTED_PACKET',
])
const unavailableCodes = new Set([
  'AUTH_SWITCH_PLUGIN_ERROR',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
  'HANDSHAKE_UNKNOWN_ERROR',
])

/** The codes of the wrappers that drizzle and our own layers put around mysql2's errors. */
interface DriverError extends Error {
  readonly code?: string
  readonly errno?: number
  readonly sqlState?: string
  readonly fatal?: boolean
}

/** Our own time limit expired before the database had answered; see `within`. */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded'
  readonly code = 'ETIMEDOUT'
}

/**
 * Classifies a database error. An unlisted error number counts as `unavailable`, unless its SQLSTATE says otherwise.
 *
 * @returns undefined for an error that is not the database's: a refusal of ours, or a bug
 */
export function classifyError(error: unknown): DatabaseFault | undefined {
  if (error instanceof VisionError) return error.code === 'database.unavailable' ? 'unavailable' : undefined
  const driver = driverErrorOf(error)
  if (driver === undefined) return undefined
  if (driver instanceof TimeLimitExceeded) return 'unavailable'
  const { code = '', errno = 0, sqlState = '' } = driver
  // Node's own errors have negative numbers.
  if (errno <= 0 || (sqlState === '' && !byNumber.has(errno))) {
    if (connectionCodes.has(code)) return 'connection'
    if (unavailableCodes.has(code)) return 'unavailable'
    // mysql2 gives no code to a command on a connection that has just died.
    if (/closed state/.test(driver.message)) return 'connection'
    if (errno <= 0) return driver.fatal ? 'unavailable' : undefined
  }
  // Vitess names the problem of a tablet only in the message, under its generic number.
  if (errno === 1105) return vitessFault(driver.message)
  return byNumber.get(errno) ?? byState[sqlState.slice(0, 2)] ?? 'unavailable'
}

/** Vitess' canonical codes (those of gRPC) are words of its messages; a tablet's own number follows in brackets. */
function vitessFault(message: string): DatabaseFault {
  const number = Number(/\(errno (\d+)\)/.exec(message)?.[1] ?? 1105)
  if (number !== 1105 && byNumber.has(number)) return byNumber.get(number) ?? 'unavailable'
  if (/DeadlineExceeded|DEADLINE_EXCEEDED|ResourceExhausted|RESOURCE_EXHAUSTED/.test(message)) return 'unavailable'
  if (/Unavailable|Aborted|Cancel|CLUSTER_EVENT|not serving|NOT_SERVING|reparent/i.test(message)) return 'connection'
  if (/InvalidArgument|INVALID_ARGUMENT|Unimplemented|UNIMPLEMENTED|VT12001/.test(message)) return 'programming'
  return 'unavailable'
}

/** Whether an immediate retry may succeed. */
export function isPassing(error: unknown): boolean {
  const fault = classifyError(error)
  return fault === 'lock' || fault === 'connection'
}

/** Whether the connection can be reused after this error: not if it may be dead, or lead to a demoted writer. */
export function sparesConnection(error: unknown): boolean {
  const fault = classifyError(error)
  if (fault === 'connection') return false
  const driver = driverErrorOf(error)
  if (driver === undefined) return true
  if (driver instanceof TimeLimitExceeded || driver.fatal) return false
  // The server closes a connection that has sent too large a packet.
  return driver.errno !== 1153
}

/** Whether a lock wait timed out. */
export function isLockWait(error: unknown): boolean {
  return driverErrorOf(error)?.errno === 1205
}

/** Whether an error is a duplicate of a unique key. */
export function isDuplicate(error: unknown): boolean {
  const number = driverErrorOf(error)?.errno
  return number === 1062 || number === 1586
}

/** The code's name, or its number where mysql2 has none: never the message, which may quote a value. */
export function nameOf(error: unknown): string {
  const driver = driverErrorOf(error)
  const { code, errno } = driver ?? {}
  if (code !== undefined && code !== 'ER_UNKNOWN_ERROR') return code
  return errno === undefined ? 'the connection died' : `error ${errno}`
}

/** The error of mysql2, or of our time limit, inside its wrappers. */
function driverErrorOf(error: unknown): DriverError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause || 'errno' in cause) return cause as DriverError
  }
  const inner = innermost(error)
  return inner instanceof Error && /closed state/.test(inner.message) ? inner : undefined
}
