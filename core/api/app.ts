import type { Hono } from 'hono'
import { serve } from '../http/app.ts'
import { appRouter } from './router.ts'
import type { ApiServices, AppEnv } from './services.ts'

export type { AppRouter } from './router.ts'
export type { ApiServices } from './services.ts'

/** The API as one function from request to response, whatever serves it. */
export function createApp(services: ApiServices): Hono<AppEnv> {
  return serve(services, appRouter)
}
