import { initTRPC } from '@trpc/server'
import { type TRPC_ERROR_CODE_KEY, TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import type * as z from 'zod'
import type { Actor } from '../auth.ts'
import type { ErrorCode } from '../errors.ts'
import { failureOf } from './failure.ts'
import type { ApiServices } from './services.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

/** What a procedure says of itself beyond its input: its REST route and its part of the OpenAPI document. */
export interface Meta {
  /** The method and path; names in braces are fields of the input. */
  readonly rest: `${Method} /${string}`
  /** The status of a success in REST. */
  readonly status: 200 | 201 | 204
  readonly summary: string
  readonly description: string
  /** The errors it can end in, beyond those that every procedure can. */
  readonly errors: readonly ErrorCode[]
  /** Takes an `Idempotency-Key` header, and answers a repetition with 200. */
  readonly idempotent?: true
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
export interface Context {
  readonly services: ApiServices
  readonly requestId: string
  /** Who calls; asked once a request, however many calls it holds. */
  readonly authenticate: () => Promise<Actor>
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined
  /** What REST says beside the reply; tRPC has no place for it. */
  readonly reply: { status?: 200; location?: string }
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

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    isDev: false,
    sse: { enabled: false },
    errorFormatter: ({ error, path, ctx }) => errorShape(error, path, ctx?.requestId),
  })

export const { router, createCallerFactory } = t

/** A procedure for callers who are known; its `ctx.actor` is who. */
export const procedure = t.procedure.use(async ({ ctx, next }) => next({ ctx: { actor: await ctx.authenticate() } }))
