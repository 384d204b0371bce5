import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type RuntimeApi, startRuntimeApi } from './runtime-api.ts'

/** A function as it runs when it is deployed: its bundle, under Lambda's own runtime client. */
export interface FunctionProcess extends Pick<RuntimeApi, 'invoke'> {
  readonly pid: number | undefined
  /** What it has written to its log so far. */
  log(): string
  /** Ends it as Lambda ends an instance: it has no say in it. */
  kill(): Promise<void>
}

const client = join(import.meta.dirname, '../../lambda/node_modules/aws-lambda-ric/index.mjs')

/**
 * Starts a function under the runtime client, which `npm run test:lambda` compiles.
 *
 * @param folder the bundles
 * @param name of the function, and so of its bundle
 * @param settings its environment, beside what Lambda sets; nothing of this process' own comes through
 */
export async function startFunction(
  folder: string,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<FunctionProcess> {
  const handler = `${name}.handler`
  const api = await startRuntimeApi()
  const child = spawn(process.execPath, [client, handler], {
    cwd: folder,
    env: {
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: `vision-pipeline-${name}`,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/vision-pipeline-${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: handler,
      TZ: ':UTC',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (log += chunk))
  const ended = once(child, 'close').then(([code, signal]) => {
    api.fail(new Error(`${name} has ended with ${code ?? signal}:\n${log}`))
  })
  return {
    pid: child.pid,
    invoke: api.invoke,
    log: () => log,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
      await api.stop()
    },
  }
}
