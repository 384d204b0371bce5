import { exampleTaken } from '../usage/examples.ts'
import type { FailuresView, MinutesView, OperatorJobsView, OperatorJobView } from './jobs-schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

const summary = {
  jobId: 21,
  user: 'ann',
  status: 'failed',
  step: null,
  error: { code: 'analysis.timed_out', message: 'The vision model did not answer in time.' },
  attempt: 4,
  failures: 4,
  crashes: 0,
  texts: { wanted: 1, completed: 0 },
  batchId: null,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  createdAt: '2026-11-23T12:00:00.000Z',
  updatedAt: '2026-11-23T12:31:07.112Z',
  finishedAt: '2026-11-23T12:31:07.112Z',
} satisfies OperatorJobsView['jobs'][0]

export const exampleOperatorJobs: OperatorJobsView = { jobs: [summary], nextCursor: null }

export const exampleOperatorJob: OperatorJobView = {
  ...summary,
  maxRetries: 3,
  nextTryAt: null,
  startedAt: '2026-11-23T12:00:01.500Z',
  expiresAt: '2026-11-24T12:00:00.000Z',
  workerId: null,
  leaseExpiresAt: null,
  imageUrl: 'https://example.com/poster.jpg',
  analysisPurpose: 'Improve the hero image of our shop',
  answerIssue: null,
  metadata: null,
  timings: { waitingMs: 1_746_000, runningMs: 121_112, totalMs: 1_867_112 },
  usage: { ...exampleTaken, calls: 0, costUsd: 0 },
  attempts: [
    {
      attempt: 4,
      outcome: 'failed',
      step: 'analysis',
      startedAt: '2026-11-23T12:30:37.000Z',
      endedAt: '2026-11-23T12:31:07.112Z',
      error: summary.error,
      possiblyBilled: 'analysis',
      possiblyBilledCalls: 1,
      waitingMs: 1500,
      imageMs: 320,
      usage: { analysis: null, content: null },
      errorDetail: 'gemini: no answer within 30000 ms',
      workerId: '6f1d2c0e-2a3b-4c5d-8e9f-0a1b2c3d4e5f',
      calls: [],
    },
  ],
  analysis: null,
  texts: {
    wanted: 1,
    completed: 0,
    all: [
      {
        textId: 1,
        outputFormat: 'summary',
        language: 'en',
        status: 'failed',
        revision: 0,
        error: summary.error,
        model: null,
        prompt: null,
        createdAt: null,
        result: null,
      },
    ],
  },
}

export const exampleFailures: FailuresView = {
  days: 2,
  failures: [
    {
      code: 'analysis.timed_out',
      step: 'analysis',
      jobs: 25,
      users: 3,
      atLeast: false,
      firstAt: '2026-11-23T12:11:02.000Z',
      lastAt: '2026-11-23T12:31:07.112Z',
      sampleJobId: 21,
    },
  ],
}

const stats = {
  failures: { 'analysis.timed_out': 1 },
  costUsd: 0.0567,
  waitingMs: { p50: 200, p95: 1500 },
  imageMs: { p50: 350, p95: 1000 },
  analysisMs: { p50: 6000, p95: 12_000 },
  contentMs: { p50: 8000, p95: 16_000 },
}

/** Shown in the status as well. */
export const exampleRunStats = stats

const minute = { claimed: 41, completed: 38, retried: 2, failed: 1, expired: 0, reclaimed: 0, ...stats }

export const exampleMinutes: MinutesView = {
  totals: minute,
  minutes: [{ minute: '2026-11-23T12:31:00.000Z', workers: 2, ...minute }],
}
