// Holds the data folder given as argument and runs the database in it until it is killed. Prints the database's URL.
import { openDataFolder } from '../../../dev/data/data-folder.ts'
import { startPrivateDatabase } from '../../../dev/database/start-database.ts'

const folder = await openDataFolder(process.argv[2] ?? '')
const log = (line: string) => process.stderr.write(`${line}\n`)
const database = await startPrivateDatabase({ folder, env: process.env, log })
process.stdout.write(`${database.url}\n`)
