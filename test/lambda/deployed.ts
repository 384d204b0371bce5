import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundle } from '../support/bundle.ts'
import { type RuntimeApi, startRuntimeApi } from './runtime-api.ts'

/** A function as it runs when it is deployed: its bundle, under Lambda's own runtime client. */
export interface Deployed extends Pick<RuntimeApi, 'invoke'> {
  /** What it wrote to its log, once it has been stopped. */
  readonly log: Promise<string>
  stop(): Promise<void>
}

const client = join(import.meta.dirname, 'node_modules/aws-lambda-ric/index.mjs')

/**
 * Bundles a function of functions/ and starts it.
 *
 * @param settings its environment; nothing else of ours comes through
 */
export async function deploy(name: string, settings: Readonly<Record<string, string>>): Promise<Deployed> {
  const folder = await mkdtemp(join(tmpdir(), `vision-lambda-${name}-`))
  await bundle(name, folder)
  const api = await startRuntimeApi()
  const child = spawn(process.execPath, [client, `${name}.handler`], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: `vision-pipeline-${name}`,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/vision-pipeline-${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: `${name}.handler`,
      TZ: ':UTC',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join(''))
  child.once('exit', (code) => void log.then((lines) => api.died(`the function ended with ${code}:\n${lines}`)))
  return {
    invoke: api.invoke,
    log,
    stop: async () => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
      // As Lambda ends an instance: it has no say in it.
      child.kill('SIGKILL')
      await ended
      await api.stop()
      await rm(folder, { recursive: true })
    },
  }
}
