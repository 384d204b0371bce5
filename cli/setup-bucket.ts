// npm run bucket:setup [-- --check]: sets up the bucket.
import { setUpBucket } from './set-up-bucket.ts'
import { ownTerminal } from './terminal.ts'

process.exitCode = await setUpBucket(process.argv.slice(2), ownTerminal)
