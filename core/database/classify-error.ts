import { innermost } from '../errors.ts'

/** The server's error code, wherever the layers between have put it. */
export function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  }
  return undefined
}

/** Whether an error is a unique key met twice. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === 'ER_DUP_ENTRY'
}

const lockFaults = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD'])
/** The server has become a replica, in a failover. */
const demotions = new Set(['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE'])
const connectionFaults = new Set([
  ...demotions,
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ER_QUERY_INTERRUPTED',
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  'ER_SERVER_SHUTDOWN',
  'ER_NORMAL_SHUTDOWN',
  'ER_CONNECTION_KILLED',
])

/** Whether a lock could not be had: the server has undone the statement or the transaction. */
export function isLockFault(error: unknown): boolean {
  return lockFaults.has(codeOf(error) ?? '')
}

/** Whether the server has turned from a writer into a replica. */
export function isDemotion(error: unknown): boolean {
  return demotions.has(codeOf(error) ?? '')
}

/** Whether the same work may succeed a moment later. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error)
  // Vitess says what is wrong with a tablet in the message alone, under its code for everything.
  if (code === 'ER_UNKNOWN_ERROR')
    return /Unavailable|Aborted|CLUSTER_EVENT|not serving|reparent/.test(String(innermost(error)))
  // mysql2 gives no code to a command on a connection that has just died.
  if (code === undefined) return /closed state/.test(error instanceof Error ? error.message : '')
  return lockFaults.has(code) || connectionFaults.has(code)
}
