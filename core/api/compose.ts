import type { Hono } from 'hono'
import type { AppEnv } from '../http/context.ts'
import type { KeyFor } from '../http/pages/reference-page.ts'
import { createImageIntake } from '../images/intake.ts'
import type { ImageStore } from '../images/store.ts'
import type { Feed } from '../live/changes/feed.ts'
import { defaultLookMs, openFeed, openLive } from '../live/open.ts'
import { createWaits } from '../live/slots/wait-slots.ts'
import type { Live } from '../live/watch.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import type { Metrics } from '../platform/metrics.ts'
import { userLimits } from '../usage/quotas.ts'
import { uploadLimits } from '../usage/upload-quota.ts'
import { createApp } from './app.ts'
import { type Environment, type LiveConfig, streamServices } from './compose-streams.ts'
import type { ApiServices } from './services.ts'

/** What the wiring gets from the place where the API runs. */
export interface ApiEnvironment extends Environment {
  readonly store: ImageStore
  readonly metrics: Pick<Metrics, 'jobsCreated'>
  /** Whether images may be fetched, and webhooks sent, by http from and to this machine: where nothing is deployed. */
  readonly allowLoopbackHttp: boolean
  /** Where streams are served; undefined where there are none. */
  readonly streamUrl: (() => string) | undefined
  /** Called when jobs may have become pending; nobody is woken if not given, and workers poll. */
  readonly wakeWorker?: (() => void) | undefined
  /** The settings of the streams that this process serves; undefined where another one does, or none. */
  readonly streams: LiveConfig | undefined
  /** The API key that the reference page begins with: on a developer's machine alone. */
  readonly keyForReference?: KeyFor | undefined
}

/** The whole API. */
export interface ComposedApi {
  readonly app: Hono<AppEnv>
  readonly services: ApiServices
  readonly feed: Feed
  /** The streams of this process. */
  readonly live: Live | undefined
}

/** Wires the API, wherever it runs: in its function, in the local stack, in tests. Opens no connection. */
export function composeApi(config: ApiConfig, environment: ApiEnvironment): ComposedApi {
  const { database, store, log, lookMs, metrics, allowLoopbackHttp, streamUrl, streams, keyForReference } = environment
  const feed = openFeed(database, log, lookMs)
  const live = streams && openLive(streams, { database, feed, log, lookMs })
  const services: ApiServices = {
    ...streamServices(config, environment, { live, ticketed: streamUrl !== undefined }),
    database,
    store,
    images: createImageIntake(database, store, { allowLoopbackHttp }),
    allowLoopbackHttp,
    streamUrl,
    feed,
    lookMs: lookMs ?? defaultLookMs,
    waits: createWaits({ database, perUser: config.WAITS_PER_USER, log, random: Math.random }),
    metrics,
    wakeWorker: environment.wakeWorker ?? (() => undefined),
    maxRetries: config.JOB_MAX_RETRIES,
    inFlightPerUser: config.JOB_IN_FLIGHT_PER_USER,
    limits: userLimits(config),
    uploadLimits: uploadLimits(config),
    connections: { streams: config.STREAM_SESSIONS_PER_USER, waits: config.WAITS_PER_USER },
    lifeMs: config.JOB_EXPIRES_HOURS * 3_600_000,
    retentionDays: config.JOB_RETENTION_DAYS,
    keyForReference,
  }
  return { app: createApp(services), services, feed, live }
}
