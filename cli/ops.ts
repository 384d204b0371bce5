// npm run ops -- <verb>: the operator's commands, on DATABASE_URL or on the local database.
import { readDotenv } from '../dev/boot/dotenv.mjs'
import { localEnvironment } from '../dev/settings/environment.ts'
import { operate } from './operate.ts'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

process.exitCode = await operate(process.argv.slice(2), {
  environment: () => localEnvironment(readDotenv()),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  signal: stopping.signal,
})
