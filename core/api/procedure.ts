import type { Context } from '../http/context.ts'
import { createProcedures } from '../http/trpc/trpc.ts'
import type { Actor } from '../platform/auth.ts'
import type { ApiServices } from './services.ts'

export const { procedure, router } = createProcedures<ApiServices>()

/** The context of an authenticated call. */
export type Caller = Context<ApiServices> & { readonly actor: Actor }
