import { initTRPC, type TRPCError } from '@trpc/server'
import { type TRPC_ERROR_CODE_KEY, TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { type Actor, InsufficientScope } from '../../platform/auth.ts'
import type { Context, KernelServices } from '../context.ts'
import { toErrorResponse } from '../error-response.ts'
import type { Meta } from '../meta.ts'
import { heartbeatMs } from '../sse.ts'

const keyOfStatus: Readonly<Record<number, TRPC_ERROR_CODE_KEY>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  409: 'CONFLICT',
  412: 'PRECONDITION_FAILED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  428: 'PRECONDITION_REQUIRED',
  429: 'TOO_MANY_REQUESTS',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
}

/** An error in tRPC's envelope: its own code in `data.code`, ours in `data.errorCode`, the fields in `data.errors`. */
export function errorShape(error: unknown, path: string | undefined, requestId: string | undefined) {
  const { code, status, message, fields } = toErrorResponse(error)
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

/** The builder of an application's procedures, which find its services in `ctx.services`. */
export function createProcedures<Services extends KernelServices>() {
  const t = initTRPC.context<Context<Services>>().meta<Meta>().create(settings)
  return {
    router: t.router,
    /** A procedure for authenticated callers with the scope that its meta demands; its `ctx.actor` is the caller. */
    procedure: t.procedure.use(async ({ ctx, meta, next }) => {
      const actor = allowed(await ctx.authenticate(), meta)
      return ctx.limit(() => next({ ctx: { actor } }))
    }),
    /** A procedure that authenticates by itself, and calls `allowed` to check its caller. */
    openProcedure: t.procedure,
  }
}

/**
 * The caller of a procedure, if its credential has the scope that the procedure's meta demands; a procedure without a scope
 * admits no caller.
 *
 * @throws InsufficientScope
 */
export function allowed(actor: Actor, meta: Meta | undefined): Actor {
  if (meta === undefined) throw new Error('a procedure without meta was called')
  if (!actor.scopes.has(meta.scope)) throw new InsufficientScope(meta.scope)
  return actor
}

export const { createCallerFactory } = initTRPC.context<Context>().meta<Meta>().create(settings)
