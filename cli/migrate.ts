// npm run db:migrate: applies the pending migrations.
import { migrate } from './migrate-command.ts'
import { ownTerminal } from './terminal.ts'

process.exitCode = await migrate(process.argv.slice(2), ownTerminal)
