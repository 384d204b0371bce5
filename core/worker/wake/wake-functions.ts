import { randomUUID } from 'node:crypto'
import type { Database } from '../../database/client.ts'
import { type AwsConfig, credentialsIn } from '../../platform/config/shared.ts'
import type { Log } from '../../platform/log.ts'
import { createWaker, type Waker } from './wake.ts'

export interface WakeConfig extends AwsConfig {
  readonly AWS_REGION: string
  readonly AWS_ENDPOINT_URL_LAMBDA?: string | undefined
  readonly POLLER_MAX?: number | undefined
  readonly POLLER_CONCURRENCY: number
}

/** The event of a poller that was woken rather than started by the schedule. */
export interface WakeEvent {
  readonly wakeId: string
}

/** @returns undefined for an event of the schedule */
export function wakeIdOf(event: unknown): string | undefined {
  const { wakeId } = (event ?? {}) as Partial<WakeEvent>
  return typeof wakeId === 'string' && /^[\w-]{1,64}$/.test(wakeId) ? wakeId : undefined
}

/**
 * Wakes pollers that are functions, by asynchronous invocations.
 *
 * @param name of the poller's function
 * @returns undefined where the settings name none, as on a laptop
 */
export function createFunctionWaker(
  name: string | undefined,
  config: WakeConfig,
  { database, log }: { readonly database: Database; readonly log: Log },
): Waker | undefined {
  const credentials = credentialsIn(config)
  const { POLLER_MAX: mostWorkers, POLLER_CONCURRENCY: concurrency, AWS_REGION: region } = config
  if (name === undefined || mostWorkers === undefined || credentials === undefined) return undefined
  const target = { name, region, credentials, endpoint: config.AWS_ENDPOINT_URL_LAMBDA }
  const start = async (wakeId: string, signal: AbortSignal) => {
    // What signs and calls is read when the first one is woken, not when the function starts.
    const { invokeAsync } = await import('./invoke.ts')
    await invokeAsync(target, { wakeId } satisfies WakeEvent, signal)
  }
  return createWaker({ database, start, mostWorkers, concurrency, newId: randomUUID, log })
}
