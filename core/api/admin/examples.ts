import { exampleRunStats } from './jobs-examples.ts'
import type { ActionsView, ClaimingView, ProviderStateViewed, WorkerStatusView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

const closed = {
  circuit: 'closed',
  openMs: 0,
  openCode: null,
  downSince: null,
  consecutiveFailures: 0,
  pausedByOperator: null,
} satisfies Omit<ProviderStateViewed, 'provider'>

export const exampleClaiming: ClaimingView = {
  claims: { pausedByOperator: null },
  providers: [
    { ...closed, provider: 'gemini' },
    {
      ...closed,
      provider: 'deepseek',
      pausedByOperator: { by: 'ann', at: '2026-11-23T12:00:00.000Z', reason: 'Their status page says so' },
    },
  ],
}

const tally = { claimed: 41, completed: 38, retried: 2, failed: 1, released: 0, lost: 0, reclaimed: 0, expired: 0 }

export const exampleStatus: WorkerStatusView = {
  at: '2026-11-23T12:00:00.000Z',
  queue: {
    depth: [
      { status: 'scheduled', jobs: 3, atLeast: false },
      { status: 'pending', jobs: 1000, atLeast: true },
      { status: 'processing', jobs: 25, atLeast: false },
    ],
    oldestDueSeconds: 4.2,
  },
  workers: {
    running: 1,
    recent: [
      {
        workerId: '6f1d2c0e-2a3b-4c5d-8e9f-0a1b2c3d4e5f',
        host: '2026/11/23/[$LATEST]58419525dade4d17a495dceeeed44708',
        state: 'running',
        inFlight: 25,
        concurrency: 25,
        startedAt: '2026-11-23T11:59:01.000Z',
        lastHeartbeatAt: '2026-11-23T11:59:41.000Z',
        stoppedAt: null,
        tally,
      },
    ],
  },
  throughput: [
    { minutes: 5, perMinute: 7.6, failureRate: 0.073, tally, ...exampleRunStats },
    { minutes: 60, perMinute: 0.63, failureRate: 0.073, tally, ...exampleRunStats },
  ],
  claims: { pausedByOperator: null },
  providers: [
    { ...closed, provider: 'gemini', callsInFlight: 14, callsLastMinute: 31, tokensLastMinute: 49_290 },
    {
      ...closed,
      provider: 'deepseek',
      circuit: 'open',
      openMs: 12_000,
      openCode: 'content.rate_limited',
      callsInFlight: 11,
      callsLastMinute: 60,
      tokensLastMinute: 55_800,
    },
  ],
  liveSessions: 12,
  webhooks: {
    waiting: { count: 14, atLeast: false },
    failing: { count: 12, atLeast: false },
    oldestDueSeconds: 0.4,
    endpoints: {
      enabled: { count: 40, atLeast: false },
      failing: { count: 2, atLeast: false },
      disabled: { count: 1, atLeast: false },
    },
  },
}

export const exampleActions: ActionsView = {
  actions: [
    {
      id: 2,
      at: '2026-11-23T12:31:10.000Z',
      actor: 'cli:ann',
      action: 'redrive',
      dryRun: false,
      parameters: { code: 'analysis.', limit: 1000 },
      result: { jobs: 2, sample: [17, 21], more: false, done: true },
    },
  ],
  nextCursor: null,
}
