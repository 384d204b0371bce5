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

/** The counts of the ledger that come from runs, and what each is in the row of a run: its own, and of the calls of a step. */
const ofRuns: Readonly<Record<string, { readonly own?: string; readonly call?: (step: string) => string }>> = {
  runs: { own: '1' },
  possibly_billed: { own: 'IF(a.possibly_billed IS NULL, 0, a.possibly_billed_calls)' },
  waiting_ms: { own: 'a.waiting_ms' },
  image_ms: { own: 'a.image_ms' },
  calls: { call: (step) => `a.${step}_calls` },
  input_tokens: { call: (step) => `a.${step}_input_tokens` },
  cached_tokens: { call: (step) => `a.${step}_cached_tokens` },
  output_tokens: { call: (step) => `a.${step}_output_tokens` },
  thinking_tokens: { call: (step) => `a.${step}_thinking_tokens` },
  cost: { call: (step) => `a.${step}_cost` },
  unpriced_calls: { call: (step) => `IF(a.${step}_cost IS NULL, a.${step}_calls, 0)` },
  analysis_ms: { call: (step) => (step === 'analysis' ? 'a.analysis_ms' : '0') },
  content_ms: { call: (step) => (step === 'content' ? 'a.content_ms' : '0') },
}

/** Adds the rows of all runs up by itself, and holds the ledger against the sums. No job may have been deleted. */
export async function expectLedgerOfRuns(on: TestDatabase): Promise<void> {
  const names = Object.keys(ofRuns)
  const rows = (model: string, valueIn: (name: string) => string, only: string) =>
    `SELECT j.user_id, DATE(a.ended_at) AS day, ${model} AS model, a.outcome AS status,
       ${names.map((name) => `COALESCE(${valueIn(name)}, 0) AS ${name}`).join(', ')}
     FROM vision_job_attempts a JOIN vision_jobs j ON j.id = a.job_id WHERE a.outcome <> 'running' AND ${only}`
  const calls = ['analysis', 'content'].map((step) =>
    rows(`a.${step}_model`, (name) => ofRuns[name]?.call?.(step) ?? '0', `a.${step}_model IS NOT NULL`),
  )
  const all = [rows("''", (name) => ofRuns[name]?.own ?? '0', 'TRUE'), ...calls].join(' UNION ALL ')
  const expected = await on.sql(
    `SELECT user_id, CAST(day AS CHAR) AS day, model, status, ${names.map((name) => `SUM(${name}) AS ${name}`).join(', ')}
     FROM (${all}) runs GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  )
  const found = await on.sql(
    `SELECT user_id, CAST(day AS CHAR) AS day, model, status, ${names.join(', ')}
     FROM vision_usage WHERE ${names.join(' + ')} <> 0 ORDER BY 1, 2, 3, 4`,
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
