// Runs the bundle of sst.config.ts once, in a process of its own since SST and Pulumi keep their state in globals. As
// under SST's command line the components' calls are answered and Pulumi runs the program, but Pulumi's engine is its own
// stand-in for tests, which notes each resource. node fork.ts <input file> <result file>
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { answer, type Call, type NewResource, outputsOf } from './cloud.ts'
import { startCommandLine } from './command-line.ts'
import { platform, root } from './platform.ts'
import type { Deployment, ForkInput, Resource } from './run-configuration.ts'
import { secretsOf, withoutSecrets } from './secrets.ts'
import { namesInZip } from './zip.ts'

const [inputFile = '', resultFile = ''] = process.argv.slice(2)
const input = JSON.parse(readFileSync(inputFile, 'utf8')) as ForkInput
const work = mkdtempSync(join(tmpdir(), 'vision-pipeline-infra-'))
const deployment: Deployment = {
  app: undefined,
  resources: [],
  targets: [],
  archives: {},
  errors: [],
  outputs: {},
}

/** What of Pulumi is used here. */
interface Pulumi {
  readonly runtime: {
    setMocks(mocks: object, project: string, stack: string, preview: boolean): Promise<void>
    runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>
    disconnect(): Promise<void>
    readonly MockMonitor?: unknown
  }
  output(value: unknown): { apply(use: (value: never) => void): void }
}
interface Registration {
  getType(): string
  getName(): string
  getProtect(): boolean
  getRetainondelete(): boolean
}
interface Configuration {
  readonly app: (input: { stage: string }) => object
  readonly run: () => Promise<unknown>
}

const require = createRequire(join(platform, 'package.json'))
const pulumi = require('@pulumi/pulumi') as Pulumi
const { MockMonitor } = require('@pulumi/pulumi/runtime/mocks') as {
  MockMonitor: { prototype: { registerResource(request: Registration, reply: unknown): Promise<void> } }
}

// Pulumi rejects whatever waits for what failed.
const note = (error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  if (!deployment.errors.includes(message)) deployment.errors.push(message)
}
process.on('unhandledRejection', note)
process.on('uncaughtException', note)

const commandLine = await startCommandLine({ targets: deployment.targets })
try {
  process.env.SST_SERVER = commandLine.url
  for (const [name, value] of Object.entries(input.secrets)) process.env[`SST_SECRET_${name}`] = value
  Object.assign(process.env, input.env)
  await runConfiguration(input.bundle)
} catch (error) {
  note(error)
} finally {
  await commandLine.stop()
  writeFileSync(resultFile, JSON.stringify(deployment))
  rmSync(work, { recursive: true, force: true })
}
// What waits for a resource that failed would hold the process up, and Pulumi complain about it.
process.removeAllListeners('exit')
process.exit()

async function runConfiguration(file: string): Promise<void> {
  const paths = { root, work, platform, home: work }
  const globals = { $dev: input.dev, $cli: { command: 'deploy', rpc: '', paths, state: { version: {} } } }
  Object.assign(globalThis, globals)
  const { config, run } = (await import(pathToFileURL(file).href)) as {
    config: Configuration
    run: (program: () => Promise<unknown>) => Promise<unknown>
  }
  const app = { removal: 'retain', protect: false, stage: input.stage, ...config.app({ stage: input.stage }) }
  deployment.app = app
  Object.assign(globalThis, { $app: app })

  const options = new Map<string, Pick<Resource, 'protect' | 'retainOnDelete'>>()
  const register = MockMonitor.prototype.registerResource
  MockMonitor.prototype.registerResource = function (request, reply) {
    options.set(`${request.getType()} ${request.getName()}`, {
      protect: request.getProtect(),
      retainOnDelete: request.getRetainondelete(),
    })
    return register.call(this, request, reply)
  }
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs }: NewResource) => {
        if (type === input.failing) throw new Error(`${name} could not be made`)
        const plain = withoutSecrets(inputs) as Record<string, unknown>
        const kept = options.get(`${type} ${name}`) ?? { protect: false, retainOnDelete: false }
        deployment.resources.push({ type, name, inputs: plain, secretInputs: secretsOf(inputs), ...kept })
        if (type === 'aws:s3/bucketObjectv2:BucketObjectv2' && !input.dev) {
          const [owner = ''] = name.split(/Code$/)
          deployment.archives[owner] = namesInZip(join(work, 'artifacts', owner, 'code.zip'))
        }
        return outputsOf({ type, name, inputs: plain })
      },
      call: (call: Call) => answer(call, input.quota),
    },
    'vision-pipeline',
    input.stage,
    false,
  )
  const through = pulumi.runtime
    .runInPulumiStack(async () => {
      const outputs = (await run(config.run)) as object
      pulumi.output(outputs).apply((values) => Object.assign(deployment.outputs, withoutSecrets(values)))
      return outputs
    })
    .then(() => pulumi.runtime.disconnect())
  await Promise.race([through, quietAfterError()])
}

/** Pulumi waits for ever for what waits for something that failed: nothing new for a while is the end. */
async function quietAfterError(): Promise<void> {
  for (let seen = -1; deployment.errors.length === 0 || seen < deployment.resources.length; ) {
    seen = deployment.resources.length
    await delay(2_000)
  }
}
