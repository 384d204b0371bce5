import { type SQL, sql } from 'drizzle-orm'

/**
 * How much a job weighs in its owner's turns and budget: the texts that are to be made, each a call of its own. A column of
 * `vision_jobs`, 1 at least. What failed for good weighs until the job is retried or ends.
 */
export function weight(): SQL {
  // Not a difference alone: below zero it is an error, the columns being unsigned.
  return sql`CAST(IF(texts > texts_completed, texts - texts_completed, 1) AS SIGNED)`
}

/** How many paid calls a job may still take: its texts, and the analysis before them. A column of `vision_jobs`. */
export function callsToCome(): SQL {
  // Of a run that is under way the ledger has nothing yet, whatever it has saved.
  return sql`IF(status = 'processing', 1 + texts, IF(next_step = 'analysis', 1, 0) + ${weight()})`
}

/** The weights of jobs together. */
export function sumOfWeights(weights: readonly number[]): number {
  return weights.reduce((sum, one) => sum + one, 0)
}
