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
  /** The user whose call it was, and the first id of the jobs that it created, 0 if none. */
  readonly user: string
  readonly firstId: number
}

const [url = '', connections, recorded] = process.argv.slice(2)
const operations: Readonly<Record<string, Recorded>> = JSON.parse(recorded ?? '{}')
const pool = mysql.createPool({ uri: url, connectionLimit: Number(connections), timezone: 'Z', disableEval: true })

await serve(async (request, response) => {
  const { statements, body, status, user, firstId } = operations[request.headers.operation as string] ?? fail()
  const caller = request.headers.authorization as string
  await text(request)
  const connection = await pool.getConnection()
  let id = 0
  for (const recorded of statements) {
    const statement = recorded.replaceAll(user, caller)
    // Ids of created jobs begin at a thousand million: no other number is as large.
    const own = id === 0 ? statement : statement.replace(/\b1\d{9}\b/g, (was) => String(Number(was) - firstId + id))
    const [result] = await connection.query(own)
    if (/^insert into `?vision_jobs`? /i.test(own)) id = (result as mysql.ResultSetHeader).insertId
  }
  connection.release()
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
})

function fail(): never {
  throw new Error('no such operation')
}
