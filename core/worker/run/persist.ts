import { setTimeout as delay } from 'node:timers/promises'
import { VisionError } from '../../domain/errors.ts'
import { LeaseLost } from '../../domain/run.ts'
import type { RunOptions } from '../options.ts'

/** The wait between two attempts to save while the database is unavailable, in milliseconds. */
const saveAgainMs = 1_000

/**
 * Saves, and retries while there is time: a paid answer is not thrown away because the database is unavailable. The fence
 * detects another run that took the job meanwhile.
 *
 * @throws VisionError `database.unavailable` when the time is over
 */
export async function persist<T>(
  save: () => Promise<T>,
  { mayWait, signal }: Pick<RunOptions, 'mayWait' | 'signal'>,
): Promise<T> {
  for (;;) {
    try {
      return await save()
    } catch (error) {
      const away = error instanceof VisionError && error.code === 'database.unavailable'
      if (!away || signal.reason instanceof LeaseLost || !mayWait()) throw error
      await delay(saveAgainMs)
    }
  }
}
