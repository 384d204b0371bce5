import { expect, inject, test } from 'vitest'
import { createTestApi } from '../support/api/test-api.ts'
import { countReads } from '../support/database/count-reads.ts'
import { startProxy } from '../support/database/proxy.ts'
import { createTestDatabase } from '../support/database/test-database.ts'
import { startTestServices } from '../support/functions/services.ts'
import { fill } from './fill.ts'
import { normalize } from './normalize.ts'
import { makeEveryTour } from './tours.ts'

/** The most that each form of statement reads when everything is done once on a database of so many rows a table. */
async function readsAt(rows: number): Promise<ReadonlyMap<string, number>> {
  const most = new Map<string, number>()
  const proxy = await startProxy(inject('databaseServer'))
  const database = await createTestDatabase({ through: proxy.url })
  const services = await startTestServices()
  const api = await createTestApi({ database })
  try {
    await fill([database.sql], rows)
    const note = (statement: string, reads: number) => {
      const form = normalize(statement)
      most.set(form, Math.max(most.get(form) ?? 0, reads))
    }
    await countReads(note, () => makeEveryTour({ api, proxied: api, proxy, services }))
  } finally {
    await api.drop()
    await services.stop()
    await database.drop()
    await proxy.close()
  }
  return most
}

// The smaller one is larger than what any statement may take.
test('no statement reads more where there is twenty times as much', { tags: 'long', timeout: 600_000 }, async () => {
  const small = await readsAt(5_000)
  const large = await readsAt(100_000)
  const shared = [...small].filter(([form]) => large.has(form))
  // Of the 372 of docs/statements.sql.
  expect(shared.length).toBeGreaterThan(350)
  const grown = shared.flatMap(([form, reads]) => {
    const now = large.get(form) ?? 0
    return now > 2 * reads + 100 ? [`${reads} then ${now}: ${form}`] : []
  })
  expect(grown).toEqual([])
})
