import { expect } from 'vitest'
import { pauseClaims } from '../../core/admin/commands.ts'
import { pseudonymiseActions } from '../../core/admin/pseudonymise-actions.ts'
import type { Database } from '../../core/database/client.ts'
import { ensureUsers } from '../../core/queue/rows/users.ts'
import { test } from '../support/database/test.ts'

const user = 'erin@example.com'
/** Three pages of what is read at once. */
const actions = 1_500

test('the audit log is read once, however often an erasure is cut off, and what came meanwhile is found', async ({
  db,
}) => {
  await db.sql(
    `INSERT INTO vision_operator_actions (actor, action, parameters, result, dry_run, at)
      SELECT 'olga', 'pause', IF(n % 500, '{}', ?), '{}', 0, UTC_TIMESTAMP(3) - INTERVAL 2 HOUR FROM (WITH RECURSIVE s AS
        (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < ${actions / 2}) SELECT n FROM s) AS numbers,
        (SELECT 1 UNION SELECT 2) AS twice`,
    [JSON.stringify({ reason: `for ${user}` })],
  )
  await db.run((on) => ensureUsers(on, [user]))
  const named = async () => {
    const found = await db.sql('SELECT id FROM vision_operator_actions WHERE parameters LIKE ?', [`%${user}%`])
    return found.length
  }
  /** Pseudonymises, and returns how many rows were read; killed before a statement of this number, if there is one. */
  const readsOf = async (killedAt = Number.POSITIVE_INFINITY) => {
    let [rows, statements] = [0, 0]
    const counting: Database = {
      ...db,
      run: async (work) => {
        if (++statements === killedAt) throw new Error('killed')
        const found = await db.run(work)
        if (Array.isArray(found)) rows += found.length
        return found
      },
    }
    await pseudonymiseActions(counting, user, 'erased-1').catch(({ message }) => expect(message).toBe('killed'))
    return rows
  }
  expect(await named()).toBe(2)
  const first = await readsOf(7)
  expect(first).toBeGreaterThan(500)
  const second = await readsOf()
  // One page may have been read without its having been noted.
  expect(first + second).toBeLessThan(actions + 500 + 10)
  expect(await named()).toBe(0)

  await pauseClaims({ database: db, actor: user }, { provider: 'all', reason: `${user} looks` })
  expect(await named()).toBe(1)
  expect(await readsOf()).toBeLessThan(10)
  expect(await named()).toBe(0)
  expect(await db.sql("SELECT actor FROM vision_operator_actions WHERE actor <> 'olga'")).toEqual([
    { actor: 'erased-1' },
  ])
})
