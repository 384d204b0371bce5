// node bench/all.ts [mariadb|mysql]: the measurements that a release is judged by, one after the other, and their tables in
// RESULTS.md, between the marks that name them: jobs a second with their peers on both servers, cold starts, and what a poller
// makes of what its providers allow. About five minutes on
// two cores at rest. The larger ones, over millions of rows, have commands of their own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const given = process.argv.slice(2)
const parts: Readonly<Record<string, readonly string[]>> = {
  throughput: ['throughput.ts', ...given],
  'cold-start': ['cold-start.ts', given[0] ?? 'mariadb', '15'],
  limit: ['limit.ts', given[0] ?? 'mariadb'],
}
const file = new URL('RESULTS.md', import.meta.url)
const failed: string[] = []

for (const [name, [script = '', ...args]] of Object.entries(parts)) {
  console.log(`\n${script} ${args.join(' ')}`)
  const load = loadavg()[0]?.toFixed(1)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  console.log(output)
  if (code === 0) await write(name, `${machine()}, load ${load} at the start.\n\n${output.trim()}`)
  else failed.push(script)
}
if (failed.length > 0) throw new Error(`without a result: ${failed.join(', ')}`)

function machine(): string {
  const [cpu] = cpus()
  const gigabytes = Math.round(totalmem() / 1e9)
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model}), ${gigabytes} GB`
}

/** Puts a result between its marks. */
async function write(name: string, result: string): Promise<void> {
  const before = await readFile(file, 'utf8')
  const [start, end] = [`<!-- ${name}: written by bench/all.ts -->`, `<!-- end of ${name} -->`]
  const [head, rest] = before.split(start)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined) throw new Error(`RESULTS.md has no place for ${name}`)
  await writeFile(file, `${head}${start}\n\n${result}\n\n${end}${tail}`)
}
