import { type Connection, dataOf } from './connection.ts'
import type { JobStatus, ResultRow } from './types.ts'
import { withSignal } from './upload.ts'

interface Page {
  readonly rows: readonly ResultRow[]
  readonly nextCursor: string | null
}

export interface ResultsOptions {
  /** Only jobs in these statuses. */
  readonly status?: readonly JobStatus[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** The jobs of a batch with their texts, a row each, in the order in which they were made. */
export async function* resultsOf(
  on: Connection,
  batchId: number,
  { status, signal }: ResultsOptions = {},
): AsyncGenerator<ResultRow> {
  for (let cursor: Page['nextCursor'] = null; ; ) {
    const query = { limit: 500, ...(status && { status: [...status] }), ...(cursor !== null && { cursor }) }
    const answer = on.api.GET('/v1/batches/{batchId}/results', {
      params: { path: { batchId }, query },
      ...withSignal(signal),
    })
    // JSON, since no other format was asked for.
    const page = (await dataOf(answer)) as Page
    yield* page.rows
    cursor = page.nextCursor
    if (cursor === null) return
  }
}
