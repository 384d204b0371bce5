// node bench/support/run-worker.ts <mysql://…> <in flight>: runs all jobs to their end as one worker in a process of its own. Its last
// line is when it began and ended, in milliseconds since 1970, and how many jobs it completed.
import { openDatabase } from '../../core/database/client.ts'
import { runAll } from './no-op-jobs.ts'

const [url = '', inFlight] = [process.argv[2], Number(process.argv[3])]
const database = openDatabase(url, { connections: 8, random: Math.random })
// It connects before it begins, like a worker that has run before.
await database.run((on) => on.execute('SELECT 1'))
const began = Date.now()
const { completed } = await runAll(database, inFlight, `worker-${process.pid}`)
const ended = Date.now()
await database.close()
console.log(JSON.stringify({ began, ended, completed }))
