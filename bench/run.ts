// node bench/run.ts [bench/….ts] [arguments …]: the measurement that is named. Without a name `--profile` writes flame graphs of the API's
// operations (api-requests.ts), and all else is throughput.ts, whose `--quick` asserts counts.
import { pathToFileURL } from 'node:url'

const [first] = process.argv.slice(2)
const isNamed = first?.endsWith('.ts') === true
const script = isNamed ? first : `bench/${process.argv.includes('--profile') ? 'api-requests' : 'throughput'}.ts`
// As if it had been started directly.
process.argv.splice(1, isNamed ? 2 : 1, script)
await import(pathToFileURL(script).href)
