// npm run db:skip-ids: after a restore, leaves out the ids that were given out since the backup.
import { skipIds } from './skip-ids-command.ts'
import { ownTerminal } from './terminal.ts'

process.exitCode = await skipIds(process.argv.slice(2), ownTerminal)
