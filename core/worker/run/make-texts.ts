import { LeaseLost, type Run, type TextRun } from '../../domain/run.ts'
import { readCurrent, readTextsOfRun, type TextRow } from '../../queue/rows/texts.ts'
import { failText, requestOf, saveText } from '../../queue/settle/save-text.ts'
import { completeVisionJob, completeWithoutText, saveAnswerIssue } from '../../queue/settle/settle.ts'
import type { RunOptions } from '../options.ts'
import { outcomeOf, Stopped } from './outcome.ts'
import { perform, type RunState, spentSoFar } from './perform.ts'
import { persist } from './persist.ts'
import { type TextsOutcome, trackTexts } from './track-texts.ts'

/**
 * Makes all texts of a job that are still to be made, several concurrently: each is a separate call, saved before the
 * slot's next one begins. A text that fails for good is recorded, and the others continue; the job is completed together
 * with its last text.
 *
 * @throws LeaseLost, or the signal's reason
 */
export async function makeTexts(
  run: Run,
  analysis: unknown,
  state: RunState,
  options: RunOptions,
): Promise<TextsOutcome> {
  const { database, steps, textsAtOnce = 1 } = options
  const { waiting, failed: before, variants } = await readTextsOfRun(database, run)
  const texts = trackTexts(waiting, before)
  const lost = new AbortController()
  const signal = AbortSignal.any([options.signal, lost.signal])

  /** Records the failure of a text, or leaves the text to a later run. */
  const conclude = async (row: TextRow, thrown: unknown, circuitOpen: boolean): Promise<void> => {
    const outcome = outcomeOf(thrown, run, { ...options, circuitOpen })
    if (outcome.kind === 'lost') throw thrown
    if (outcome.kind !== 'failed') return texts.leave(row, outcome)
    // The failure of the last text is settled together with the job.
    const rest = texts.open > 1
    if (rest) await persist(() => failText(database, run, row.text, outcome.error, spentSoFar(state)), options)
    texts.fail(row, outcome.error, rest)
  }

  const makeOne = async (row: TextRow): Promise<void> => {
    const text = textRunOf(run, row, variants.get(row.text) ?? 1, await readCurrent(database, row))
    const performed = await perform(
      {
        step: 'content',
        signal,
        call: (context) => steps.content(text, analysis, context),
        saveIssue: (issue) => saveAnswerIssue(database, run, issue, spentSoFar(state), row.text),
        onIssue: (issue) => texts.issues.set(row.text, issue),
      },
      state,
      options,
    )
    // One at a time: the save of the last one completes the job.
    await texts.inTurn(async () => {
      if ('thrown' in performed) return conclude(row, performed.thrown, performed.circuitOpen)
      const made = { text: row.text, revision: text.revision, ...requestOf(row) }
      const isLast = texts.isLast()
      const [save, spent] = isLast ? [completeVisionJob, state.usage] : [saveText, spentSoFar(state)]
      await persist(() => save(database, run, performed.output, spent, made), options)
      texts.made()
    })
  }

  let lanesOpen = Math.min(textsAtOnce, waiting.length)
  const lane = async (): Promise<void> => {
    for (let row = texts.next(); row; row = texts.next()) {
      const one = row
      try {
        await makeOne(one)
      } catch (error) {
        if (error instanceof LeaseLost) lost.abort(error)
        signal.throwIfAborted()
        // No time, no permit or no database: calls in flight may still succeed, and a later run continues from there.
        const isOver = outcomeOf(error, run, { ...options, circuitOpen: false }).kind === 'released'
        lanesOpen -= isOver ? 1 : 0
        if (error instanceof Stopped && lanesOpen > 0 && texts.putBack(one)) return
        await texts.inTurn(() => conclude(one, error, false))
        if (isOver) return
      }
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: lanesOpen }, lane))
  const thrown = lanes.find((one) => one.status === 'rejected')
  if (thrown) throw signal.aborted ? signal.reason : thrown.reason
  const ending = texts.ending()
  if (ending === 'completed' && waiting.length === 0) {
    await persist(() => completeWithoutText(database, run, state.usage), options)
  }
  return ending
}

function textRunOf(run: Run, row: TextRow, of: number, current: unknown): TextRun {
  const { outputFormat, language, platform, brandId, brandVersion, instruction, answerIssue } = row
  return {
    ...run,
    outputFormat,
    language,
    platform,
    brandId,
    brandVersion,
    answerIssue,
    revising: current === undefined ? undefined : { instruction, current },
    text: row.text,
    revision: row.revision + 1,
    variant: { number: row.variant, of },
    // The error of another text does not concern this one.
    lastErrorCode: row.errorCode as Run['lastErrorCode'],
  }
}
