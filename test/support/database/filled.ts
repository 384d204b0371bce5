import type { DatabaseOptions } from '../../../core/database/client.ts'
import { type Looker, openLooker } from './looker.ts'
import { type DatabaseProxy, openProxied, type ProxiedDatabase } from './proxy.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

/** A database of a file's own, filled by the thousand, with what looks at the product's statements there. */
export interface FilledDatabase {
  readonly direct: TestDatabase
  /** As the product opens it. */
  readonly through: ProxiedDatabase
  /** Of `through`: it has the statements. */
  readonly proxy: DatabaseProxy
  readonly looker: Looker
  drop(): Promise<void>
}

/** @param fill makes the rows, before anything looks */
export async function createFilled(
  fill: (direct: TestDatabase) => Promise<unknown>,
  options?: Partial<DatabaseOptions>,
): Promise<FilledDatabase> {
  const direct = await createTestDatabase()
  await fill(direct)
  const through = await openProxied(direct.url, options)
  const looker = await openLooker(direct.url)
  return {
    direct,
    through,
    proxy: through.proxy,
    looker,
    drop: async () => {
      await looker.close()
      await through.close()
      await direct.drop()
    },
  }
}
