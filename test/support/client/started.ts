import { join } from 'node:path'
import type * as Client from '../../../client/src/index.ts'
import { type LocalStack, startLocalStack } from '../dev/local-stack.ts'
import { installPacked, type PackedProject } from './packed.ts'

/** The client as npm installs it, beside a local stack that it calls. */
export interface StartedClient {
  readonly project: PackedProject
  readonly stack: LocalStack
  readonly client: typeof Client
  stop(): Promise<unknown>
}

export async function startClient(): Promise<StartedClient> {
  const [project, stack] = await Promise.all([installPacked(), startLocalStack(20)])
  const client: typeof Client = await import(join(project.packageFolder, 'dist/index.js'))
  return { project, stack, client, stop: () => Promise.all([project.remove(), stack.stop()]) }
}
