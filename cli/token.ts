// npm run token -- --user <id> [--scope <scope>]… [--hours <n>] [--data-dir <folder>]: prints a bearer token.
import { issueToken } from './issue-token.ts'
import { ownTerminal } from './terminal.ts'

process.exitCode = await issueToken(process.argv.slice(2), ownTerminal)
