// node bench/run.ts [bench/….ts] [arguments …]: the measurement that is named. Without a name `--profile` writes flame graphs of the API's
// operations (api-requests.ts), and all else is throughput.ts, whose `--quick` asserts counts.
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const usage = `Usage: npm run bench -- [mariadb | mysql] [--quick] [--webhooks] [--postgres=postgres://…]
       npm run bench -- --profile [mariadb | mysql] [--only=<operation>]
       npm run bench bench/<name>.ts [arguments …]     what the file says at its beginning; bench/all.ts runs them all`

const args = process.argv.slice(2)
const [first] = args
const isNamed = first?.endsWith('.ts') === true
if (!isNamed) refuseUnknown()
const script = isNamed ? first : `bench/${args.includes('--profile') ? 'api-requests' : 'throughput'}.ts`
// As if it had been started directly.
process.argv.splice(1, isNamed ? 2 : 1, script)
await import(pathToFileURL(script).href)

/** A measurement takes minutes, and would begin at any word. */
function refuseUnknown(): void {
  const flag = { type: 'boolean' } as const
  const text = { type: 'string' } as const
  const options = { quick: flag, profile: flag, webhooks: flag, help: flag, postgres: text, only: text }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (values.help) end(0)
    if (positionals.some((one) => !['mariadb', 'mysql'].includes(one))) end(2)
  } catch (error) {
    console.error((error as Error).message)
    end(2)
  }
}

function end(code: number): never {
  console.log(usage)
  process.exit(code)
}
