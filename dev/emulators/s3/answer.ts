import type { Readable } from 'node:stream'

/** What S3 answers. */
export interface S3Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string | Readable
}
