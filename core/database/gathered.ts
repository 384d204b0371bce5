import { together } from '../platform/together.ts'
import type { Database } from './client.ts'

/**
 * A question to the database that is put once for all who ask it at the same time, on the same database.
 *
 * @param ask answers what was asked, in that order
 */
export function gathered<Item, Answer>(
  ask: (database: Database, items: readonly Item[]) => Promise<readonly Answer[]>,
): (database: Database, item: Item) => Promise<Answer> {
  const askers = new WeakMap<Database, (item: Item) => Promise<Answer>>()
  return (database, item) => {
    const asker = askers.get(database) ?? together<Item, Answer>((items) => ask(database, items))
    askers.set(database, asker)
    return asker(item)
  }
}
