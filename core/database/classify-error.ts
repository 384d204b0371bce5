import { innermost, VisionError } from '../domain/errors.ts'

/**
 * What is wrong when a piece of work on the database failed, and so what to do:
 *
 * - `lock`: the server undid the statement or the transaction for another's sake; do the work again on the same connection.
 * - `connection`: the connection, or the server behind it, is going or gone; do the work again on a new connection.
 * - `unavailable`: the database's trouble, but the same work at once would meet it again: a full disk, a time limit.
 * - `data`: the values cannot be stored as they are; the work fails alone, whenever it is done.
 * - `programming`: the statement is wrong, or the schema is another one.
 */
export type DatabaseFault = 'lock' | 'connection' | 'unavailable' | 'data' | 'programming'

/** The class of each error number that its SQLSTATE does not tell. MySQL, MariaDB, RDS Proxy. */
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

/** The class of everything else that a server says, by the first two characters of SQLSTATE (ISO 9075-2). */
const byState: Readonly<Record<string, DatabaseFault>> = {
  '08': 'connection',
  '21': 'programming',
  '22': 'data',
  '23': 'data',
  '40': 'lock',
  '42': 'programming',
}

/** What has no number: the network, and what mysql2 itself finds wrong. */
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

/** The codes that drizzle's and our own layers have put around what mysql2 threw. */
interface DriverError extends Error {
  readonly code?: string
  readonly errno?: number
  readonly sqlState?: string
  readonly fatal?: boolean
}

/** Our own clock was over before the database had answered; see `within`. */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded'
  readonly code = 'ETIMEDOUT'
}

/**
 * Sorts what a piece of work on the database threw. An error number that nobody has listed is the database's trouble,
 * unless its SQLSTATE says otherwise.
 *
 * @returns undefined for what did not come from the database: a refusal of ours, or a mistake in the code
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
  // Vitess names the problem of a tablet in the message alone, under its catch-all number.
  if (errno === 1105) return vitessFault(driver.message)
  return byNumber.get(errno) ?? byState[sqlState.slice(0, 2)] ?? 'unavailable'
}

/** Vitess' canonical codes (those of gRPC) are words of its messages; a tablet's own number comes along in brackets. */
function vitessFault(message: string): DatabaseFault {
  const number = Number(/\(errno (\d+)\)/.exec(message)?.[1] ?? 1105)
  if (number !== 1105 && byNumber.has(number)) return byNumber.get(number) ?? 'unavailable'
  if (/DeadlineExceeded|DEADLINE_EXCEEDED|ResourceExhausted|RESOURCE_EXHAUSTED/.test(message)) return 'unavailable'
  if (/Unavailable|Aborted|Cancel|CLUSTER_EVENT|not serving|NOT_SERVING|reparent/i.test(message)) return 'connection'
  if (/InvalidArgument|INVALID_ARGUMENT|Unimplemented|UNIMPLEMENTED|VT12001/.test(message)) return 'programming'
  return 'unavailable'
}

/**
 * Whether the values are to blame, so that the same would be refused again: the one thing thrown while saving that is not
 * the database's trouble.
 */
export function isDataError(error: unknown): boolean {
  return classifyError(error) === 'data'
}

/** Whether the same work may succeed at once. */
export function isPassing(error: unknown): boolean {
  const fault = classifyError(error)
  return fault === 'lock' || fault === 'connection'
}

/** Whether the connection can be used again after this error: not if it may be dead, or lead to a demoted writer. */
export function sparesConnection(error: unknown): boolean {
  const fault = classifyError(error)
  if (fault === 'connection') return false
  const driver = driverErrorOf(error)
  if (driver === undefined) return true
  if (driver instanceof TimeLimitExceeded || driver.fatal) return false
  // The server closes a connection that has sent too large a packet.
  return driver.errno !== 1153
}

/** Whether a lock was not let go in time. */
export function isLockWait(error: unknown): boolean {
  return driverErrorOf(error)?.errno === 1205
}

/** Whether an error is a unique key met twice. */
export function isDuplicate(error: unknown): boolean {
  const number = driverErrorOf(error)?.errno
  return number === 1062 || number === 1586
}

/** The code's name, or its number where mysql2 has no name for it: never the text, which may quote a value. */
export function nameOf(error: unknown): string {
  const driver = driverErrorOf(error)
  const { code, errno } = driver ?? {}
  if (code !== undefined && code !== 'ER_UNKNOWN_ERROR') return code
  return errno === undefined ? 'the connection died' : `error ${errno}`
}

/** What mysql2, or our clock, threw, wherever the layers between have put it. */
function driverErrorOf(error: unknown): DriverError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause || 'errno' in cause) return cause as DriverError
  }
  const inner = innermost(error)
  return inner instanceof Error && /closed state/.test(inner.message) ? inner : undefined
}
