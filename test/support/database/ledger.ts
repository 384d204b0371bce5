import { expect } from 'vitest'
import { counters } from '../../../core/usage/ledger.ts'
import type { TestDatabase } from './test-database.ts'

type Counts = Partial<Record<string, number>>

/**
 * What the ledger has of a user, whatever the day: by `model status`, or by the status alone where there is no model; of the
 * counts those that are not 0.
 */
export async function ledgerOf(on: TestDatabase, userId = 'user-1'): Promise<Record<string, Counts>> {
  const rows = await on.sql('SELECT * FROM vision_usage WHERE user_id = ?', [userId])
  const ledger: Record<string, Counts> = {}
  for (const row of rows) {
    const counts = counters.map((counter) => [counter, Number(row[columnOf(counter)])] as const)
    ledger[`${row.model} ${row.status}`.trim()] = Object.fromEntries(counts.filter(([, count]) => count !== 0))
  }
  return ledger
}

/** Adds the rows of all runs up by itself, and holds the ledger against the sums. No job may have been deleted. */
export async function expectLedgerOfRuns(on: TestDatabase): Promise<void> {
  const call = (step: string) =>
    `SELECT j.user_id, DATE(a.ended_at) AS day, a.${step}_model AS model, a.outcome AS status, 0 AS runs, 0 AS cut,
       a.${step}_calls AS calls, a.${step}_input_tokens AS input, a.${step}_output_tokens AS output, COALESCE(a.${step}_cost, 0) AS cost
     FROM vision_job_attempts a JOIN vision_jobs j ON j.id = a.job_id
     WHERE a.outcome <> 'running' AND a.${step}_model IS NOT NULL`
  const expected = await on.sql(
    `SELECT user_id, CAST(day AS CHAR) AS day, model, status, SUM(runs) AS runs, SUM(cut) AS cut, SUM(calls) AS calls,
       SUM(input) AS input, SUM(output) AS output, SUM(cost) AS cost
     FROM (SELECT j.user_id, DATE(a.ended_at) AS day, '' AS model, a.outcome AS status, 1 AS runs,
         IF(a.possibly_billed IS NULL, 0, a.possibly_billed_calls) AS cut, 0 AS calls, 0 AS input, 0 AS output, 0 AS cost
       FROM vision_job_attempts a JOIN vision_jobs j ON j.id = a.job_id WHERE a.outcome <> 'running'
       UNION ALL ${call('analysis')} UNION ALL ${call('content')}) runs
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  )
  const found = await on.sql(
    `SELECT user_id, CAST(day AS CHAR) AS day, model, status, runs, possibly_billed AS cut, calls, input_tokens AS input,
       output_tokens AS output, cost
     FROM vision_usage WHERE runs + possibly_billed + calls <> 0 ORDER BY 1, 2, 3, 4`,
  )
  expect(found.map(numbered)).toEqual(expected.map(numbered))
}

/** Sums come as text. */
function numbered(row: Record<string, unknown>): Record<string, unknown> {
  const { user_id, day, model, status, ...counts } = row
  const numbers = Object.entries(counts).map(([name, count]) => [name, Number(count)])
  return { user_id, day, model, status, ...Object.fromEntries(numbers) }
}

function columnOf(counter: string): string {
  return counter.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
