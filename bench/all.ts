// node bench/all.ts [mariadb|mysql]: the measurements that a release is judged by, one after the other; each writes its tables into
// RESULTS.md, between the marks that name it. The larger ones, over millions of rows, have commands of their own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const given = process.argv.slice(2)
const server = given[0] ?? 'mariadb'
const parts: readonly (readonly string[])[] = [
  ['throughput.ts', ...given],
  ['same-work.ts', server],
  ['awake.ts', server],
  ['api-requests.ts', server],
  ['memory.ts', server],
  ['cold-start.ts', server, '15'],
  ['limit.ts', server],
]
const failed: string[] = []

for (const [script = '', ...args] of parts) {
  console.log(`\n${script} ${args.join(' ')}`)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) failed.push(script)
}
if (failed.length > 0) throw new Error(`without a result: ${failed.join(', ')}`)
