import { exampleTaken } from '../usage/examples.ts'
import type { MatchingChangeView } from './matching-schema.ts'
import type { AttemptsView, JobSummaryView, JobView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleRequest = {
  imageUrl: 'https://example.com/poster.jpg',
  analysisPurpose: 'Improve the hero image of our shop',
  outputFormat: 'summary',
}

export const exampleSummary: JobSummaryView = {
  jobId: 1,
  status: 'completed',
  step: null,
  progress: 100,
  attempt: 1,
  failures: 0,
  crashes: 0,
  maxRetries: 3,
  nextTryAt: null,
  blockedBy: null,
  error: null,
  imageUrl: 'https://example.com/poster.jpg',
  image: {
    url: 'https://images.s3.amazonaws.com/images/0f1e/9a8b?X-Amz-Signature=5d67',
    expiresAt: '2026-11-23T12:15:30.000Z',
    type: 'image/jpeg',
    bytes: 482_113,
    width: 1600,
    height: 1200,
    orientation: 1,
    sha256: '9a8b6f0c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a',
  },
  thumbnailUrl: 'https://images.s3.amazonaws.com/images/0f1e/9a8b?X-Amz-Signature=5d67',
  analysisPurpose: 'Improve the hero image of our shop',
  texts: { wanted: 1, completed: 1 },
  outputFormat: 'summary',
  language: 'en',
  platform: null,
  facts: null,
  brandId: 7,
  brandVersion: 3,
  metadata: { campaign: 'spring' },
  batchId: null,
  createdAt: '2026-11-23T12:00:00.000Z',
  updatedAt: '2026-11-23T12:00:21.500Z',
  startedAt: '2026-11-23T12:00:01.500Z',
  finishedAt: '2026-11-23T12:00:21.500Z',
  expiresAt: '2026-11-24T12:00:00.000Z',
  timings: { waitingMs: 1500, runningMs: 20_000, totalMs: 21_500 },
  version: 4,
}

export const exampleJob: JobView = {
  ...exampleSummary,
  usage: exampleTaken,
  eventsUrl: 'https://abc123.lambda-url.eu-central-1.on.aws/v1/jobs/1/events?ticket=eyJhbGciOi',
  outputs: {
    analysis: {
      model: 'gemini-3.5-flash-lite',
      prompt: 'analysis@2',
      createdAt: '2026-11-23T12:00:09.000Z',
      result: {
        subject: 'A red running shoe on a concrete step.',
        composition: {
          layout: 'The shoe fills the lower half, the wall behind it is empty.',
          focalPoint: 'the toe of the shoe',
          orientation: 'landscape',
        },
        palette: [
          { hex: '#bdc3c7', name: 'concrete grey', share: 0.6 },
          { hex: '#c0392b', name: 'brick red', share: 0.4 },
        ],
        typography: { style: 'There is no lettering.', textSeen: [] },
        mood: ['energetic'],
        style: ['product photograph'],
        audience: 'People who run in the city.',
        brandSignals: ['A white stripe along the sole'],
        suggestions: ['Leave room on the left for a headline.'],
        paletteEstimated: true,
        contrast: [{ colours: ['#bdc3c7', '#c0392b'], ratio: 3.05, text: 'large' }],
      },
    },
    content: {
      outputFormat: 'summary',
      model: 'deepseek-flash',
      prompt: 'summary@3',
      createdAt: '2026-11-23T12:00:21.500Z',
      result: {
        headline: 'One red shoe, and nothing in its way',
        summary: 'A single shoe against concrete: bold, but without room for words.',
        keyPoints: ['The colour carries the image', 'A headline has no place yet'],
      },
      findings: [
        {
          code: 'palette_distant',
          severity: 'info',
          message:
            'Brick red #c0392b, 40 % of the image, is 51.1 (CIEDE2000) from the nearest colour of the brand, navy #14213d.',
          field: null,
          about: '#c0392b',
        },
      ],
    },
    texts: [
      {
        textId: 1,
        outputFormat: 'summary',
        language: 'en',
        platform: null,
        brandId: 7,
        brandVersion: 3,
        variant: 1,
        status: 'completed',
        revision: 1,
        approved: false,
        error: null,
        model: 'deepseek-flash',
        prompt: 'summary@3',
        author: 'model',
        createdAt: '2026-11-23T12:00:21.500Z',
        findings: [],
        result: {
          headline: 'One red shoe, and nothing in its way',
          summary: 'A single shoe against concrete: bold, but without room for words.',
          keyPoints: ['The colour carries the image', 'A headline has no place yet'],
        },
      },
    ],
  },
}

export const exampleAttempts: AttemptsView = {
  attempts: [
    {
      attempt: 1,
      outcome: 'completed',
      step: 'content',
      startedAt: '2026-11-23T12:00:01.500Z',
      endedAt: '2026-11-23T12:00:21.500Z',
      error: null,
      possiblyBilled: null,
      possiblyBilledCalls: 0,
      waitingMs: 1500,
      imageMs: 320,
      usage: {
        analysis: {
          model: 'gemini-3.5-flash-lite',
          inputTokens: 1210,
          cachedTokens: 0,
          outputTokens: 380,
          thinkingTokens: 0,
          costUsd: 0.001313,
          milliseconds: 7400,
        },
        content: {
          model: 'deepseek-flash',
          inputTokens: 690,
          cachedTokens: 448,
          outputTokens: 240,
          thinkingTokens: 0,
          costUsd: 0.000181644,
          milliseconds: 12_100,
        },
      },
    },
  ],
}

export const exampleMatching: MatchingChangeView = {
  dryRun: true,
  jobs: 1204,
  unchanged: 0,
  refused: [],
  more: false,
  nextCursor: null,
}
