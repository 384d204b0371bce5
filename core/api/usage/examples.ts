import type { UserUsageView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleTaken = {
  calls: 2,
  possiblyBilled: 0,
  inputTokens: 1900,
  cachedTokens: 448,
  outputTokens: 620,
  thinkingTokens: 0,
  costUsd: 0.001494644,
  unpricedCalls: 0,
  waitingMs: 1500,
  imageMs: 320,
  analysisMs: 7400,
  contentMs: 12_100,
}

export const exampleUsage: UserUsageView = {
  from: '2026-11-01',
  to: '2026-11-24',
  usage: [
    {
      day: '2026-11-23',
      status: 'completed',
      model: 'deepseek-flash',
      jobs: 0,
      runs: 0,
      calls: 1,
      possiblyBilled: 0,
      inputTokens: 690,
      cachedTokens: 448,
      outputTokens: 240,
      thinkingTokens: 0,
      costUsd: 0.000181644,
      unpricedCalls: 0,
      waitingMs: 0,
      imageMs: 0,
      analysisMs: 0,
      contentMs: 12_100,
    },
  ],
  failures: [],
  limits: [
    { code: 'limit.jobs_per_day', unit: 'jobs', limit: 10_000, left: 9_999, resetsAt: '2026-11-25T00:00:00.000Z' },
    {
      code: 'limit.spend_per_day',
      unit: 'dollars',
      limit: 20,
      left: 19.998505356,
      resetsAt: '2026-11-25T00:00:00.000Z',
    },
    { code: 'limit.jobs_waiting', unit: 'jobs', limit: 10_000, left: 10_000, resetsAt: null },
  ],
  totals: {
    jobs: { created: 1, completed: 1, failed: 0, cancelled: 0, deleted: 0 },
    runs: 1,
    ...exampleTaken,
  },
}
