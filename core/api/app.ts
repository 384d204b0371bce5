import type { Hono } from 'hono'
import { createHttpApp } from '../http/app.ts'
import type { AppEnv } from '../http/context.ts'
import { about } from './about.ts'
import { appRouter, resources } from './router.ts'
import type { ApiServices } from './services.ts'

export type { AppRouter } from './router.ts'
export type { ApiServices } from './services.ts'

/** The API as one function from request to response, whatever serves it. */
export function createApp(services: ApiServices): Hono<AppEnv> {
  return createHttpApp(
    { ...about, resources, router: appRouter, reference: { keyFor: services.keyForReference } },
    services,
  )
}
