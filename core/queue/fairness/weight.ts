import { type SQL, sql } from 'drizzle-orm'

/**
 * The weight of a job in its owner's turns and budget: its texts that are still to be made, each of which is a call. An
 * expression on `vision_jobs`, at least 1. A text that failed for good counts until the job is retried or ends.
 */
export function weight(): SQL {
  // More than a difference: the columns are unsigned, and a negative result is an error.
  return sql`CAST(IF(texts > texts_completed, texts - texts_completed, 1) AS SIGNED)`
}

/** The most paid calls that a job may still take: its texts, and the analysis before them. An expression on `vision_jobs`. */
export function callsToCome(): SQL {
  // The ledger has nothing of a running run yet, whatever that has saved.
  return sql`IF(status = 'processing', 1 + texts, IF(next_step = 'analysis', 1, 0) + ${weight()})`
}

/** The weights of jobs together. */
export function sumOfWeights(weights: readonly number[]): number {
  return weights.reduce((sum, one) => sum + one, 0)
}
