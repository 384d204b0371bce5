import { batchCalls } from '../platform/batch-calls.ts'
import type { Database } from './client.ts'

/**
 * Combines concurrent calls on the same database into one query.
 *
 * @param ask answers the combined questions, in order
 */
export function batchQueries<Item, Answer>(
  ask: (database: Database, items: readonly Item[]) => Promise<readonly Answer[]>,
): (database: Database, item: Item) => Promise<Answer> {
  const askers = new WeakMap<Database, (item: Item) => Promise<Answer>>()
  return (database, item) => {
    const asker = askers.get(database) ?? batchCalls<Item, Answer>((items) => ask(database, items))
    askers.set(database, asker)
    return asker(item)
  }
}
