import type { Database } from '../database/client.ts'
import type { KernelServices } from '../http/context.ts'
import type { KeyFor } from '../http/pages/reference-page.ts'
import type { ImageIntake } from '../images/intake.ts'
import type { ImageStore } from '../images/store.ts'
import type { Feed } from '../live/changes/feed.ts'
import type { Tickets } from '../live/slots/tickets.ts'
import type { Waits } from '../live/slots/wait-slots.ts'
import type { Live } from '../live/watch.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { ConnectionLimits } from '../usage/limit-overrides.ts'
import type { UserLimits } from '../usage/quotas.ts'
import type { UploadLimits } from '../usage/upload-quota.ts'

/** What the part of the API is made of that streams. */
export interface StreamServices extends KernelServices {
  /** Undefined where replies cannot be streamed. */
  readonly live: Live | undefined
  /** Undefined where there are no streams. */
  readonly tickets: Tickets | undefined
}

/** What the API is made of. */
export interface ApiServices extends StreamServices {
  readonly database: Database
  readonly images: ImageIntake
  /** Whether images and webhooks may go by http to this machine: where nothing is deployed. */
  readonly allowLoopbackHttp: boolean
  /** Where the images are: for links to them and for uploads. */
  readonly store: ImageStore
  /** Where streams are served: the base of every job's `eventsUrl`. Undefined where there are none. */
  readonly streamUrl: (() => string) | undefined
  /** The changes that calls wait for. */
  readonly feed: Feed
  /** How often a waited-for job is polled without a feed, in milliseconds. */
  readonly lookMs: number
  /** The calls that wait. */
  readonly waits: Waits
  readonly metrics: Pick<Metrics, 'jobsCreated'>
  /** To be called after the commit of whatever makes jobs pending: returns at once, and never throws. */
  readonly wakeWorker: () => void
  /** How often a job may fail and be tried again. */
  readonly maxRetries: number
  /** How many of a user's jobs may be in flight; the others wait in `blocked`. */
  readonly inFlightPerUser: number
  readonly limits: UserLimits
  readonly uploadLimits: UploadLimits
  /** How many streams and waiting calls a user may have at once. */
  readonly connections: ConnectionLimits
  /** How long a job may take until it expires, in milliseconds. */
  readonly lifeMs: number
  /** For how many days ended jobs are kept. */
  readonly retentionDays: number
  /** The API key that the reference page begins with; undefined wherever the API is deployed. */
  readonly keyForReference?: KeyFor | undefined
}
