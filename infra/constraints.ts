import { loadMs } from '../core/images/limits.ts'
import type { PollerConfig } from '../core/platform/config/poller.ts'
import { keyOf } from '../core/platform/config/providers.ts'
import type { StreamConfig } from '../core/platform/config/stream.ts'
import { settleMs } from '../core/queue/settle/reserved-time.ts'

/** The longest that a function may run, in seconds: a quota of AWS Lambda. */
const functionSeconds = 900
/** The time that the stream function has beyond the lifetime of a stream, in seconds: to start, and to finish. */
export const streamGraceSeconds = 15

/**
 * Validates the settings against each other: the schedule, the poller's time, its leases, its memory, the life of a stream.
 *
 * @returns the violated constraints, one sentence each
 */
export function validateConstraints(
  {
    DEPLOY_POLLER_SECONDS: seconds,
    DEPLOY_POLLER_MEMORY: memory,
  }: Record<`DEPLOY_POLLER_${'SECONDS' | 'MEMORY'}`, number>,
  { poller, stream }: { readonly poller: PollerConfig; readonly stream: StreamConfig },
): readonly string[] {
  const { JOB_LEASE_SECONDS, POLLER_IDLE_SECONDS, STEP_TIMEOUT_SECONDS } = poller
  const { POLLER_IMAGE_MEGABYTES, POLLER_CONCURRENCY } = poller
  const jobSeconds = 2 * STEP_TIMEOUT_SECONDS + (loadMs + settleMs) / 1000
  const needed = POLLER_IDLE_SECONDS + jobSeconds
  // bench/image-memory.ts, of 25 places: 600 MB with a budget of 40, 740 with 60, 950 with 100. bench/memory.ts, of small images: 376 MB
  // with 25 places, 618 with 100. Both together, though large images leave most places empty, plus headroom.
  const megabytes = 370 + 3.3 * POLLER_CONCURRENCY + 5.5 * POLLER_IMAGE_MEGABYTES
  const found: readonly (readonly [boolean, string])[] = [
    [
      needed > seconds,
      `DEPLOY_POLLER_SECONDS must be at least ${needed}: a worker polls for ${POLLER_IDLE_SECONDS} s ` +
        `(POLLER_IDLE_SECONDS), and the last job that it claims may take ${jobSeconds} s (STEP_TIMEOUT_SECONDS)`,
    ],
    [
      JOB_LEASE_SECONDS >= seconds,
      'JOB_LEASE_SECONDS must be less than DEPLOY_POLLER_SECONDS: a dead worker would keep its jobs longer than a live ' +
        'one may run',
    ],
    [
      stream.STREAM_SECONDS + streamGraceSeconds > functionSeconds,
      `STREAM_SECONDS must be at most ${functionSeconds - streamGraceSeconds}: no function runs longer than ` +
        `${functionSeconds} s`,
    ],
    [
      megabytes > memory,
      `DEPLOY_POLLER_MEMORY must be at least ${Math.ceil(megabytes)} for ${POLLER_IMAGE_MEGABYTES} MB of images ` +
        `(POLLER_IMAGE_MEGABYTES) and ${POLLER_CONCURRENCY} jobs in flight (POLLER_CONCURRENCY)`,
    ],
    [
      stream.AUTH_JWKS_URL?.startsWith('https:') === false,
      'AUTH_JWKS_URL must be https: anybody who can alter the keys in transit could issue tokens',
    ],
    ...Object.entries(poller.providers).map(
      ([name, { baseUrl }]) =>
        [
          !baseUrl.startsWith('https:'),
          `${keyOf(name, 'BASE_URL')} must be https: every call carries the key`,
        ] as const,
    ),
  ]
  return found.flatMap(([isWrong, why]) => (isWrong ? [why] : []))
}
