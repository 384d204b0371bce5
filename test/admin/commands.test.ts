import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { getOperatorActions } from '../../core/admin/audit-log.ts'
import { pauseClaims, pruneJobs, redriveJobs, resumeClaims } from '../../core/admin/commands.ts'
import { getStatus } from '../../core/admin/status.ts'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { pollQueue } from '../../core/worker/poll.ts'
import { badAnswer, claim, emptyQueue, hour, makeJob, makeJobs, nothingSpent } from '../support/database/jobs.ts'
import { type DatabaseProxy, startProxy } from '../support/database/proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
let proxy: DatabaseProxy
beforeAll(async () => {
  // Its own: tables are renamed.
  database = await createTestDatabase()
  proxy = await startProxy(database.url)
})
beforeEach(async () => {
  await emptyQueue(database)
  for (const table of ['vision_provider_states', 'vision_operator_actions']) await database.sql(`DELETE FROM ${table}`)
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})

const ann = () => ({ database, actor: 'cli:ann' })
const actions = async () =>
  (await getOperatorActions(database, { limit: 100 })).map(({ actor, action, parameters, result, dryRun }) => ({
    actor,
    action,
    parameters,
    result,
    dryRun,
  }))

async function failJobs(count: number): Promise<void> {
  await makeJobs(database, count)
  for (const run of await claim(database, { limit: count })) {
    await failVisionJob(database, run, badAnswer, nothingSpent)
  }
}

test('claiming stops for what needs one provider, or for all, and starts again', async () => {
  await makeJob(database)
  const lanes = async () => (await pollQueue(database)).lanes
  expect(await lanes()).toEqual(['analysis'])
  await pauseClaims(ann(), { provider: 'deepseek' })
  expect(await lanes()).toEqual(['analysis'])
  await pauseClaims(ann(), { provider: 'gemini', reason: 'the bill' })
  await pauseClaims(ann(), { provider: 'gemini', reason: 'a reason that comes later' })
  expect(await lanes()).toEqual([])
  const { claims, providers } = await getStatus(database)
  expect([claims, ...providers].map(({ name, operatorPause: pause }) => [name, pause?.by, pause?.reason])).toEqual([
    ['all', undefined, undefined],
    ['gemini', 'cli:ann', 'the bill'],
    ['deepseek', 'cli:ann', null],
  ])
  expect(await resumeClaims(ann(), { provider: 'gemini' })).toBe(true)
  expect(await lanes()).toEqual(['analysis'])
  await pauseClaims(ann(), { provider: 'all' })
  expect(await lanes()).toEqual([])
  expect(await resumeClaims(ann(), { provider: 'all' })).toBe(true)
  expect(await resumeClaims(ann(), { provider: 'all' }), 'there was nothing to start').toBe(false)
  expect(await actions()).toMatchObject([
    { action: 'resume', parameters: { provider: 'all' }, result: { changed: false } },
    { action: 'resume', parameters: { provider: 'all' }, result: { changed: true } },
    { action: 'pause', parameters: { provider: 'all' } },
    { action: 'resume', parameters: { provider: 'gemini' } },
    { action: 'pause', parameters: { provider: 'gemini', reason: 'a reason that comes later' } },
    { actor: 'cli:ann', action: 'pause', parameters: { provider: 'gemini', reason: 'the bill' }, dryRun: 0 },
    { action: 'pause', parameters: { provider: 'deepseek' }, result: { done: true } },
  ])
})

test('a pause without its row does not happen, nor a row without its pause', async () => {
  await database.sql('ALTER TABLE vision_operator_actions RENAME TO vision_elsewhere')
  try {
    await expect(pauseClaims(ann(), { provider: 'gemini' })).rejects.toThrow()
  } finally {
    await database.sql('ALTER TABLE vision_elsewhere RENAME TO vision_operator_actions')
  }
  const resumed = await getStatus(database)
  expect([resumed.claims, ...resumed.providers].every(({ operatorPause }) => operatorPause === null)).toBe(true)
  await database.sql('ALTER TABLE vision_provider_states RENAME TO vision_elsewhere')
  try {
    await expect(pauseClaims(ann(), { provider: 'gemini' })).rejects.toThrow()
  } finally {
    await database.sql('ALTER TABLE vision_elsewhere RENAME TO vision_provider_states')
  }
  expect(await actions()).toEqual([])
})

test('a redrive leaves one row, dry or not: what was asked for, and what came of it', async () => {
  await failJobs(3)
  const filter = { code: 'analysis.', since: new Date('2026-01-01T00:00:00Z'), userId: 'user-1' }
  const options = { limit: 2, lifeMs: hour }
  await redriveJobs(ann(), filter, { ...options, dryRun: true })
  const { sample } = await redriveJobs(ann(), filter, { ...options, dryRun: false })
  const parameters = { code: 'analysis.', since: '2026-01-01T00:00:00.000Z', userId: 'user-1', limit: 2 }
  const result = { jobs: 2, sample, more: true, done: true }
  expect(await actions()).toEqual([
    { actor: 'cli:ann', action: 'redrive', parameters, result, dryRun: 0 },
    { actor: 'cli:ann', action: 'redrive', parameters, result, dryRun: 1 },
  ])
})

test('a prune leaves one row, dry or not', async () => {
  await failJobs(3)
  await database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL 50 HOUR')
  await pruneJobs(ann(), { olderThanDays: 2, dryRun: true })
  await pruneJobs(ann(), { olderThanDays: 2, dryRun: false })
  const row = { actor: 'cli:ann', action: 'prune', parameters: { olderThanDays: 2 } }
  const result = { jobs: 3, more: false, done: true }
  expect(await actions()).toEqual([
    { ...row, result, dryRun: 0 },
    { ...row, result, dryRun: 1 },
  ])
})

test('of a command that was cut off in the middle the row tells what it had done', async () => {
  await failJobs(250)
  let transactions = 0
  // It is gone after the row and the first batch.
  const dying: Database = {
    ...database,
    transact: (work, landed) => database.transact(work, landed).finally(() => transactions++),
    run: (work) => (transactions < 2 ? database.run(work) : Promise.reject(new Error('gone'))),
  }
  const whole = redriveJobs({ database: dying, actor: 'bob' }, {}, { dryRun: false, lifeMs: hour, limit: 200 })
  await expect(whole).rejects.toThrow('gone')
  expect(await actions()).toMatchObject([{ actor: 'bob', result: { jobs: 200, done: false } }])
})

test.each(['lost', 'answer lost'] as const)('a pause whose COMMIT is %s holds, and its row is there', async (fault) => {
  const proxied = openDatabase(proxy.url(database.url), { connections: 1, random: () => 0 })
  try {
    proxy.failNextCommit(fault)
    await pauseClaims({ database: proxied, actor: 'ann' }, { provider: 'all' })
  } finally {
    await proxied.close()
  }
  expect((await getStatus(database)).claims.operatorPause?.by).toBe('ann')
  expect((await actions())[0]).toMatchObject({ action: 'pause' })
})
