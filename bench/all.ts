// node bench/all.ts [mariadb|mysql]: the measurements that a release is judged by, one after the other, on one server or on both; each
// writes its tables into RESULTS.md, between the marks that name it and the server. Others, larger or of
// one part alone, have commands of their own. About forty minutes a server, half of which fills and measures two million rows.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const only = process.argv[2]
const servers = only === undefined ? ['mariadb', 'mysql'] : [only]
const parts = servers.flatMap((server): readonly (readonly string[])[] => [
  ['throughput.ts', server],
  ['workers.ts', server],
  ['same-work.ts', server],
  ['awake.ts', server],
  ['api-requests.ts', server],
  ['memory.ts', server],
  ['cold-start.ts', server, '15'],
  ['limit.ts', server],
  ['flat.ts', server],
])
const failed: string[] = []

for (const [script = '', ...args] of parts) {
  console.log(`\n${script} ${args.join(' ')}`)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) failed.push(`${script} ${args[0]}`)
}
if (failed.length > 0) throw new Error(`without a result: ${failed.join(', ')}`)
