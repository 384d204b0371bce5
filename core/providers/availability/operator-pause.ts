import { sql } from 'drizzle-orm'
import type { ProviderScope } from '../../../drizzle/schema.ts'
import { matchedBy, type Queryable } from '../../database/sql.ts'
import { addGrace, lockProviderState } from './provider-state.ts'

/** Pauses claiming for one provider, or as a whole, until an operator resumes it. A second pause keeps the first. */
export async function pauseByOperator(
  tx: Queryable,
  name: ProviderScope,
  by: string,
  reason: string | null = null,
): Promise<void> {
  await lockProviderState(tx, name)
  await matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET paused_at = UTC_TIMESTAMP(3), paused_by = ${by}, paused_reason = ${reason}
      WHERE provider = ${name} AND paused_at IS NULL`,
  )
}

/**
 * Ends the operator’s pause and an open circuit, so that the provider is called at once.
 *
 * @returns whether there was anything to end
 */
export async function resumeByOperator(tx: Queryable, name: ProviderScope): Promise<boolean> {
  const { operatorPause, backoffMs } = await lockProviderState(tx, name)
  if (operatorPause) await addGrace(tx, name, 'paused_at')
  await matchedBy(
    tx,
    sql`UPDATE vision_provider_states SET paused_at = NULL, paused_by = NULL, paused_reason = NULL,
        backoff_until = NULL WHERE provider = ${name}`,
  )
  return operatorPause !== null || backoffMs > 0
}
