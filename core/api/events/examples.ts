import type { JobEventView } from './schema.ts'

// An example for the OpenAPI document; a test holds it against its schema.

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
