import { createBatch as create, getBatch as find, listBatches as list } from '../../batches/batches.ts'
import { cancelBatch as cancel, deleteBatch as remove, retryBatch as retry } from '../../batches/change.ts'
import { getResults, getWanted, type ResultJobs } from '../../batches/results.ts'
import { getBatchStates } from '../../batches/state.ts'
import { encodeCursor } from '../../http/cursor.ts'
import { oneKey } from '../../http/idempotency.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { admitNext } from '../jobs/after-change.ts'
import { idempotencyOf } from '../jobs/idempotency.ts'
import { createErrors } from '../jobs/procedures.ts'
import { roomToRetry } from '../jobs/room-to-retry.ts'
import { type Caller, procedure } from '../procedure.ts'
import { addJobs } from './add-jobs.ts'
import { exampleBatch, exampleCreate, exampleRow } from './examples.ts'
import { owned, replyWithBatch } from './reply.ts'
import { headerOf, mediaTypes, rowOf, toCsv, toJsonLines } from './results.ts'
import type {
  AddedJobsView,
  BatchChangeView,
  BatchPageView,
  BatchView,
  ImportedCsvView,
  ResultRow,
  ResultsPageView,
} from './schema.ts'
import { viewBatch } from './view.ts'

const schema = deferred(() => import('./schema.ts'))

/** How large a page of results may be as JSON. */
const maxPageBytes = 4_000_000
/** How long a call works through the jobs of a batch, in milliseconds: well below a function's time limit. */
const changingMs = 15_000

