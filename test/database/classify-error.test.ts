import { describe, expect, test } from 'vitest'
import {
  classifyError,
  type DatabaseFault,
  nameOf,
  sparesConnection,
  TimeLimitExceeded,
} from '../../core/database/classify-error.ts'
import { VisionError } from '../../core/domain/errors.ts'
import { LeaseLost } from '../../core/domain/run.ts'

/** As mysql2 throws what a server said. */
const server = (errno: number, sqlState = 'HY000', message = 'said the server') =>
  Object.assign(new Error(message), { code: 'ER_UNKNOWN_ERROR', errno, sqlState })
/** As Node and mysql2 throw what the network did. */
const network = (code: string) => Object.assign(new Error('the network'), { code, errno: -1, fatal: true })
/** As drizzle wraps it. */
const wrapped = (cause: Error) => new Error('Failed query', { cause })

const table: Record<DatabaseFault, readonly (readonly [errno: number, sqlState: string])[]> = {
  lock: [
    [1020, 'HY000'],
    [1205, 'HY000'],
    [1213, '40001'],
    [3101, 'HY000'],
    [3572, 'HY000'],
    [9999, '40001'],
  ],
  connection: [
    [1040, '08004'],
    [1053, '08S01'],
    [1152, '08S01'],
    [1158, '08S01'],
    [1159, '08S01'],
    [1160, '08S01'],
    [1161, '08S01'],
    [1203, '42000'],
    [1226, '42000'],
    [1290, 'HY000'],
    [1317, '70100'],
    [1792, '25006'],
    [1836, 'HY000'],
    [1927, '70100'],
    [3032, 'HY000'],
    [4031, 'HY000'],
    [9999, '08S01'],
  ],
  unavailable: [
    [3, 'HY000'],
    [1021, 'HY000'],
    [1026, 'HY000'],
    [1030, 'HY000'],
    [1037, 'HY001'],
    [1041, 'HY000'],
    [1044, '42000'],
    [1045, '28000'],
    [1114, 'HY000'],
    [1129, 'HY000'],
    [1135, 'HY000'],
    [1142, '42000'],
    [1180, 'HY000'],
    [1206, 'HY000'],
    [1969, '70100'],
    [3024, 'HY000'],
    [3100, 'HY000'],
    [9501, 'HY000'],
    [9999, 'HY000'],
  ],
  data: [
    [1048, '23000'],
    [1062, '23000'],
    [1118, '42000'],
    [1153, '08S01'],
    [1264, '22003'],
    [1265, '01000'],
    [1267, 'HY000'],
    [1292, '22007'],
    [1301, 'HY000'],
    [1364, 'HY000'],
    [1366, 'HY000'],
    [1406, '22001'],
    [1690, '22003'],
    [3140, '22032'],
    [3819, 'HY000'],
    [4025, '23000'],
  ],
  programming: [
    [1054, '42S22'],
    [1064, '42000'],
    [1146, '42S02'],
    [1222, '21000'],
  ],
}

describe.each(Object.entries(table))('%s', (fault, numbers) => {
  test.each(numbers)('error %d with SQLSTATE %s', (errno, sqlState) => {
    expect(classifyError(server(errno, sqlState))).toBe(fault)
    expect(classifyError(wrapped(server(errno, sqlState)))).toBe(fault)
  })
})

test.each(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'PROTOCOL_CONNECTION_LOST'])(
  '%s is the connection’s end',
  (code) => {
    expect(classifyError(wrapped(network(code)))).toBe('connection')
    expect(sparesConnection(network(code))).toBe(false)
  },
)

test.each(['HANDSHAKE_SSL_ERROR', 'HANDSHAKE_NO_SSL_SUPPORT', 'CERT_HAS_EXPIRED'])(
  '%s would come back at once',
  (code) => {
    expect(classifyError(network(code))).toBe('unavailable')
  },
)

test('a command on a connection that has just died has no code', () => {
  const closed = new Error("Can't add new command when connection is in closed state")
  expect(classifyError(wrapped(closed))).toBe('connection')
})

test.each([
  ['target: app.-.primary: primary is not serving, there may be a reparent operation in progress', 'connection'],
  ['vttablet: rpc error: code = Unavailable desc = error reading from server: EOF', 'connection'],
  [
    'vttablet: rpc error: code = Aborted desc = transaction 16: ended at 2026-11-26 (exceeded timeout: 20s)',
    'connection',
  ],
  ['vttablet: rpc error: code = Unknown desc = Deadlock found (errno 1213) (sqlstate 40001)', 'lock'],
  ['vttablet: rpc error: code = Unknown desc = Data too long (errno 1366) (sqlstate HY000)', 'data'],
  [
    'target: app.-.primary: vttablet: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    'unavailable',
  ],
  ['vttablet: rpc error: code = ResourceExhausted desc = query pool wait queue is full', 'unavailable'],
  ['VT12001: unsupported: correlated subquery', 'programming'],
  ['something that nobody has thought of', 'unavailable'],
])('Vitess: %s', (message, fault) => {
  expect(classifyError(server(1105, 'HY000', message))).toBe(fault)
})

test('our own clock is the database’s trouble, and not one to try again at once', () => {
  expect(classifyError(new TimeLimitExceeded('late'))).toBe('unavailable')
  expect(sparesConnection(new TimeLimitExceeded('late'))).toBe(false)
})

test('what is ours is none of the database’s, whatever has caused it', () => {
  expect(classifyError(new LeaseLost({ jobId: 1, attempt: 1 }))).toBeUndefined()
  expect(classifyError(new VisionError('storage.unavailable', { cause: network('ECONNRESET') }))).toBeUndefined()
  expect(classifyError(new TypeError('a mistake'))).toBeUndefined()
  expect(classifyError('a word')).toBeUndefined()
  expect(classifyError(new VisionError('database.unavailable'))).toBe('unavailable')
})

test('a connection is kept when only the statement failed', () => {
  for (const [errno, state] of [...table.lock, ...table.programming]) {
    expect(sparesConnection(server(errno, state))).toBe(true)
  }
  for (const [errno, state] of table.connection) expect(sparesConnection(server(errno, state))).toBe(false)
  expect(sparesConnection(server(3024)), 'the server has ended the statement').toBe(true)
  expect(sparesConnection(server(1153, '08S01')), 'the server hangs up').toBe(false)
})

test('what is told of an error is its code or its number, and never its text', () => {
  expect(nameOf(server(9501, 'HY000', 'a secret'))).toBe('error 9501')
  expect(nameOf(wrapped(network('ECONNREFUSED')))).toBe('ECONNREFUSED')
})
