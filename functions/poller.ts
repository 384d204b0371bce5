import type { Context, ScheduledEvent } from 'aws-lambda'
import { loadPollerConfig } from '../core/config.ts'
import type { Summary } from '../core/jobs/worker.ts'
import { createLog } from '../core/log.ts'
import { createPoller, type Poller } from '../core/poller.ts'

let poller: Poller | undefined

/** EventBridge Scheduler, every minute: drains the queue until it is empty or the function's time is nearly up. */
export async function handler(
  _event: Partial<ScheduledEvent>,
  context: Pick<Context, 'getRemainingTimeInMillis' | 'logStreamName'>,
): Promise<Summary> {
  poller ??= open()
  return poller.drain({
    deadline: performance.now() + context.getRemainingTimeInMillis(),
    place: context.logStreamName,
  })
}

function open(): Poller {
  const config = loadPollerConfig()
  const log = createLog(config.LOG_LEVEL, (line) => console.log(line), Date.now)
  return createPoller(config, { log, allowLoopbackHttp: false })
}
