import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './platform.ts'

/** What is to be deployed, and with which settings. */
export interface ForkInput {
  readonly stage: string
  readonly dev: boolean
  /** The settings, as the shell or a .env file would have them. */
  readonly env: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** How many functions the account may run at once; null: whoever deploys may not ask. */
  readonly quota: number | null
  /** A type of resource that cannot be made. */
  readonly failing?: string
  /** The bundled sst.config.ts. */
  readonly bundle: string
}

/** A function as SST is asked to pack it, or in `sst dev` to bundle it. */
export interface BuildTarget {
  readonly functionID: string
  readonly handler: string
  /** The folder of its bundle; none where SST makes it. */
  readonly bundle?: string
  readonly runtime: string
  readonly copyFiles: readonly { readonly from: string; readonly to: string }[]
  readonly properties: Readonly<Record<string, unknown>>
}

export interface Resource {
  readonly type: string
  readonly name: string
  readonly inputs: Readonly<Record<string, unknown>>
  /** The inputs that Pulumi keeps encrypted. */
  readonly secretInputs: readonly string[]
  readonly protect: boolean
  readonly retainOnDelete: boolean
}

/** Everything that a deployment would have made. */
export interface Deployment {
  app: { readonly removal: string; readonly protect: boolean } | undefined
  readonly resources: Resource[]
  readonly targets: BuildTarget[]
  /** The files that come with each function. */
  readonly archives: Record<string, readonly string[]>
  readonly errors: string[]
  readonly outputs: Record<string, unknown>
}

/** What is set with `sst secret set`, unless something else is said. */
export const secrets = {
  GeminiApiKey: 'gemini-key',
  DeepseekApiKey: 'deepseek-key',
  AuthSecret: 'an auth secret of at least thirty-two bytes',
  StreamSecret: 'a stream secret of at least thirty-two bytes',
  DatabaseUrl:
    'mysql://user:hidden@planetscale.example/vision?ssl=%7B%22rejectUnauthorized%22%3Atrue%2C%22verifyIdentity%22%3Atrue%7D',
}

/** Runs sst.config.ts in a process of its own; nothing is deployed. */
export async function runConfiguration(input: ForkInput): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), 'vision-pipeline-infra-'))
  try {
    const [inputFile, resultFile] = [join(folder, 'input.json'), join(folder, 'result.json')]
    writeFileSync(inputFile, JSON.stringify(input))
    // Nothing of the settings or credentials of whoever runs it.
    const env = { PATH: process.env.PATH, HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' }
    const fork = join(import.meta.dirname, 'fork.ts')
    await promisify(execFile)(process.execPath, ['--no-warnings', fork, inputFile, resultFile], {
      cwd: root,
      env,
      timeout: 300_000,
    })
    return JSON.parse(readFileSync(resultFile, 'utf8')) as Deployment
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
