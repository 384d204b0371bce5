// The API, served over HTTP. Its settings are its environment.
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { composeApi } from '../../core/api/compose.ts'
import { openDatabase } from '../../core/database/client.ts'
import { openImageStore } from '../../core/images/store.ts'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { serve } from '../support/serve.ts'

const config = loadApiConfig()
const database = openDatabase(config.DATABASE_URL, {
  connections: config.API_DATABASE_CONNECTIONS,
  random: Math.random,
})
const { app } = composeApi(config, {
  database,
  store: openImageStore(config),
  log: () => undefined,
  metrics: createMetrics({ service: 'bench', write: () => undefined, now: Date.now }),
  isReady: async () => true,
  allowLoopbackHttp: false,
  streamUrl: undefined,
  streams: undefined,
})
await serve(createAdaptorServer({ fetch: app.fetch }) as Server)
