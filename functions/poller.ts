import type { Context, ScheduledEvent } from 'aws-lambda'
import type { Tally } from '../core/domain/tally.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { secretsOf } from '../core/platform/config/secrets.ts'
import { createLog, type FunctionLog, writeToStandardOutput } from '../core/platform/log.ts'
import { createMetrics } from '../core/platform/metrics.ts'
import { createPoller, type Poller } from '../core/worker/create-poller.ts'
import { type WakeEvent, wakeIdOf } from '../core/worker/wake/wake-functions.ts'

let opened: { readonly poller: Poller; readonly log: FunctionLog } | undefined

/** Called by EventBridge Scheduler every minute, and by whatever wakes a worker: drains the queue until it is empty or the function's time is nearly up. */
export async function handler(
  event: Partial<ScheduledEvent> | WakeEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'> & Partial<Context>,
): Promise<Tally> {
  opened ??= open()
  opened.log.invoked(context)
  return opened.poller.drain({
    deadline: performance.now() + context.getRemainingTimeInMillis(),
    host: context.logStreamName,
    wakeId: wakeIdOf(event),
  })
}

function open() {
  const config = loadPollerConfig()
  const output = { service: config.POWERTOOLS_SERVICE_NAME, write: writeToStandardOutput, now: Date.now }
  const log = createLog({ ...output, level: config.LOG_LEVEL, secrets: secretsOf(config) })
  return { log, poller: createPoller(config, { log, metrics: createMetrics(output), allowLoopbackHttp: false }) }
}
