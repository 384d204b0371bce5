import type { Authenticate } from '../auth.ts'
import type { Database } from '../db.ts'
import type { ImageIntake } from '../images/intake.ts'
import type { ImageStore } from '../images/store.ts'
import type { Log } from '../log.ts'

/** What the API is made of. */
export interface ApiServices {
  readonly database: Database
  readonly images: ImageIntake
  /** Where the images are: for links to them and for uploads. */
  readonly store: ImageStore
  readonly authenticate: Authenticate
  /** How often a job may fail and be tried again. */
  readonly maxRetries: number
  /** How long a job may take until it expires, in milliseconds. */
  readonly lifeMs: number
  readonly log: Log
  /** Whether calls can be served now. */
  readonly isReady: () => Promise<boolean>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What Hono keeps of a request while it is served. */
export interface AppEnv {
  Variables: { requestId: string }
}
