import { access, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BuildTarget } from './run-configuration.ts'

interface Request {
  readonly method: string
  readonly params: readonly [BuildTarget]
}

/** What SST's components ask its command line for, at a loopback address: where assets go, and bundles of functions. */
export async function startCommandLine({ targets }: { targets: BuildTarget[] }) {
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
      const { bundle, handler, functionID } = target
      if (bundle === undefined) throw new Error(`${functionID} is left for SST to bundle`)
      // As Lambda finds it.
      await access(join(bundle, handler.replace(/\.\w+$/, '.mjs')))
      await writeFile(join(bundle, 'resource.enc'), 'the links, encrypted')
      return { handler, out: bundle, errors: [] }
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
