import type { Hono } from 'hono'
import { appRouter } from './router.ts'
import { serve } from './serve.ts'
import type { ApiServices, AppEnv } from './services.ts'

export type { AppRouter } from './router.ts'
export type { ApiServices } from './services.ts'

/** The API as one function from request to response, whatever serves it. */
export function createApp(services: ApiServices): Hono<AppEnv> {
  return serve(services, appRouter)
}
