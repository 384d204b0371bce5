import { setTimeout as delay } from 'node:timers/promises'
import { VisionError } from '../domain/errors.ts'
import { LeaseLost } from '../domain/run.ts'
import type { ExecuteOptions } from './execute-options.ts'

/** How long a database in trouble is left alone before something is saved again, in milliseconds. */
const saveAgainMs = 1_000

/**
 * Saves, and again for as long as there is time: an answer that was paid for is not thrown away because the database is in
 * trouble. The fence detects another run that took the job meanwhile.
 *
 * @throws VisionError `database.unavailable` when the time is over
 */
export async function persist<T>(
  save: () => Promise<T>,
  { mayWait, signal }: Pick<ExecuteOptions, 'mayWait' | 'signal'>,
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
