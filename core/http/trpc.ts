import { initTRPC, type TRPCError } from '@trpc/server'
import { type TRPC_ERROR_CODE_KEY, TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import type * as z from 'zod'
import type { ApiServices, StreamServices } from '../api/services.ts'
import type { ErrorCode } from '../domain/errors.ts'
import { type Actor, InsufficientScope } from '../platform/auth.ts'
import { failureOf } from './problem.ts'
import { heartbeatMs } from './sse.ts'
import type { Turns } from './trpc-batch.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

/** What a procedure says of itself beyond its input: its REST route and its part of the OpenAPI document. */
export interface Meta {
  /** The method and path; names in braces are fields of the input. */
  readonly rest: `${Method} /${string}`
  /** The status of a success in REST. */
  readonly status: 200 | 201 | 204
  readonly summary: string
  readonly description: string
  /** What the token must allow beyond being valid; the document says so too. */
  readonly scope?: 'operator'
  /** The errors it can end in, beyond those that every procedure can. */
  readonly errors: readonly ErrorCode[]
  /** Answers with server-sent events, and resumes after a `Last-Event-ID`. */
  readonly streams?: true
  /** Takes an `Idempotency-Key` header, and answers a repetition with 200. */
  readonly idempotent?: true
  /** Answers with a job, whose version is the `ETag`; a GET is answered with 304 where `If-None-Match` names it. */
  readonly versioned?: true
  /** Waits, as long as a `Prefer: wait` allows, for the job's next change, or for its end. */
  readonly waits?: 'change' | 'end'
  /** Counts against the caller's limits, and says in headers what is left of them. */
  readonly limited?: true
  /** Says in a `Location` header where to find what it made. */
  readonly locates?: true
  /**
   * What the reply looks like, for the document alone: checked at run time, a row of an earlier release could turn a
   * read into a 500.
   */
  readonly output?: z.ZodType
  readonly example?: { readonly request?: unknown; readonly reply?: unknown }
}

/** What a procedure is called with. */
export interface Context<Services extends StreamServices = ApiServices> {
  readonly services: Services
  readonly requestId: string
  /** The trace that the call belongs to, in 32 hex digits. */
  readonly traceId: string
  /** Who calls; asked once a request, however many calls it holds. */
  readonly authenticate: () => Promise<Actor>
  /** Runs a call of this request when it is its turn: the calls of a batch do not run all at once. */
  readonly inTurn: Turns
  /** The ticket in the query, which is good for nothing but what it was made for. */
  readonly ticket: string | undefined
  /** The protocol of this call. */
  readonly transport: 'sse' | 'trpc'
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined
  /** How many calls of this request create something: the header can stand for one alone. */
  readonly creations: number
  /** What REST was asked beside the input. */
  readonly wish: Wish
  /** What REST says beside the reply; of it tRPC has a place for the limits alone. */
  readonly reply: Reply
}

/** What a call over REST may ask for in its headers. */
export interface Wish {
  /** How long it is willing to wait, in seconds. */
  readonly waitSeconds?: number
  /** Aborted when the caller has gone away, and when it has waited for long enough. */
  readonly patience: AbortSignal
  /** The `If-None-Match` header: what the caller has already. */
  readonly known?: string | undefined
}

/** What a reply over REST says in its status and its headers. */
export interface Reply {
  status?: 200
  location?: string
  /** Which version of the job it shows. */
  etag?: string
  /** After so many seconds it is worth asking again. */
  retryAfterSeconds?: number
  /** The caller was willing to wait, and has as many waits as a user may have: this is the job as it is. */
  unwaited?: true
  /** What the caller may still do, in headers. */
  limits?: Readonly<Record<string, string>>
}

const keyOfStatus: Readonly<Record<number, TRPC_ERROR_CODE_KEY>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
}

/** An error in tRPC's envelope: its own code in `data.code`, ours in `data.errorCode`, the fields in `data.errors`. */
export function errorShape(error: unknown, path: string | undefined, requestId: string | undefined) {
  const { code, status, message, fields } = failureOf(error)
  const key = keyOfStatus[status] ?? 'INTERNAL_SERVER_ERROR'
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[key],
    data: {
      code: key,
      httpStatus: status,
      errorCode: code,
      ...(path !== undefined && { path }),
      ...(requestId !== undefined && { requestId }),
      ...(fields.length > 0 && { errors: fields }),
    },
  }
}

interface Failed {
  readonly error: TRPCError
  readonly path: string | undefined
  readonly ctx: { readonly requestId: string } | undefined
}

const settings = {
  isDev: false,
  sse: { ping: { enabled: true, intervalMs: heartbeatMs } },
  errorFormatter: ({ error, path, ctx }: Failed) => errorShape(error, path, ctx?.requestId),
}
const t = initTRPC.context<Context>().meta<Meta>().create(settings)
const streams = initTRPC.context<Context<StreamServices>>().meta<Meta>().create(settings)

export const { router } = t
export const { createCallerFactory } = streams

/** A procedure that needs no more than the services of streams, and asks by itself who calls. */
export const streamProcedure = streams.procedure

/** A procedure for callers who are known, and allowed what its meta demands; its `ctx.actor` is who. */
export const procedure = t.procedure.use(async ({ ctx, meta, next }) => {
  const actor = await ctx.authenticate()
  if (meta?.scope !== undefined && !actor.scopes.has(meta.scope)) {
    throw new InsufficientScope(meta.scope)
  }
  return ctx.inTurn(() => next({ ctx: { actor } }))
})
