// Holds the data folder given as argument until it is killed.
import { openDataFolder } from '../../../dev/data/data-folder.ts'

await openDataFolder(process.argv[2] ?? '')
process.stdout.write('held\n')
setInterval(() => {}, 60_000)
