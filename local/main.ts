import { sql } from 'drizzle-orm'
import { ConfigError } from '../core/config.ts'
import { type Database, rowsOf } from '../core/db.ts'
import { MigrationError } from '../drizzle/migrate.ts'
import { localEnvironment } from './environment.ts'
import { readOptions } from './options.mjs'
import { runSampleJob } from './sample.ts'
import { type Stack, startStack } from './stack.ts'
import { StartError } from './start-error.ts'

const say = (line: string) => void process.stdout.write(`${line}\n`)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
// The channel to local/start.mjs closes when that process dies, however it dies.
process.on('disconnect', () => stopping.abort())

try {
  const env = await localEnvironment()
  const options = readOptions(process.argv.slice(2), env)
  const stack = await startStack({ ...options, env, say })
  try {
    await serve(stack, options.sample)
  } finally {
    say('\nStopping …')
    await stack.stop()
  }
} catch (error) {
  const forPeople = error instanceof StartError || error instanceof ConfigError || error instanceof MigrationError
  process.stderr.write(`${forPeople ? error.message : (error as Error).stack}\n`)
  process.exitCode = 1
} finally {
  if (process.connected) process.disconnect()
}

async function serve(stack: Stack, sample: boolean): Promise<void> {
  introduce(stack)
  const jobs = await countJobs(stack.database)
  try {
    if (jobs > 0) say(`The history has ${jobs === 1000 ? '1,000 or more' : jobs} jobs: ${stack.url}/v1/jobs\n`)
    else if (sample) await runSampleJob(stack.url, say, stopping.signal)
    say(`\nServing at ${stack.url}. Ctrl-C stops everything.`)
  } catch (error) {
    if (!stopping.signal.aborted) say(`The sample job could not be followed: ${String(error)}`)
  }
  await aborted(stopping.signal)
}

function introduce({ url, parts, logFile }: Stack): void {
  say(`\nVision Pipeline listens at ${url}\n`)
  for (const { name, kind, what } of parts) say(`  ${name.padEnd(9)} ${kind.padEnd(9)} ${what}`)
  say(`\n  OpenAPI: ${url}/openapi.json   health: ${url}/healthz   log: ${logFile}\n`)
}

/** How many jobs there are, as far as a thousand. */
async function countJobs(database: Database): Promise<number> {
  const [row] = await database.run((on) =>
    rowsOf<{ jobs: number }>(on, sql`SELECT COUNT(*) AS jobs FROM (SELECT id FROM vision_jobs LIMIT 1000) AS some`),
  )
  return Number(row?.jobs ?? 0)
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
