// What the log and the metrics of Powertools add to the start of each function: bundled as for a deployment, with them
// and with stand-ins that do nothing.
//   node bench/cold-start.ts [runs]
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const runs = Number(process.argv[2] ?? 20)
const functions = ['api', 'poller', 'stream']
const variants = ['without', 'with'] as const
type Variant = (typeof variants)[number]
/** In milliseconds: of the clock, which other work on the machine prolongs, and of the processor. */
interface Start {
  readonly imported: number
  readonly called: number
  readonly processor: number
}

/** As much of the packages as our code touches, and none of what they do. */
const standIns: Readonly<Record<string, string>> = {
  '@aws-lambda-powertools/logger': `
    export class LogFormatter {}
    export class LogItem {}
    export class Logger { addContext() {} debug() {} info() {} warn() {} error() {} }`,
  '@aws-lambda-powertools/metrics': `
    export const MetricUnit = {}
    export class Metrics { addMetric() {} hasStoredMetrics() { return false } }`,
}
const withoutPowertools: Plugin = {
  name: 'without-powertools',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@aws-lambda-powertools\// }, ({ path }) => ({ path, namespace: 'stand-in' }))
    onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => ({ contents: standIns[path] ?? '' }))
  },
}

await using cleanup = new AsyncDisposableStack()
const folder = await mkdtemp(join(tmpdir(), 'vision-cold-start-'))
cleanup.defer(() => rm(folder, { recursive: true, force: true }))

for (const name of functions) {
  const files = { without: await bundle(name, 'without'), with: await bundle(name, 'with') }
  const times: Record<Variant, Start[]> = { without: [], with: [] }
  // In turns, so that whatever else the machine does falls on both.
  for (let run = 0; run < runs; run++) {
    for (const variant of run % 2 ? variants : variants.toReversed()) times[variant].push(start(name, files[variant]))
  }
  for (const what of ['imported', 'called', 'processor'] as const) {
    if (what === 'called' && name !== 'api') continue
    const [without, together] = variants.map((variant) => median(times[variant].map((time) => time[what]))) as [
      number,
      number,
    ]
    const kilobytes = await Promise.all(variants.map(async (variant) => (await stat(files[variant])).size / 1000))
    console.log(
      `${name} ${what}: ${without.toFixed(1)} ms without, ${together.toFixed(1)} ms with, ratio ${(together / without).toFixed(3)}`,
      `(${kilobytes.map((size) => size.toFixed(0)).join(' and ')} kB; medians of ${runs})`,
    )
  }
}

async function bundle(name: string, variant: Variant): Promise<string> {
  const outfile = join(folder, `${name}-${variant}.mjs`)
  await build({
    entryPoints: [fileURLToPath(new URL(`../functions/${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: variant === 'without' ? [withoutPowertools] : [],
  })
  return outfile
}

/** Starts a function in a process of its own; the API's is called once, with what needs no database. */
function start(name: string, file: string): Start {
  const event = { rawPath: '/', rawQueryString: '', headers: {}, requestContext: { http: { method: 'GET' } } }
  const script = `
    globalThis.awslambda = { streamifyResponse: (handler) => handler }
    const before = process.cpuUsage()
    const begun = performance.now()
    const { handler } = await import(${JSON.stringify(file)})
    const imported = performance.now() - begun
    if (${name === 'api'}) await handler(${JSON.stringify(event)}, { awsRequestId: 'a' })
    const { user, system } = process.cpuUsage(before)
    console.error(JSON.stringify({ imported, called: performance.now() - begun, processor: (user + system) / 1000 }))
    process.exit()`
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
    BUCKET_NAME: 'none',
    AUTH_SECRET: 'the secret of the bench, 32 bytes or more',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  }
  // Its standard output is the function's log.
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' })
  return JSON.parse(stderr)
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN
}
