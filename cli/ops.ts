// npm run ops -- <verb>: the operator's commands, on DATABASE_URL or on the local database.
import { operate } from './operate.ts'
import { ownTerminal } from './terminal.ts'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

process.exitCode = await operate(process.argv.slice(2), ownTerminal, stopping.signal)
