// node bench/support/run-worker.ts <mysql://…> <in flight> [workers]: runs all jobs to their end as one worker in a process of its own, or
// as several with connections of their own. Its last line is when it began and ended, in milliseconds since 1970, how many jobs it
// completed, how often the database's work was tried again (deadlocks, lock waits), and what was logged that went wrong.
import { openDatabase } from '../../core/database/client.ts'
import { runAll } from './no-op-jobs.ts'

/** What a process of workers did. */
export interface WorkersRan {
  readonly began: number
  readonly ended: number
  readonly completed: number
  readonly retries: number
  readonly wrong: readonly string[]
}

const [url = '', inFlight] = [process.argv[2], Number(process.argv[3])]
const workers = Number(process.argv[4] ?? 1)
let retries = 0
const wrong: string[] = []
const random = () => {
  retries++
  return Math.random()
}
const databases = Array.from({ length: workers }, () => openDatabase(url, { connections: workers > 1 ? 4 : 8, random }))
// They connect before they begin, like workers that have run before.
await Promise.all(databases.map((database) => database.run((on) => on.execute('SELECT 1'))))
const began = Date.now()
const tallies = await Promise.all(
  databases.map((database, number) =>
    runAll(database, inFlight, `worker-${process.pid}-${number}`, (level, message, fields) => {
      if (level !== 'info') wrong.push(`${message} ${JSON.stringify(fields)}`)
    }),
  ),
)
const ended = Date.now()
await Promise.all(databases.map((database) => database.close()))
const completed = tallies.reduce((sum, tally) => sum + tally.completed, 0)
const ran: WorkersRan = { began, ended, completed, retries, wrong }
console.log(JSON.stringify(ran))
