import { sql } from 'drizzle-orm'
import type { Database } from '../core/database/client.ts'
import { rowsOf } from '../core/database/sql.ts'
import { reasonOf } from '../core/domain/errors.ts'
import { consolePath } from '../core/platform/config/console-policy.ts'
import { readDotenv } from './boot/dotenv.mjs'
import { readOptions } from './boot/options.mjs'
import { buildConsole } from './console/build.ts'
import { errorText } from './errors/error-text.ts'
import { runSampleBatch } from './sample/run-sample-batch.ts'
import { localEnvironment } from './settings/environment.ts'
import { unusedSettings } from './settings/unused-settings.ts'
import { type Stack, startStack } from './stack.ts'

const say = (line: string) => void process.stdout.write(`${line}\n`)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
// The channel to dev/boot/start.mjs closes when that process dies, however it dies.
process.on('disconnect', () => stopping.abort())

try {
  const dotenv = readDotenv()
  const env = localEnvironment(dotenv)
  const options = readOptions(process.argv.slice(2), env)
  for (const warning of unusedSettings(dotenv, env)) say(`Warning: ${warning}`)
  const stack = await startStack({ ...options, env, say, signal: stopping.signal })
  stack.broken.then(() => {
    process.exitCode = 1
    stopping.abort()
  })
  try {
    await serve(stack, options.sample)
  } finally {
    say('\nStopping …')
    await stack.stop()
    say('Stopped.')
  }
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`)
  process.exitCode = 1
} finally {
  if (process.connected) process.disconnect()
}

async function serve(stack: Stack, sample: boolean): Promise<void> {
  introduce(stack)
  // So that the first page finds it done, and no start waits for it; what is wrong with it is said there.
  buildConsole().catch(() => undefined)
  try {
    const jobs = await countJobs(stack.database)
    if (jobs > 0) say(`The history has ${jobs === 1000 ? '1,000 or more' : jobs} jobs: ${stack.url}/v1/jobs\n`)
    else if (sample) await runSampleBatch(stack.url, say, stopping.signal)
    if (jobs === 0) say(`\nMore to try: drop the folder samples/ on ${stack.url}${consolePath}`)
    say(`\nServing at ${stack.url}. Ctrl-C stops everything.`)
  } catch (error) {
    if (!stopping.signal.aborted) say(`The jobs could not be shown: ${reasonOf(error)}`)
  }
  await aborted(stopping.signal)
}

function introduce({ url, parts, key, logFile }: Stack): void {
  say(`\nOpen ${url}${consolePath} in a browser. Vision Pipeline listens at ${url}\n`)
  for (const { name, kind, what } of parts) say(`  ${name.padEnd(9)} ${kind.padEnd(9)} ${what}`)
  say(`\n  reference: ${url}/docs   health: ${url}/healthz   log: ${logFile}`)
  say(key === undefined ? '' : `  API key of the user local: ${key}\n`)
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
