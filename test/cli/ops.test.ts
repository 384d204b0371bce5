import { readdir, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, inject, vi } from 'vitest'
import { operate } from '../../cli/operate.ts'
import { createKeyCheck } from '../../core/keys/check.ts'
import { failVisionJob } from '../../core/queue/settle/settle.ts'
import { migrateDatabase } from '../../drizzle/migrate.ts'
import { startScript, temporaryFolder } from '../dev/child-processes.ts'
import { badAnswer, claim, makeJobs, nothingSpent, statusOf } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database/test-database.ts'
import { putServerData } from '../support/dev/server-data.ts'
import { runHere, runProcess } from './run-command.ts'

// Some start processes, one after the other.
vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const environment = (env: Record<string, string>) => ({
  PATH: process.env.PATH,
  DATA_DIR: '/nowhere',
  DATABASE_URL: database.url,
  ...env,
})

const { signal } = new AbortController()
const ops = (args: string[], env: Record<string, string> = {}) =>
  runHere((given, terminal) => operate(given, terminal, signal), args, environment(env))
const opsProcess = (args: string[], env: Record<string, string> = {}) => runProcess('ops.ts', args, environment(env))

async function failJobs(count: number): Promise<number[]> {
  const ids = await makeJobs(database, count)
  for (const run of await claim(database, { limit: count })) {
    await failVisionJob(database, run, badAnswer, nothingSpent)
  }
  return ids
}

test('status shows everything in tables, and with --json what the API answers', async () => {
  await failJobs(2)
  await makeJobs(database, 3)
  const { code, output } = await ops(['status'])
  expect(code).toBe(0)
  for (const line of [
    /claiming: running/,
    /^pending +3$/m,
    /^failed +2$/m,
    /^oldest due job: waits for \d+ s$/m,
    /^gemini +closed +0 +0 +0$/m,
    /^5 min +0 +0\.0/m,
    /^0 running, 0 live streams$/m,
  ]) {
    expect(output).toMatch(line)
  }
  const { queue } = JSON.parse((await ops(['status', '--json'])).output)
  expect(queue.depth).toContainEqual({ status: 'pending', jobs: 3, atLeast: false })
})

