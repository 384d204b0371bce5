// The streams of bench/memory.ts, in a process of their own. Its settings are its environment.
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { composeStreams } from '../../core/api/compose-streams.ts'
import { openDatabase } from '../../core/database/client.ts'
import { loadStreamConfig } from '../../core/platform/config/stream.ts'
import { serve } from '../support/serve.ts'

const config = loadStreamConfig()
const database = openDatabase(config.DATABASE_URL, { connections: 10, random: Math.random })
const { app } = composeStreams(config, { database, log: () => undefined, isReady: async () => true })
await serve(createAdaptorServer({ fetch: app.fetch }) as Server)
