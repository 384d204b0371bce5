import type { components } from '../../../client/src/openapi.ts'

/** What `GET /v1/worker` says of the queue, the workers and the providers. */
export type WorkerStatus = components['schemas']['WorkerStatus']
