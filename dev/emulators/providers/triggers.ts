import type { EmulatedRequest, FaultRule } from './fault-rules.ts'
import { block } from './prompt-blocks.ts'

/** What `[emulate slow]` adds to each call, in milliseconds. */
const slowMs = 5_000

/** What the words of a purpose trigger, for tests of those who call the API: see docs/api.md. */
export interface Trigger {
  readonly latencyMs: number
  readonly fault: FaultRule | undefined
}

/**
 * Reads `[emulate blocked]`, `[emulate failed]` or `[emulate slow]` in the purpose of a job; with ` text` before the bracket closes it
 * is meant for the calls that write texts, otherwise for the analysis. Only the emulators read it: to a real provider it is text.
 */
export function triggerOf({ provider, text }: Pick<EmulatedRequest, 'provider' | 'text'>): Trigger {
  const [, kind, ofText] = /\[emulate (blocked|failed|slow)( text)?\]/.exec(block(text, 'purpose') ?? '') ?? []
  if (kind === undefined || (ofText ? 'deepseek' : 'gemini') !== provider) return { latencyMs: 0, fault: undefined }
  if (kind === 'slow') return { latencyMs: slowMs, fault: undefined }
  if (kind === 'blocked') return { latencyMs: 0, fault: { provider, kind: 'blocked' } }
  // An answer that fits no schema, however often it is asked for, fails the job at once.
  return { latencyMs: 0, fault: { provider, kind: 'malformed', malformedAs: 'misfit' } }
}
