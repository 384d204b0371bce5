import type { Hono } from 'hono'
import { serve } from '../http/app.ts'
import type { AppEnv } from '../http/context.ts'
import { about } from './about.ts'
import { events, streamRouter } from './events/procedures.ts'
import type { StreamServices } from './services.ts'

/** The part of the API that streams, for a server that does nothing else. */
export function createStreamApp(services: StreamServices): Hono<AppEnv> {
  return serve({ ...about, resources: [events], router: streamRouter }, services)
}
