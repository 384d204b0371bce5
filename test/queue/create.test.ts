import { sql } from 'drizzle-orm'
import mysql from 'mysql2/promise'
import { describe, expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import { deleteVisionJob } from '../../core/queue/change/delete.ts'
import { checkNewJobs } from '../../core/queue/create/check-new-jobs.ts'
import { createVisionJob, createVisionJobs } from '../../core/queue/create/create.ts'
import type { CreatedJob } from '../../core/queue/create/idempotency.ts'
import type { NewJob } from '../../core/queue/create/new-job.ts'
import { getUserVisionJobs } from '../../core/queue/read/history.ts'
import { getVisionJob, getVisionJobOutput } from '../../core/queue/read/read.ts'
import { saveAnalysis } from '../../core/queue/settle/settle.ts'
import { claimOne, hour, jobRow, makeJob, noCap, nothingSpent, someJob } from '../support/database/jobs.ts'
import { openProxied } from '../support/database/proxy.ts'
import { test } from '../support/database/test.ts'
import { createTestDatabase, type TestDatabase } from '../support/database/test-database.ts'

let database: TestDatabase
test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const options = { userId: 'user-1', maxRetries: 3, inFlightPerUser: noCap, lifeMs: hour }
const hash = (letter: string) => letter.repeat(64)
const keyed = (key: string, requestHash = hash('a')) => ({ ...someJob, idempotency: { key, requestHash } })
const countOf = async () => Number((await database.sql('SELECT COUNT(*) AS n FROM vision_jobs'))[0]?.n)

test('a new job is pending, as it was asked for', async () => {
  const metadata = { campaign: 'spring' }
  const { jobId, replayed } = await createVisionJob(
    database,
    { ...someJob, metadata, idempotency: { key: 'k', requestHash: hash('f') } },
    options,
  )
  expect(replayed).toBe(false)
  const { job, outputs } = await getVisionJob(database, { jobId, userId: 'user-1' })
  expect(job).toMatchObject({
    ...someJob,
    imageId: null,
    metadata,
    idempotencyKey: 'k',
    requestHash: hash('f'),
    status: 'pending',
    nextStep: 'analysis',
    version: 1,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: 3,
    startedAt: null,
    finishedAt: null,
  })
  expect(job.createdAt).toEqual(job.updatedAt)
  expect(Math.abs(job.createdAt.getTime() - Date.now())).toBeLessThan(60_000)
  expect(outputs).toEqual([])
})

describe('a batch', () => {
  test('is created whole and in order', async () => {
    const jobs = Array.from({ length: 25 }, (_, n) => ({ ...someJob, analysisPurpose: `purpose ${n}` }))
    const created = await createVisionJobs(database, jobs, options)
    const { jobs: rows } = await getUserVisionJobs(database, { userId: 'user-1', limit: 100 })
    expect(rows.map((row) => row.analysisPurpose)).toEqual(jobs.map((job) => job.analysisPurpose).reverse())
    expect(rows.map((row) => row.id)).toEqual(created.map(({ jobId }) => jobId).reverse())
  })

  test('with one job that the database refuses creates none of them', async () => {
    const tooLong = { ...someJob, analysisPurpose: 'x'.repeat(2_001) }
    await expect(createVisionJobs(database, [someJob, someJob, tooLong], options)).rejects.toThrow()
    expect(await countOf()).toBe(0)
  })

  test('with one key that was used for another request creates none of them', async () => {
    await createVisionJob(database, keyed('used'), options)
    await expect(createVisionJobs(database, [someJob, keyed('used', hash('b'))], options)).rejects.toMatchObject({
      code: 'idempotency.mismatch',
    })
    expect(await countOf()).toBe(1)
  })

  test('that names a key twice has one job under it, and that of before where there is one', async () => {
    const [before] = await createVisionJobs(database, [keyed('old')], options)
    const created = await createVisionJobs(database, [keyed('new'), keyed('old'), keyed('new')], options)
    expect(created.map(({ replayed }) => replayed)).toEqual([false, true, true])
    expect(created[1]?.jobId).toBe(before?.jobId)
    expect(created[2]?.jobId).toBe(created[0]?.jobId)
    expect(await countOf()).toBe(2)
  })

  test('of one job takes ten statements, the quotas and the budget of its user among them', async () => {
    const through = await openProxied(database.url)
    const { proxy } = through
    const limits = { jobsPerDay: 10, jobsWaiting: 10, costPerDay: 1e12 }
    try {
      await createVisionJob(through, someJob, { ...options, limits })
      proxy.statements.length = 0
      await createVisionJob(through, someJob, { ...options, limits })
      expect(proxy.statements.filter((one) => one.includes('weekCost'))).toHaveLength(1)
      expect(proxy.statements, proxy.statements.join('\n')).toHaveLength(10)
    } finally {
      await through.close()
    }
  })

  test('of 100 with keys and images takes as many statements as one of two', async () => {
    const through = await openProxied(database.url)
    const { proxy } = through
    const batch = async (name: string, count: number) => {
      const values = Array.from({ length: count }, (_, n) => [name + n, 'user-1', 'stored', 'png', 1, 1, 1, new Date()])
      await database.sql(
        `INSERT INTO vision_images (sha256, user_id, state, type, bytes, width, height, created_at) VALUES ?`,
        [values],
      )
      const images = await database.sql('SELECT id FROM vision_images WHERE sha256 LIKE ? ORDER BY id', [`${name}%`])
      return images.map(({ id }, n) => ({ ...keyed(`${name}-${n}`), imageId: Number(id) }))
    }
    const statementsOf = async (jobs: readonly NewJob[]) => {
      proxy.statements.length = 0
      const created = await createVisionJobs(through, jobs, options)
      return { created, statements: [...proxy.statements] }
    }
    try {
      await makeJob(through)
      const small = await statementsOf(await batch('small', 2))
      const jobs = await batch('big', 100)
      const big = await statementsOf(jobs)
      expect(big.statements.length).toBe(small.statements.length)
      expect(big.statements.length).toBeLessThanOrEqual(14)
      const keys = await database.sql(
        'SELECT id, idempotency_key AS k, image_id AS i FROM vision_jobs WHERE id IN (?)',
        [big.created.map(({ jobId }) => jobId)],
      )
      const byId = new Map(keys.map(({ id, k, i }) => [id, { k, i }]))
      expect(big.created.map(({ jobId }) => byId.get(jobId))).toEqual(
        jobs.map(({ idempotency, imageId }) => ({ k: idempotency.key, i: imageId })),
      )
      const again = await statementsOf(jobs)
      expect(again.created).toEqual(big.created.map((job) => ({ ...job, replayed: true })))
      expect(again.statements.length).toBeLessThan(big.statements.length)
    } finally {
      await through.close()
    }
  })

  test('has its ids with any auto-increment step, and with concurrent inserts', async () => {
    const stepping = await createTestDatabase({ connections: 4 })
    try {
      // Every connection of the pool, each of which keeps it.
      const sleeping = Array.from({ length: 4 }, () =>
        stepping.transact(async (tx) => {
          await tx.execute(sql`SET SESSION auto_increment_increment = 7`)
          await tx.execute(sql`SELECT SLEEP(0.2)`)
        }),
      )
      await Promise.all(sleeping)
      const batches = Array.from({ length: 6 }, (_, user) => ({
        userId: `user-${user}`,
        jobs: Array.from({ length: 30 }, (_, n) => ({ ...someJob, analysisPurpose: `${user} ${n}` })),
      }))
      const created = await Promise.all(
        batches.map(({ userId, jobs }) => createVisionJobs(stepping, jobs, { ...options, userId })),
      )
      const rows = await stepping.sql('SELECT id, analysis_purpose AS purpose FROM vision_jobs')
      const purposes = new Map(rows.map(({ id, purpose }) => [id, purpose]))
      for (const [user, { jobs }] of batches.entries()) {
        expect(created[user]?.map(({ jobId }) => purposes.get(jobId))).toEqual(jobs.map((job) => job.analysisPurpose))
      }
      const ids = created.flat().map(({ jobId }) => jobId)
      expect(new Set(ids.map((id) => id % 7)).size, 'the step was 7').toBe(1)
    } finally {
      await stepping.drop()
    }
  })

  test('with one image that was swept creates none of them', async () => {
    await expect(
      createVisionJobs(database, [someJob, { ...someJob, imageId: 1_000_000 }], options),
    ).rejects.toMatchObject({
      code: 'storage.unavailable',
    })
    expect(await countOf()).toBe(0)
  })

  test('names every key of another request, also one that the batch itself has used before', async () => {
    await createVisionJob(database, keyed('used'), options)
    const batch = [keyed('used', hash('b')), keyed('new'), keyed('used'), keyed('new', hash('c'))]
    await expect(createVisionJobs(database, batch, options)).rejects.toMatchObject({
      jobs: [{ index: 0 }, { index: 3 }],
    })
    expect(await countOf()).toBe(1)
  })

  test('is refused before its images are stored for what its creation would refuse', async () => {
    await createVisionJob(database, keyed('old'), options)
    const limits = { jobsPerDay: 3, jobsWaiting: 100, costPerDay: undefined }
    const waits = ['resetSeconds', 'retryAfterMs']
    // But for how long there is to wait: a second may pass in between.
    const refusalOf = async (doing: Promise<unknown>) => {
      const error = await doing.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(VisionError)
      return JSON.parse(JSON.stringify(error), (key, value) => (waits.includes(key) ? undefined : value))
    }
    const refusals = [
      [keyed('old'), keyed('x', hash('a')), keyed('x', hash('b')), keyed('old ', hash('b'))],
      [keyed('x'), keyed('x'), someJob, someJob],
    ]
    for (const jobs of refusals) {
      const ofCreation = await refusalOf(createVisionJobs(database, jobs, { ...options, limits }))
      expect(ofCreation).toMatchObject({ code: expect.any(String) })
      expect(await refusalOf(checkNewJobs(database, 'user-1', jobs, limits))).toEqual(ofCreation)
    }
    // Two new ones, with the one of before, are what a day takes.
    await checkNewJobs(database, 'user-1', [keyed('old'), keyed('x'), keyed('x'), someJob], limits)
  })

  test('of none is none', async () => {
    expect(await createVisionJobs(database, [], options)).toEqual([])
  })
})

describe('an idempotency key', () => {
  test('used twenty times at once makes one job and twenty equal answers', async () => {
    const created = await Promise.all(Array.from({ length: 20 }, () => createVisionJob(database, keyed('k'), options)))
    expect(new Set(created.map(({ jobId }) => jobId)).size).toBe(1)
    expect(created.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await countOf()).toBe(1)
  })

  test('in batches at once that name the same keys in opposite order makes one job each', async () => {
    const keys = ['a', 'b', 'c', 'd'].map((key) => keyed(key))
    const created = await Promise.all(
      Array.from({ length: 8 }, (_, n) => createVisionJobs(database, n % 2 ? keys : [...keys].reverse(), options)),
    )
    expect(await countOf()).toBe(4)
    const ids = created.map((jobs) =>
      jobs
        .map(({ jobId }) => jobId)
        .sort()
        .join(),
    )
    expect(new Set(ids).size).toBe(1)
  })

  test('of a deleted job makes a new one', async () => {
    const first = await createVisionJob(database, keyed('k'), options)
    await deleteVisionJob(database, { jobId: first.jobId, userId: 'user-1' })
    const second = await createVisionJob(database, keyed('k'), options)
    expect(second.replayed).toBe(false)
    expect(second.jobId).not.toBe(first.jobId)
  })

  test('that a concurrent call is using is waited for, and taken when that call fails or deletes', async () => {
    await makeJob(database)
    const other = await mysql.createConnection(database.url)
    for (const ending of ['ROLLBACK', 'COMMIT', 'DELETE']) {
      await other.query('BEGIN')
      await other.query("SELECT * FROM vision_users WHERE user_id = 'user-1' FOR UPDATE")
      await other.query(
        `INSERT INTO vision_jobs (user_id, status, max_retries, image_url, analysis_purpose, output_format, language,
           idempotency_key, request_hash, created_at, updated_at, expires_at)
         VALUES ('user-1', 'pending', 3, 'u', 'p', 'o', 'en', ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
        [ending, hash('a')],
      )
      const created: Promise<CreatedJob> = createVisionJob(database, keyed(ending), options)
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (ending === 'DELETE') await other.query('DELETE FROM vision_jobs WHERE idempotency_key = ?', [ending])
      await other.query(ending === 'ROLLBACK' ? 'ROLLBACK' : 'COMMIT')
      expect(await created, ending).toMatchObject({ replayed: ending === 'COMMIT' })
    }
    await other.end()
    expect(await countOf()).toBe(4)
  })

  test('is of one user, and minds its case', async () => {
    const created = await Promise.all([
      createVisionJob(database, keyed('k'), options),
      createVisionJob(database, keyed('K'), options),
      createVisionJob(database, keyed('k'), { ...options, userId: 'user-2' }),
      createVisionJob(database, keyed('k'), { ...options, userId: 'User-1' }),
    ])
    expect(created.map(({ replayed }) => replayed)).toEqual([false, false, false, false])
    expect(new Set(created.map(({ jobId }) => jobId)).size).toBe(4)
  })

  test('is the same with a space after it, in the ascii_bin of every server: callers must let none in', async () => {
    const { jobId } = await createVisionJob(database, keyed('k'), options)
    expect(await createVisionJob(database, keyed('k '), options)).toEqual({ jobId, replayed: true })
    expect((await getVisionJob(database, { jobId, userId: 'user-1 ' })).job.id).toBe(jobId)
  })

  test('is found again whatever the job has come to', async () => {
    const { jobId } = await createVisionJob(database, keyed('k'), options)
    await claimOne(database)
    const before = await jobRow(database, jobId)
    expect(await createVisionJob(database, keyed('k'), options)).toEqual({ jobId, replayed: true })
    expect(await jobRow(database, jobId)).toEqual(before)
  })
})

test('every character of a purpose comes back as it went', async () => {
  for (const analysisPurpose of [
    '🍕',
    '🍺',
    'ß ẞ ss',
    'İıIi',
    '日本語',
    'it\'s \\ "quoted" `%_`',
    ' a ',
    'a\u0000b\r\n\t',
    'é é',
  ]) {
    const jobId = await makeJob(database, { analysisPurpose })
    const { job } = await getVisionJob(database, { jobId, userId: 'user-1' })
    expect(job.analysisPurpose).toBe(analysisPurpose)
    const found = await database.sql('SELECT id FROM vision_jobs WHERE analysis_purpose = ?', [analysisPurpose])
    expect(
      found.map((row) => row.id),
      'and equals itself alone',
    ).toEqual([jobId])
  }
})

describe('JSON', () => {
  const documents: Record<string, unknown> = {
    'key order': { z: 1, a: 2, m: { y: 1, b: 2 }, 10: 'ten', 9: 'nine' },
    numbers: {
      big: 2 ** 64,
      small: 5e-324,
      negative: -0.1,
      exact: 9007199254740991,
      huge: 1.7976931348623157e308,
    },
    unicode: {
      '🍕': '🍺',
      nul: '\u0000',
      lone: '\ud800',
      separators: '\u2028\u2029',
      quotes: '\'"\\`',
      slash: '</script>',
    },
    nested: { a: [[[[[{ b: [null, true, false, '', {}, []] }]]]]] },
    'a megabyte': { text: 'é'.repeat(500_000) },
  }

  test.each(Object.keys(documents))('%s: metadata is kept byte for byte', async (name) => {
    const metadata = documents[name] as Record<string, unknown>
    const jobId = await makeJob(database, { metadata })
    const row = await jobRow(database, jobId)
    expect(row.metadata).toBe(JSON.stringify(metadata))
    const { job } = await getVisionJob(database, { jobId, userId: 'user-1' })
    expect(JSON.stringify(job.metadata)).toBe(JSON.stringify(metadata))
  })

  test('none is null, and an output of any kind comes back', async () => {
    const jobId = await makeJob(database)
    expect((await getVisionJob(database, { jobId, userId: 'user-1' })).job.metadata).toBeNull()
    await saveAnalysis(database, await claimOne(database), { model: 'm', body: documents }, nothingSpent)
    expect(JSON.stringify(await getVisionJobOutput(database, jobId, 'analysis'))).toBe(JSON.stringify(documents))
    expect(await getVisionJobOutput(database, jobId, 'content')).toBeUndefined()
  })
})
