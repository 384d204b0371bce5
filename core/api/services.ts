import type { Database } from '../database/client.ts'
import type { ImageIntake } from '../images/intake.ts'
import type { ImageStore } from '../images/store.ts'
import type { Feed } from '../live/feed.ts'
import type { Tickets } from '../live/tickets.ts'
import type { Waits } from '../live/waits.ts'
import type { Live } from '../live/watch.ts'
import type { Authenticate } from '../platform/auth.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { RandomBytes } from '../platform/trace.ts'
import type { UserLimits } from '../usage/quotas.ts'
import type { UploadLimits } from '../usage/upload-quota.ts'

/** What every part of the API is made of; streams need no more. */
export interface StreamServices {
  readonly authenticate: Authenticate
  /** Undefined where replies cannot be streamed. */
  readonly live: Live | undefined
  /** Undefined where there are no streams. */
  readonly tickets: Tickets | undefined
  readonly log: Log
  /** Whether calls can be served now. */
  readonly isReady: () => Promise<boolean>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly randomBytes: RandomBytes
}

/** What the API is made of. */
export interface ApiServices extends StreamServices {
  readonly database: Database
  readonly images: ImageIntake
  /** Where the images are: for links to them and for uploads. */
  readonly store: ImageStore
  /** Where streams are served: the base of every job's `eventsUrl`. Undefined where there are none. */
  readonly streamUrl: (() => string) | undefined
  /** What tells those who wait for a job of its changes. */
  readonly feed: Feed
  /** Who may wait for one. */
  readonly waits: Waits
  readonly metrics: Pick<Metrics, 'jobsCreated'>
  /** How often a job may fail and be tried again. */
  readonly maxRetries: number
  /** How many of a user's jobs may be in flight; the others wait in `blocked`. */
  readonly inFlightPerUser: number
  readonly limits: UserLimits
  readonly uploadLimits: UploadLimits
  /** How long a job may take until it expires, in milliseconds. */
  readonly lifeMs: number
  /** For how many days ended jobs are kept. */
  readonly retentionDays: number
}

/** What Hono keeps of a request while it is served. */
export interface AppEnv {
  Variables: {
    requestId: string
    traceId: string
    /** With the ids of the request in every line. */
    log: Log
  }
}
