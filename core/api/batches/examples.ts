import type { BatchView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleCreate = {
  name: 'Spring catalogue',
  defaults: { analysisPurpose: 'Sell it in our shop', outputFormat: 'summary', language: 'de' },
  onInvalid: 'skip' as const,
}

export const exampleBatch: BatchView = {
  batchId: 5,
  ...exampleCreate,
  jobs: 500,
  ended: false,
  byStatus: { scheduled: 2, blocked: 180, pending: 4, processing: 6, completed: 305, failed: 3, cancelled: 0 },
  byCode: { 'image.not_found': 3 },
  costUsd: 0.42,
  calls: 617,
  unpricedCalls: 0,
  possiblyBilled: 1,
  estimatedEndAt: '2026-11-23T12:24:00.000Z',
  eventsUrl: 'https://stream.example.com/v1/events?batchId=5&ticket=eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmVk',
  createdAt: '2026-11-23T12:00:00.000Z',
  closesAt: '2026-11-30T12:00:00.000Z',
  cancelledAt: null,
}

export const exampleRow = {
  jobId: 1,
  imageUrl: 'https://example.com/shoe.jpg',
  file: 'shoe.jpg',
  sku: 'TR-7',
  status: 'completed',
  errorCode: null,
  errorMessage: null,
  finishedAt: '2026-11-23T12:00:21.500Z',
  'summary.de.headline': 'Ein roter Schuh',
  'summary.de.summary': 'Ein einzelner Schuh vor Beton.',
  'summary.de.keyPoints': ['Die Farbe trägt das Bild'],
}
