import type { Database } from '../../database/client.ts'
import type { Reason, RunIdentity } from '../../domain/run.ts'
import type { RunUsage, StepOutput } from '../../domain/step.ts'
import type { OutputRequest } from '../rows/output-row.ts'
import { keyOf, type MadeText } from '../rows/text-row.ts'
import { commitChange } from './group-commit.ts'

/**
 * Saves a text while the run continues. One transaction: the job, the output, the text, and the run's usage so far.
 *
 * @throws LeaseLost if the run no longer holds the job; nothing is saved then
 */
export function saveText(
  database: Database,
  run: RunIdentity,
  content: StepOutput,
  spent: RunUsage,
  text: MadeText,
): Promise<void> {
  return commitChange(database, {
    run,
    job: { kind: 'text saved', versions: 1 },
    made: text,
    output: { key: keyOf(text), made: content, ...requestOf(text) },
    attempt: { spent },
    evidence: { output: keyOf(text) },
  })
}

/**
 * Records that a text has failed for good, while the run continues with the others.
 *
 * @throws LeaseLost if the run no longer holds the job
 */
export function failText(
  database: Database,
  run: RunIdentity,
  text: number,
  reason: Reason,
  spent: RunUsage,
): Promise<void> {
  return commitChange(database, {
    run,
    job: { kind: 'noted', versions: 1 },
    endings: [{ text, reason, failed: true }],
    endingsOnce: true,
    attempt: { spent },
    evidence: { failedText: text },
  })
}

/** The author of a request for a text, and its instruction. */
export function requestOf({ requestedBy, instruction }: OutputRequest): OutputRequest {
  return { requestedBy, instruction }
}