/** Many jobs that are followed, and changed, as one. */
export const batches = {
  name: 'batches',
  description: 'Many jobs that are followed, and changed, as one.',
  procedures: {
    createBatch: procedure
      .meta({
        rest: 'POST /v1/batches',
        status: 201,
        scope: 'write',
        summary: 'Create a batch',
        description:
          'Makes a batch, to which jobs are then added, for a week. A user has at most 1,000 that take jobs. With an idempotency key, a repetition gets the batch of the first call, and 200 instead of 201.',
        errors: ['batch.too_many', 'idempotency.mismatch'],
        idempotent: true,
        locates: true,
        versioned: true,
        output: schema('Batch'),
        example: { request: exampleCreate, reply: exampleBatch },
      })
      .input(validated(schema('CreateBatch')))
      .mutation(async ({ ctx, input: { idempotencyKey, name = null, ...batch } }): Promise<BatchView> => {
        const idempotency = idempotencyOf(oneKey(ctx, idempotencyKey), { ...batch, name })
        const made = await create(ctx.services.database, ctx.actor.userId, { ...batch, name, idempotency })
        if (made.replayed) ctx.reply.replayed = true
        ctx.reply.location = `/v1/batches/${made.batchId}`
        return replyWithBatch(ctx, made.batchId)
      }),

    listBatches: procedure
      .meta({
        rest: 'GET /v1/batches',
        status: 200,
        scope: 'read',
        summary: 'List batches',
        description: 'The batches of the caller, newest first.',
        errors: [],
        output: schema('BatchPage'),
        example: { reply: { batches: [exampleBatch], nextCursor: null } },
      })
      .input(validated(schema('ListBatches')))
      .query(async ({ ctx: { services, actor }, input: { limit, cursor } }): Promise<BatchPageView> => {
        const rows = await list(services.database, actor.userId, { limit, before: cursor })
        const page = rows.slice(0, limit)
        const states = await getBatchStates(
          services.database,
          page.map(({ id }) => id),
        )
        const last = page.at(-1)
        const views = page.map((batch) => {
          const state = states.get(batch.id)
          return state ? viewBatch(services, batch, state) : undefined
        })
        return {
          batches: (await Promise.all(views)).filter((view) => view !== undefined),
          nextCursor: rows.length > limit && last ? encodeCursor(last.id) : null,
        }
      }),

    getBatch: procedure
      .meta({
        rest: 'GET /v1/batches/{batchId}',
        status: 200,
        scope: 'read',
        summary: 'Look at a batch',
        description:
          'The state of its jobs, their cost so far, and their estimated end. With `Prefer: wait` the answer comes with the next change: after the version that `If-None-Match` names, or else after the one at hand. A batch whose jobs have all ended is answered at once.',
        errors: ['batch.not_found'],
        versioned: true,
        waits: 'change',
        output: schema('Batch'),
        example: { reply: exampleBatch },
      })
      .input(validated(schema('OneBatch'), ['batchId']))
      .query(({ ctx, input }): Promise<BatchView> => replyWithBatch(ctx, input.batchId)),

    getBatchResults: procedure
      .meta({
        rest: 'GET /v1/batches/{batchId}/results',
        status: 200,
        scope: 'read',
        summary: 'Take the results of a batch away',
        description:
          'Its jobs with their texts, in the order in which they were made: a row for each, a column for each field of a text. As CSV (`format=csv`) all pages have the same columns, and a cell that a spreadsheet would run begins with an apostrophe. A header `Link` names the next page. With `approved=true` it has approved texts alone, each in the revision that was approved, and no job without one: a page may then have fewer rows than `limit`, or none, while there are more.',
        errors: ['batch.not_found'],
        media: ['application/jsonl', 'text/csv'],
        output: schema('ResultsPage'),
        example: { reply: { rows: [exampleRow], nextCursor: null } },
      })
      .input(validated(schema('BatchResults')))
      .query(async ({ ctx, input }): Promise<ResultsPageView> => {
        const { database } = ctx.services
        const { batchId, format, limit, cursor, status, approved } = input
        await find(database, owned(ctx, batchId))
        const found = await getResults(database, { batchId, limit, after: cursor, statuses: status, approved })
        const { rows, nextCursor } = pageOfRows(found)
        if (nextCursor !== null) ctx.reply.nextCursor = nextCursor
        if (ctx.transport === 'trpc' || format === 'json') return { rows, nextCursor }
        const text =
          format === 'csv' ? await toCsv(rows, await headerOf(await getWanted(database, batchId))) : toJsonLines(rows)
        ctx.reply.body = { type: mediaTypes[format], text, fileName: `batch-${batchId}.${format}` }
        return { rows, nextCursor }
      }),

    addBatchJobs: procedure
      .meta({
        rest: 'POST /v1/batches/{batchId}/jobs',
        status: 201,
        scope: 'write',
        summary: 'Add jobs to a batch',
        description:
          'Up to 100 jobs in one body of up to 5.5 MiB. Of a batch with `onInvalid` `refuse` all of them are made or none; of one with `skip` those that can be made, and `rejected` says what is wrong with the others. One idempotency key may stand for the call, or each job may have its own. The answer is 200 instead of 201 if it made none.',
        errors: ['batch.not_found', 'batch.closed', 'batch.full', ...createErrors],
        idempotent: true,
        limited: true,
        output: schema('AddedJobs'),
        example: {
          request: {
            jobs: [{ imageUrl: 'https://example.com/shoe.jpg', analysisPurpose: 'Sell it', outputFormat: 'summary' }],
          },
          reply: { jobs: [{ index: 0, jobId: 1, replayed: false }], rejected: [] },
        },
      })
      .input(validated(schema('AddBatchJobs')))
      .mutation(async ({ ctx, input }): Promise<AddedJobsView> => {
        const batch = await find(ctx.services.database, owned(ctx, input.batchId))
        const added = await addJobs(ctx, batch, input.jobs, oneKey(ctx, input.idempotencyKey))
        if (added.jobs.every(({ replayed }) => replayed)) ctx.reply.replayed = true
        return added
      }),

    importBatchCsv: procedure
      .meta({
        rest: 'POST /v1/batches/{batchId}/csv',
        status: 200,
        scope: 'write',
        summary: 'Add the rows of a CSV to a batch',
        description:
          'Up to 10,000 rows in up to 5.5 MiB, made into jobs a hundred at a time. Of a batch with `onInvalid` `refuse` every row is checked before the first is made, and an error names line and column; of one with `skip`, `rejected` does. Where `more` is true, or when the call failed in between, send the same CSV again: what is there already is not made twice.',
        errors: ['batch.not_found', 'batch.closed', 'batch.full', ...createErrors],
        idempotent: true,
        limited: true,
        takesText: { type: 'text/csv', field: 'csv' },
        output: schema('ImportedCsv'),
        example: {
          request: {
            csv: 'imageUrl;sku;analysisPurpose;outputFormat;price\nhttps://example.com/shoe.jpg;TR-7;Sell it;summary;129.00 €\n',
          },
          reply: { rows: 1, jobs: 1, replayed: 0, rejectedRows: 0, rejected: [], more: false },
        },
      })
      .input(validated(schema('ImportBatchCsv')))
      .mutation(async ({ ctx, input }): Promise<ImportedCsvView> => {
        const batch = await find(ctx.services.database, owned(ctx, input.batchId))
        const { importCsv } = await import('./import-csv.ts')
        const imported = await importCsv(ctx, batch, input.csv, oneKey(ctx, input.idempotencyKey), hasTime(ctx))
        if (imported.jobs > 0 && imported.replayed === imported.jobs) ctx.reply.replayed = true
        return imported
      }),

    cancelBatch: procedure
      .meta({
        rest: 'POST /v1/batches/{batchId}/cancel',
        status: 200,
        scope: 'write',
        summary: 'Cancel a batch',
        description:
          'Cancels those of its jobs that have not ended; it takes no more. Doing it twice is no error, and goes on where there was no time for all of them.',
        errors: ['batch.not_found'],
        output: schema('BatchChange'),
        example: { reply: { batchId: 5, jobs: 192, more: false } },
      })
      .input(validated(schema('OneBatch'), ['batchId']))
      .mutation(async ({ ctx, input: { batchId } }): Promise<BatchChangeView> => {
        const { database } = ctx.services
        await find(database, owned(ctx, batchId))
        const changed = await cancel(database, owned(ctx, batchId), hasTime(ctx))
        logBatch(ctx, 'cancelled', batchId)
        await admitNext(ctx)
        return { batchId, ...changed }
      }),

    retryBatch: procedure
      .meta({
        rest: 'POST /v1/batches/{batchId}/retry',
        status: 200,
        scope: 'write',
        summary: 'Retry failed jobs of a batch',
        description:
          'Gives those of its jobs that have failed, or failed with one code, a new life. What they have saved is kept. If this would exceed the caller’s limit of waiting jobs, only as many are retried as there is room for, and `more` is true.',
        errors: ['batch.not_found', 'limit.jobs_waiting', 'limit.spend_per_day'],
        output: schema('BatchChange'),
        example: { request: { code: 'analysis.timed_out' }, reply: { batchId: 5, jobs: 3, more: false } },
      })
      .input(validated(schema('RetryBatch')))
      .mutation(async ({ ctx, input: { batchId, code } }): Promise<BatchChangeView> => {
        const { database, lifeMs } = ctx.services
        await find(database, owned(ctx, batchId))
        const changed = await retry(database, owned(ctx, batchId), code, {
          lifeMs,
          allow: roomToRetry(ctx),
          hasTime: hasTime(ctx),
        })
        logBatch(ctx, 'retried', batchId)
        ctx.services.wakeWorker()
        return { batchId, ...changed }
      }),

    deleteBatch: procedure
      .meta({
        rest: 'DELETE /v1/batches/{batchId}',
        status: 200,
        scope: 'write',
        summary: 'Delete a batch',
        description:
          'Deletes it with all its jobs, their outputs and attempts, whatever their status. It is gone once `more` is false: until then, call again.',
        errors: ['batch.not_found'],
        output: schema('BatchChange'),
        example: { reply: { batchId: 5, jobs: 500, more: false } },
      })
      .input(validated(schema('OneBatch'), ['batchId']))
      .mutation(async ({ ctx, input: { batchId } }): Promise<BatchChangeView> => {
        const { database } = ctx.services
        await find(database, owned(ctx, batchId))
        const changed = await remove(database, owned(ctx, batchId), hasTime(ctx))
        logBatch(ctx, 'deleted', batchId)
        await admitNext(ctx)
        return { batchId, ...changed }
      }),
  },
} satisfies Resource

/** As many rows as a page may have, one at least: an answer of a function may be 6 MB. */
function pageOfRows({ jobs, next }: ResultJobs) {
  const rows: ResultRow[] = []
  let bytes = 0
  for (const result of jobs) {
    const row = rowOf(result)
    bytes += Buffer.byteLength(JSON.stringify(row))
    if (rows.length > 0 && bytes > maxPageBytes) break
    rows.push(row)
  }
  const last = rows.length < jobs.length ? jobs[rows.length - 1]?.job.id : next
  return { rows, nextCursor: last === undefined ? null : encodeCursor(last) }
}

function hasTime({ services }: Caller): () => boolean {
  const until = services.now() + changingMs
  return () => services.now() < until
}

/** Logs a caller's change of a batch; the caller's id stays out of the log. */
function logBatch({ services }: Caller, what: string, batchId: number): void {
  services.log('info', `batch ${what}`, { batchId })
}
