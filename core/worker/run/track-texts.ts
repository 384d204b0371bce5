import type { ErrorCode } from '../../domain/errors.ts'
import { VisionError } from '../../domain/errors.ts'
import type { TextEnding } from '../../queue/rows/text-row.ts'
import type { TextRow } from '../../queue/rows/texts.ts'
import type { JobOutcome } from './outcome.ts'

/** The outcome of a run's texts: all completed, or the outcome that settles their job, and their rows. */
export type TextsOutcome = 'completed' | { readonly outcome: JobOutcome; readonly texts: readonly TextEnding[] }

/** The state of a text that is left to a later run. */
type Left = Exclude<JobOutcome, { readonly kind: 'lost' | 'failed' }>

/** Tracks which of a run's texts are made, failed, or left to a later run. */
export interface TextTracker {
  /** What was invalid in answers, by the number of the text. */
  readonly issues: Map<number, string>
  /** How many have no outcome yet. */
  readonly open: number
  /** The next one to be made. */
  next(): TextRow | undefined
  /** Leaves it to another lane; false if that would lose what was invalid in the answer for it. */
  putBack(row: TextRow): boolean
  /** Whether the current one is the only one missing, and none has failed. */
  isLast(): boolean
  made(): void
  /** @param written whether its row has this outcome already */
  fail(row: TextRow, error: VisionError, written: boolean): void
  leave(row: TextRow, outcome: Left): void
  /** Runs tasks one after another. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Once no more are made. */
  ending(): TextsOutcome
}

/** @param before texts that failed in earlier runs */
export function trackTexts(waiting: readonly TextRow[], before: readonly TextRow[]): TextTracker {
  const queue = [...waiting]
  const issues = new Map<number, string>()
  const left: { readonly row: TextRow; readonly outcome: Left }[] = []
  const failed = before.map((row) => ({ row, error: errorOf(row), written: true }))
  let open = waiting.length
  let turn: Promise<unknown> = Promise.resolve()
  return {
    issues,
    get open() {
      return open
    },
    next: () => queue.shift(),
    putBack: (row) => {
      if (issues.has(row.text)) return false
      queue.unshift(row)
      return true
    },
    isLast: () => open === 1 && left.length === 0 && failed.length === 0,
    made: () => {
      open--
    },
    fail: (row, error, written) => {
      open--
      failed.push({ row, error, written })
    },
    leave: (row, outcome) => {
      open--
      left.push({ row, outcome })
    },
    inTurn: (work) => {
      const done = turn.then(work)
      turn = done.catch(() => undefined)
      return done
    },
    ending: () => {
      for (const row of queue.splice(0)) left.push({ row, outcome: { kind: 'released' } })
      const texts = [
        ...failed.flatMap(({ row: { text }, error, written }): TextEnding[] =>
          written ? [] : [{ text, failed: true, reason: error }],
        ),
        ...left.flatMap(({ row: { text }, outcome }): TextEnding[] => {
          const issue = issues.get(text)
          const reason = 'delayMs' in outcome ? outcome.error : undefined
          return issue !== undefined || reason ? [{ text, issue, reason }] : []
        }),
      ]
      if (left.length > 0) return { outcome: worstOf(left.map(({ outcome }) => outcome)), texts }
      const [first] = failed.toSorted((one, other) => one.row.text - other.row.text)
      return first ? { outcome: { kind: 'failed', error: first.error }, texts } : 'completed'
    },
  }
}

const severity = { retried: 2, postponed: 1, released: 0 } as const

/** An outcome that costs a retry takes precedence, with the longest of the waits. */
function worstOf(outcomes: readonly Left[]): Left {
  const [worst = { kind: 'released' }] = outcomes.toSorted((one, other) => severity[other.kind] - severity[one.kind])
  if (worst.kind === 'released') return outcomes.find(({ error }) => error) ?? worst
  return { ...worst, delayMs: Math.max(...outcomes.map((one) => ('delayMs' in one ? one.delayMs : 0))) }
}

function errorOf({ errorCode, errorMessage }: TextRow): VisionError {
  return new VisionError(
    (errorCode ?? 'internal.error') as ErrorCode,
    errorMessage === null ? {} : { message: errorMessage },
  )
}
