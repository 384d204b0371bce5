import type { Actor, Authenticate } from '../platform/auth.ts'
import type { Log } from '../platform/log.ts'
import type { RandomBytes } from '../platform/trace.ts'
import type { Limiter } from './trpc/trpc-batch.ts'

/** What the kernel needs of the application that it serves. */
export interface KernelServices {
  readonly authenticate: Authenticate
  readonly log: Log
  /** Whether calls can be served now. */
  readonly isReady: () => Promise<boolean>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly randomBytes: RandomBytes
}

/** The context of a procedure call. */
export interface Context<Services extends KernelServices = KernelServices> {
  readonly services: Services
  readonly requestId: string
  /** The trace that the call belongs to, in 32 hex digits. */
  readonly traceId: string
  /** Authenticates the caller, once a request, however many calls it holds. */
  readonly authenticate: () => Promise<Actor>
  /** Limits how many calls of this request run at once: the calls of a batch do not all run together. */
  readonly limit: Limiter
  /** The ticket in the query, which is good for nothing but the one stream that it was made for. */
  readonly ticket: string | undefined
  /** The protocol of this call. */
  readonly transport: 'sse' | 'trpc'
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined
  /** How many calls of this request create something: the header can stand for one alone. */
  readonly creations: number
  /** What the headers of a REST call ask for. */
  readonly preferences: Preferences
  /** The status and the headers of a REST reply; tRPC has a place for the limits alone. */
  readonly reply: Reply
}

/** The preferences of a REST call, from its headers. */
export interface Preferences {
  /** How long it is willing to wait, in seconds. */
  readonly waitSeconds?: number
  /** Aborted when the caller has gone away, and when it has waited for long enough. */
  readonly waitSignal: AbortSignal
  /** The `If-None-Match` header: what the caller has already. */
  readonly ifNoneMatch?: string | undefined
  /** The `If-Match` header: the entity tag that the caller has read. */
  readonly ifMatch?: string | undefined
}

/** The status and the headers of a reply over REST. */
export interface Reply {
  /** Nothing new was made: the answer is that of an earlier call with the same idempotency key. */
  replayed?: true
  location?: string
  /** The version that it shows. */
  etag?: string
  /** The seconds after which a retry is worthwhile. */
  retryAfterSeconds?: number
  /** The caller was willing to wait, but has as many waits as a user may have: this is how things stand. */
  notWaited?: true
  /** The body that is sent in place of the result as JSON. */
  body?: {
    readonly type: string
    readonly text: string
    /** The name of the saved file. */
    readonly fileName: string
  }
  /** Where the next page of a `body` is: what the query's `cursor` is to be. A result as JSON has it as `nextCursor`. */
  nextCursor?: string
  /** The rest of the caller's quotas, as headers. */
  limits?: Readonly<Record<string, string>>
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
