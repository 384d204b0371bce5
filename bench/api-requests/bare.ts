// A bare handler of node:http that sends the statements that the API was seen to send, and answers what it answered. The first argument is
// the URL of the database, the second how many connections, the third the recorded operations.
import { text } from 'node:stream/consumers'
import mysql from 'mysql2/promise'
import { serve } from '../support/serve.ts'

/** What the API did in one call. */
export interface Recorded {
  readonly statements: readonly string[]
  readonly body: string
  readonly status: number
  /** The user whose call it was. */
  readonly user: string
  /** The first id of the jobs that it created; else of those that the user had. */
  readonly firstId: number
}

const [url = '', connections, recorded] = process.argv.slice(2)
const operations = Object.fromEntries(
  Object.entries(JSON.parse(recorded ?? '{}') as Readonly<Record<string, Recorded>>).map(([name, operation]) => [
    name,
    { ...operation, statements: operation.statements.map((statement) => partsOf(statement, operation.user)) },
  ]),
)
const pool = mysql.createPool({
  uri: url,
  connectionLimit: Number(connections),
  timezone: 'Z',
  disableEval: true,
  trace: false,
})

await serve(async (request, response) => {
  const { statements, body, status, firstId } = operations[request.headers.operation as string] ?? fail()
  const { authorization: user = '', batch = '', job } = request.headers
  await text(request)
  const connection = await pool.getConnection()
  let rows = 0
  const own = { user, batch: String(batch), moved: job === undefined ? undefined : Number(job) - firstId }
  for (const parts of statements) {
    const [result] = await connection.query(parts.map((part) => (typeof part === 'string' ? part : part(own))).join(''))
    if (Array.isArray(result)) rows += result.length
    // Later statements name the jobs that it created.
    else if (/^insert into vision_jobs /i.test(String(parts[0]))) own.moved = result.insertId - firstId
  }
  connection.release()
  response.writeHead(status, { 'content-type': 'application/json', rows }).end(body)
})

/** What a statement names of its caller: the user, a batch, and how far the ids of jobs are from the recorded ones. */
interface Own {
  readonly user: string
  readonly batch: string
  moved: number | undefined
}

type Part = string | ((own: Own) => string)

/** A statement in pieces, with functions where it names something of its caller. */
function partsOf(statement: string, user: string): readonly Part[] {
  // Ids of jobs begin at a thousand million, and of batches at two: no other number is as large.
  const pieces = statement.split(new RegExp(`(${user}|\\b[12]\\d{9}\\b)`))
  return pieces.map((piece, index) => {
    if (index % 2 === 0) return piece
    if (piece === user) return (own) => own.user
    return piece.startsWith('2') ? ({ batch }) => batch : ({ moved = 0 }) => String(Number(piece) + moved)
  })
}

function fail(): never {
  throw new Error('no such operation')
}
