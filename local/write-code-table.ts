// npm run docs:codes: writes the table of error codes in the README anew.
import { readFile, writeFile } from 'node:fs/promises'
import { withCodeTable } from './code-table.ts'

const readme = new URL('../README.md', import.meta.url)
await writeFile(readme, withCodeTable(await readFile(readme, 'utf8')))
