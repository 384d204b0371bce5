import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createTestApi, type TestApi } from '../support/api/test-api.ts'
import { type DatabaseProxy, startProxy } from '../support/database/proxy.ts'
import { createTestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { type Coverage, watchCoverage } from './coverage.ts'
import { normalize } from './normalize.ts'
import { makeEveryTour } from './tours.ts'

// docs/statements.sql is every statement of the product, as a proxy before the server saw it. What changes the file is a
// change of SQL, and asks to be read against docs/vitess.md: npm test -- test/statements -u writes it.

const file = join(import.meta.dirname, '../../docs/statements.sql')
const head = [
  '-- Every statement that the product sends, but for migrations. Written by a test: npm test -- test/statements -u',
  '-- A value is ?, and … stands for more of what is before it. What Vitess makes of them: see vitess.md.',
]

let proxy: DatabaseProxy
let api: TestApi
let services: TestServices
let coverage: Coverage
beforeAll(async () => {
  proxy = await startProxy(inject('databaseServer'))
  api = await createTestApi({ database: await createTestDatabase({ through: proxy.url }) })
  services = await startTestServices()
  coverage = await watchCoverage()
  await makeEveryTour({ api, proxied: api, proxy, services })
}, 120_000)
afterAll(async () => {
  await services.stop()
  await api.drop()
  await api.database.drop()
  await proxy.close()
})

test('every statement is in docs/statements.sql, and no other', async () => {
  const forms = new Set(proxy.statements.map(normalize))
  // Sent when a statement takes too long, as on a busy machine.
  const sorted = [...forms].filter((form) => !form.startsWith('KILL')).toSorted(byText)
  await expect([...head, ...sorted.map((form) => `${form};`), ''].join('\n')).toMatchFileSnapshot(file)
})

/** By the text without regard to case, whatever the locale. */
function byText(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()]
  return a < b ? -1 : a > b ? 1 : one < other ? -1 : 1
}

test('no function that writes SQL is left out of it', async () => {
  expect(await coverage.unreached()).toEqual([])
})