test('failures, the jobs of one code, and one of them with the raw reason', async () => {
  await database.sql('DELETE FROM vision_failures')
  expect((await ops(['failures', '--days', '1'])).output).toBe('No job has failed within today (UTC).\n')
  const [first = 0, second = 0] = await failJobs(2)
  expect((await ops(['failures'])).output).toMatch(
    new RegExp(`^analysis\\.invalid_answer +analysis +2 +1 +20\\S+Z +20\\S+Z +job ${second}$`, 'm'),
  )
  expect((await ops(['failures'])).output).toMatch(
    new RegExp(`npm run ops -- job ${second}\nOnce .*: npm run ops -- redrive --code analysis\\.invalid_answer\n$`),
  )
  const page = await ops(['jobs', '--code', 'analysis.', '--status', 'failed,cancelled', '--limit', '1'])
  expect(page.output).toMatch(new RegExp(`^ *${second} +failed +- +analysis\\.invalid_answer +1 +user-1 `, 'm'))
  expect(page.output).toMatch(new RegExp(`^More: --before ${second}$`, 'm'))
  expect((await ops(['jobs', '--before', String(second)])).output).toMatch(new RegExp(`^ *${first} +failed `, 'm'))
  expect((await ops(['jobs', '--user', 'nobody'])).output).toBe('No such jobs.\n')
  await database.sql(`UPDATE vision_job_attempts SET error_detail = 'raw\n\u001b[31mred' WHERE job_id = ?`, [first])
  const { output } = await ops(['job', String(first)])
  expect(output).toMatch(
    new RegExp(`^job ${first} of user-1: failed, analysis\\.invalid_answer: The answer did not fit`),
  )
  expect(output).toMatch(/^ *1 +failed +analysis +analysis\.invalid_answer /m)
  expect(output).toMatch(/^run 1: raw \[31mred$/m)
  expect(JSON.parse((await ops(['job', String(first), '--json'])).output).attempts).toHaveLength(1)
  expect(await ops(['job', '999999'])).toMatchObject({ code: 1, output: 'job.not_found: There is no such job.\n' })
})

test('minutes, and what they add up to', async () => {
  expect((await ops(['minutes'])).output).toBe('No worker has reported anything.\n')
  const stats = {
    cost: 1.5e9,
    durations: { waiting: [0, 0, 3, 1], image: [], analysis: [], content: [] },
    failed: { 'image.not_found': 2 },
  }
  await database.sql(
    "INSERT INTO vision_worker_minutes (minute, worker_id, completed, failed, stats) VALUES (UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE, 'w', 4, 2, ?)",
    [JSON.stringify(stats)],
  )
  const { output } = await ops(['minutes', '--minutes', '5'])
  expect(output).toMatch(/^all +- +4 +0 +2 +0 +0 +200 ms\/350 ms +- +- +\$1\.5000 +image\.not_found × 2$/m)
  expect((await ops(['status'])).output).toMatch(/^5 min +200 ms\/350 ms +- +- +- +\$1\.5000 +image\.not_found × 2$/m)
  await database.sql('DELETE FROM vision_worker_minutes')
})

test('pause and resume, and who did it is in the audit', async () => {
  const actor = `cli:${userInfo().username}`
  const paused = await ops(['pause', '--provider', 'deepseek', '--reason', 'their bill'])
  expect(paused.output).toMatch(new RegExp(`^deepseek +paused by ${actor} at 20.*Z: their bill$`, 'm'))
  expect(paused.output).toMatch(/^all +running$/m)
  expect((await ops(['status'])).output).toMatch(/^deepseek +paused by .*Z: their bill /m)
  expect((await ops(['resume', '--provider', 'deepseek'])).output).toMatch(/^deepseek +closed$/m)
  // Of this pause nobody said why, and of the one before it no longer matters.
  expect((await ops(['pause', '--provider', 'deepseek'])).output).toMatch(/^deepseek +paused by \S+ at \S+Z$/m)
  await ops(['resume', '--provider', 'deepseek'])
  expect((await ops(['pause'])).output).toMatch(/^all +paused by/m)
  const { output } = await ops(['actions'])
  expect(output).toMatch(new RegExp(`${actor} +pause +{"provider":"deepseek","reason":"their bill"}`))
  const { actions } = JSON.parse((await ops(['actions', '--limit', '2', '--json'])).output)
  expect(actions).toMatchObject([
    { actor, action: 'pause', parameters: { provider: 'all' } },
    { actor, action: 'resume' },
  ])
})

test('redrive counts, and with --yes it does it', async () => {
  const [first = 0, second = 0] = await failJobs(2)
  const args = ['redrive', '--code', 'analysis.', '--user', 'user-1', '--since', '2026-01-01T00:00:00Z']
  const dry = await ops(args)
  expect(dry.output).toBe(`Would be redriven: 2 jobs (${first}, ${second}).\nNothing was changed; --yes does it.\n`)
  expect(await statusOf(database, first)).toBe('failed')
  await database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL 3 HOUR WHERE id = ?', [first])
  expect((await ops(['redrive', '--since', '2h'])).output).toMatch(`Would be redriven: 1 job (${second})`)
  expect((await ops([...args, '--limit', '1', '--yes'])).output).toMatch(
    new RegExp(`^Redriven: 1 job \\(${first}\\)\\.\nThere may be more: go on with --since 20.*Z\\.\n$`),
  )
  expect((await ops([...args, '--yes', '--json'])).output).toMatch(/"jobs": 1/)
  expect([await statusOf(database, first), await statusOf(database, second)]).toEqual(['scheduled', 'scheduled'])
})

test('prune counts, and with --yes it does it', async () => {
  const [first = 0] = await failJobs(1)
  await database.sql('UPDATE vision_jobs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL 20 DAY')
  expect((await ops(['prune'])).output).toBe('Would be deleted: 0 jobs that ended more than 30 days ago.\n')
  expect((await ops(['prune'], { JOB_RETENTION_DAYS: '10' })).output).toMatch(/^Would be deleted: 1 job .* 10 days ago/)
  expect((await ops(['prune', '--older-than-days', '15', '--yes'])).output).toBe(
    'Deleted: 1 job that ended more than 15 days ago.\n',
  )
  expect(await statusOf(database, first)).toBe('deleted')
})

test.each([['--help'], ['status', '-h']])('%s prints the usage and touches nothing', async (...args) => {
  const { code, output } = await ops(args, { DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none' })
  expect(code).toBe(0)
  expect(output).toMatch(/^Operates the queue[\s\S]*Usage: npm run ops[\s\S]*redrive[\s\S]*--yes/)
})

test('the runbook shows the status with the tables that it has', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
  const [, shown = ''] = /ops -- status\n([\s\S]*?)\n\$ /.exec(page) ?? []
  const headsOf = (text: string) =>
    text.split('\n').flatMap((line) => (/^(?:queue|provider|within) /.test(line) ? [line.replaceAll(/ +/g, ' ')] : []))
  const heads = headsOf((await ops(['status'])).output)
  expect(heads).toHaveLength(4)
  expect(headsOf(shown)).toEqual(heads)
})

test('every command that the runbook names is there, with its options', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
  const { output: help } = await ops(['--help'])
  const named = [...page.matchAll(/npm run (?:-s )?ops -- (\w+)([^`#\n]*)/g)]
  expect(named.length).toBeGreaterThan(20)
  for (const [line, verb, rest = ''] of named) {
    expect(help, line).toMatch(new RegExp(`^  ${verb} `, 'm'))
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(help, line).toMatch(new RegExp(`^  ${option} `, 'm'))
  }
})

describe('what is not understood is told before a database is asked', () => {
  test.each([
    [['destroy'], "not 'destroy'"],
    [['status', '--yes'], 'status does not take --yes'],
    [['pause', '--provider', 'openai'], "not 'openai'"],
    [['redrive', '--until', '2026-11-23T12:00:00'], '--until must be how long ago, like 30m, 2h or 1d'],
    [['redrive', '--since', '90s'], "not '90s'"],
    [['redrive', '--code', 'analysis'], '--code must be a code like'],
    [['prune', '--older-than-days', 'a week'], '--older-than-days must be'],
    [['prune', '--force'], '--force'],
    [['jobs', '--status', 'failed,broken'], "not 'broken'"],
    [['jobs', '--batch', 'five'], '--batch must be'],
    [['job'], 'job needs the id of a job'],
    [['job', 'x'], 'job needs the id of a job'],
    [['failures', '--days', '32'], '--days must be at most 31'],
    [['status', '21'], "not 'status 21'"],
  ])('%j', async (args, says) => {
    const { code, output } = await ops(args, { DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none' })
    expect([code, output]).toEqual([2, expect.stringContaining(says)])
    expect(output).not.toContain('    at ')
    expect(output.split('\n').length, 'the error stays in sight').toBeLessThan(4)
  })
})

test('a command that is not understood ends its process with 2', async () => {
  expect(await opsProcess(['destroy'])).toMatchObject({ code: 2, output: expect.stringContaining("not 'destroy'") })
})

test('a database that is not there is told in one line, without its password', async () => {
  const url = `mysql://nobody:hunter2@${new URL(inject('databaseServer')).host}/vision`
  for (const bad of [url, 'mysql://nobody:hunter2@127.0.0.1:1/vision']) {
    const { code, output } = await ops(['status'], { DATABASE_URL: bad })
    expect([code, output.trim().split('\n')]).toEqual([1, [expect.any(String)]])
    expect(output).not.toContain('hunter2')
  }
})

test('a data folder that is not there, or holds no database, is named and left alone', async () => {
  const folder = await temporaryFolder()
  for (const mistyped of [join(folder, 'dtaa'), folder]) {
    const { code, output } = await ops(['status'], { DATABASE_URL: '', DATA_DIR: mistyped })
    expect([code, output]).toEqual([1, expect.stringMatching(new RegExp(`${mistyped}\\. Correct DATA_DIR`))])
  }
  expect(await readdir(folder)).toEqual([])
})

test('a database without our tables is told how to get them', async () => {
  const { url, drop } = await createEmptyDatabase()
  const { code, output } = await ops(['status'], { DATABASE_URL: url })
  await drop()
  expect([code, output]).toEqual([1, 'The database has not been migrated: run npm run db:migrate.\n'])
})

test('without DATABASE_URL it is the database of the data folder, whether the stack runs or not', {
  tags: 'long',
}, async () => {
  const folder = join(await temporaryFolder(), 'data')
  await putServerData(folder)
  const holder = startScript('hold-database.ts', [folder])
  await migrateDatabase(await holder.says(/(mysql:\S+)\s/))
  const running = await opsProcess(['pause', '--reason', 'it runs'], { DATABASE_URL: '', DATA_DIR: folder })
  expect(running.output).toMatch(/^all +paused by/m)
  holder.child.kill('SIGTERM')
  await holder.end
  const { code, output } = await ops(['actions'], { DATABASE_URL: '', DATA_DIR: folder })
  expect([code, output]).toEqual([0, expect.stringContaining('it runs')])
})

test('cancel counts first, and cancels with --yes what has not ended; the audit log says who', async () => {
  const failed = await failJobs(1)
  const ids = await makeJobs(database, 3)
  const [job] = await database.sql('SELECT user_id FROM vision_jobs WHERE id = ?', [ids[0]])
  const user = String(job?.user_id)
  expect((await ops(['cancel', '--yes'])).code).toBe(2)
  const dry = await ops(['cancel', '--user', user])
  expect(dry.output).toMatch(/^Would be cancelled: 3 jobs \(.*\)\.\nNothing was changed; --yes does it\.$/m)
  for (const id of ids) expect(await statusOf(database, id)).toBe('pending')
  expect(JSON.parse((await ops(['cancel', '--user', user, '--yes', '--limit', '2', '--json'])).stdout)).toMatchObject({
    dryRun: false,
    jobs: 2,
    more: true,
  })
  expect((await ops(['cancel', '--user', user, '--yes'])).output).toMatch(/^Cancelled: 1 job /)
  for (const id of ids) expect(await statusOf(database, id)).toBe('cancelled')
  expect(await statusOf(database, failed[0] ?? 0)).toBe('failed')
  const { actions } = JSON.parse((await ops(['actions', '--json'])).stdout)
  const actor = `cli:${userInfo().username}`
  expect(actions).toMatchObject([
    { actor, action: 'cancel', dryRun: false, parameters: { userId: user }, result: { jobs: 1, done: true } },
    { actor, action: 'cancel', dryRun: false, parameters: { limit: 2 }, result: { jobs: 2, more: true, done: true } },
    { actor, action: 'cancel', dryRun: true, result: { jobs: 3, done: true } },
  ])
})

test('keys makes a key that is shown once, lists and revokes it, and tells the audit log all but the key', async () => {
  const made = await ops(['keys', 'create', '--user', 'kim', '--name', 'Shop server', '--scopes', 'read', '--json'])
  const { keyId, key, scopes, expiresAt } = JSON.parse(made.stdout)
  expect([scopes, expiresAt]).toEqual([['read'], null])
  const check = createKeyCheck(database, { now: Date.now })
  expect(await check(key)).toMatchObject({ userId: 'kim' })
  const listed = await ops(['keys', '--user', 'kim'])
  expect(listed.output).toMatch(new RegExp(`^ *${keyId} +Shop server +vpk_`, 'm'))
  expect(listed.output).not.toContain(key)
  expect((await ops(['keys', 'revoke', String(keyId)])).output).toMatch(/^Revoked/)
  expect((await ops(['keys', 'revoke', String(keyId)])).code).toBe(1)
  expect((await ops(['keys', '--user', 'kim'])).output).toBe('No API keys.\n')
  const { stdout } = await ops(['actions', '--json'])
  expect(stdout).not.toContain(key)
  const { actions } = JSON.parse(stdout)
  expect(actions.map(({ action, result }: { action: string; result: object }) => [action, result])).toEqual([
    ['revoke key', { done: false }],
    ['revoke key', { done: true }],
    ['create key', { done: true, keyId, prefix: expect.any(String) }],
  ])
})

test.each([
  [['keys'], /needs --user/],
  [['keys', 'create', '--user', 'kim'], /needs --name/],
  [['keys', 'create', '--user', 'cli:kim', '--name', 'x'], /--user must be/],
  [['keys', 'create', '--user', 'kim', '--name', 'x', '--scopes', 'all'], /not 'all'/],
  [['keys', 'create', '--user', 'kim', '--name', 'x', '--expires-in-days', '9999'], /expiresInDays/],
  [['keys', 'revoke'], /keys revoke <id>/],
  [['keys', 'revoke', 'x'], /needs the id/],
  [['keys', 'revoke', '3', '--name', 'x'], /does not take --name/],
  [['keys', 'steal'], /Expected keys/],
])('%j is a usage error', async (args, message) => {
  const { code, stderr } = await ops(args)
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
})

test('limits sets what is given and keeps the rest, shows where each comes from, and can end all that was set', async () => {
  const env = { USER_JOBS_PER_DAY: '77', USER_DOLLARS_PER_DAY: '2.5' }
  await ops(['limits', '--user', 'kim', '--jobs-in-flight', '40'], env)
  const { output } = await ops(['limits', '--user', 'kim', '--dollars-a-day', '0.5'], env)
  for (const line of [
    /^jobs in flight +40 +set for this user$/m,
    /^dollars a day +0\.5 +set for this user$/m,
    /^jobs a day +77 +USER_JOBS_PER_DAY$/m,
  ]) {
    expect(output).toMatch(line)
  }
  expect(output).toMatch(/^No job of kim is there: look at the name\.$/m)
  await makeJobs(database, 1)
  expect((await ops(['limits', '--user', 'user-1'])).output).not.toContain('look at the name')
  const shown = JSON.parse((await ops(['limits', '--user', 'kim', '--json'], env)).stdout)
  expect(shown).toMatchObject({ user: 'kim', dollarsPerDay: { value: 0.5, from: 'operator', setting: 2.5 } })
  const reset = await ops(['limits', '--user', 'kim', '--reset', '--jobs-waiting', '3'], env)
  expect(reset.output).toMatch(/^jobs in flight +10 +JOB_IN_FLIGHT_PER_USER$/m)
  expect(reset.output).toMatch(/^jobs waiting +3 +set for this user$/m)
  const { actions } = JSON.parse((await ops(['actions', '--json'])).stdout)
  expect(actions).toHaveLength(3)
  expect(actions[2]).toMatchObject({
    actor: `cli:${userInfo().username}`,
    action: 'set limits',
    parameters: { userId: 'kim', jobsInFlight: 40 },
  })
})

test('limits lets no call wait where none may, and says that the API may have other settings than this machine', async () => {
  const refused = await ops(['limits', '--user', 'kim', '--waits', '10'], { WAITS_PER_USER: '0' })
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/^--waits: WAITS_PER_USER is 0, so no call waits, .* raise WAITS_PER_USER first/m),
  ])
  const { code, output } = await ops(['limits', '--user', 'kim', '--waits', '10'])
  expect(code).toBe(0)
  expect(output).toMatch(/^waits +10 +set for this user$/m)
  expect(output).toMatch(/^Where the API has WAITS_PER_USER=0, .* no call waits all the same\.$/m)
  const shown = await ops(['limits', '--user', 'kim'], { WAITS_PER_USER: '0' })
  expect(shown.output).toMatch(/^waits +0 +WAITS_PER_USER$/m)
  expect(shown.output).not.toContain('all the same')
})

test.each([
  [['limits'], /needs --user/],
  [['limits', '--user', 'kim', '--jobs-in-flight', '0'], /--jobs-in-flight: .*, not '0'/],
  [['limits', '--user', 'kim', '--dollars-a-day', ''], /--dollars-a-day: .*, not ''/],
  [['limits', '--user', 'kim', '--jobs-a-day', 'ten'], /^--jobs-a-day: expected a number, not 'ten'\.$/m],
  [['limits', '--user', 'kim', '--yes'], /does not take --yes/],
])('%j is a usage error of limits', async (args, message) => {
  const { code, stderr } = await ops(args)
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
})
