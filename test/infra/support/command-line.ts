import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { root } from './platform.ts'
import type { BuildTarget } from './run-configuration.ts'

interface Request {
  readonly method: string
  readonly params: readonly [BuildTarget]
}

/** As every bundle has it. */
const importOfErrorNumbers = 'require("../constants/errors.js")'

/** What has become of the bundle of a function. */
export async function readBundle(out: string): Promise<string> {
  const files = await readdir(out)
  return (await Promise.all(files.map((file) => readFile(join(out, file), 'utf8')))).join()
}

/** What SST's components ask its command line for, at a loopback address: where assets go, and bundles of functions. */
export async function startCommandLine({ work, targets }: { work: string; targets: BuildTarget[] }) {
  const bucket = { asset: 'sst-asset', state: 'sst-state', assetEcrUrl: '', assetEcrRegistryId: '' }
  const methods: Record<string, (target: BuildTarget) => unknown> = {
    'Provider.Aws.Bootstrap': () => bucket,
    'Provider.Aws.Appsync': () => ({ http: 'events.example', realtime: 'events.example' }),
    'Runtime.AddTarget': (target) => {
      targets.push(target)
      return true
    },
    'Runtime.Build': async (target) => {
      targets.push(target)
      // The source is there; what becomes of it is not what is looked at here.
      await access(join(root, target.handler.replace(/\.\w+$/, '.ts')))
      const out = join(work, 'out', target.functionID)
      await mkdir(out, { recursive: true })
      const file = target.handler.replace(/^.*\//, '')
      await writeFile(join(out, file.replace(/\.\w+$/, '.mjs')), `// ${target.functionID}\n${importOfErrorNumbers}\n`)
      return { handler: file, out, errors: [], sourcemaps: [] }
    },
  }
  const server = createServer(async (request, response) => {
    const { method, params } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Request
    const run = methods[method]
    try {
      response.end(
        JSON.stringify(run ? { result: await run(params[0]) } : { error: `rpc: can't find method ${method}` }),
      )
    } catch (error) {
      response.end(JSON.stringify({ error: String(error) }))
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
