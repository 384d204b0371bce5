import { randomBytes } from 'node:crypto'
import type { Hono } from 'hono'
import type { Database } from '../database/client.ts'
import { createHttpApp } from '../http/app.ts'
import type { AppEnv } from '../http/context.ts'
import { createKeyCheck, withApiKeys } from '../keys/check.ts'
import { openFeed, openLive } from '../live/open.ts'
import { createTickets } from '../live/slots/tickets.ts'
import type { Live } from '../live/watch.ts'
import { type AuthConfig, type Authenticate, createAuthenticator } from '../platform/auth.ts'
import type { TicketConfig } from '../platform/config/shared.ts'
import type { StreamConfig } from '../platform/config/stream.ts'
import type { Log } from '../platform/log.ts'
import { about } from './about.ts'
import { events, streamRouter } from './events/procedures.ts'
import type { StreamServices } from './services.ts'

/** The settings of the streams that a process serves. */
export type LiveConfig = Pick<StreamConfig, 'STREAM_SECONDS' | 'STREAM_SESSIONS_PER_USER'>

/** What the wiring gets from the place where the API runs. */
export interface Environment {
  readonly database: Database
  readonly log: Log
  /** What comes before the check of API keys, and of the tokens that the configuration allows; nothing unless given. */
  readonly admit?: (byCredential: Authenticate) => Authenticate
  readonly isReady: () => Promise<boolean>
  /** How often the process looks for changes, in milliseconds: every second unless given. */
  readonly lookMs?: number
}

/**
 * The services of everything that streams.
 *
 * @param live undefined where replies cannot be streamed
 * @param ticketed whether there are streams to sign tickets for, here or elsewhere
 */
export function streamServices(
  config: AuthConfig & TicketConfig,
  { database, log, admit = (byCredential) => byCredential, isReady }: Environment,
  { live, ticketed }: { readonly live: Live | undefined; readonly ticketed: boolean },
): StreamServices {
  const tickets = ticketed ? createTickets(config, Date.now) : undefined
  const authenticate = admit(withApiKeys(createKeyCheck(database, { now: Date.now }), createAuthenticator(config)))
  return { authenticate, live, tickets, log, isReady, now: Date.now, randomBytes }
}

/** The part of the API that streams, for a server that does nothing else. */
export interface Streams {
  readonly app: Hono<AppEnv>
  readonly live: Live
}

/** Wires the part of the API that streams. Opens no connection. */
export function composeStreams(config: AuthConfig & TicketConfig & LiveConfig, environment: Environment): Streams {
  const { database, log, lookMs } = environment
  const live = openLive(config, { database, feed: openFeed(database, log, lookMs), log, lookMs })
  const services = streamServices(config, environment, { live, ticketed: true })
  return { app: createHttpApp({ ...about, resources: [events], router: streamRouter }, services), live }
}
