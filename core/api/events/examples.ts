import type { JobEventView, JobsEventView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against their schemas.

export const exampleEvent: JobEventView = {
  type: 'status',
  jobId: 1,
  version: 2,
  status: 'processing',
  step: 'analysis',
  progress: 10,
  attempt: 1,
  failures: 0,
  nextTryAt: null,
  error: null,
}

export const exampleChange: JobsEventView = {
  type: 'job',
  jobId: 1,
  batchId: 5,
  version: 5,
  status: 'processing',
  step: 'content',
  progress: 76,
  texts: { wanted: 3, completed: 1 },
  nextTryAt: null,
  error: null,
  updatedAt: '2026-11-23T12:00:14.250Z',
}

export const exampleTicket = {
  eventsUrl: 'https://stream.example.com/v1/events?ticket=eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmVk',
  expiresAt: '2026-11-24T12:00:00.000Z',
}
