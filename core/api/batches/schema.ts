import * as z from 'zod'
import { invalidPolicies, statuses } from '../../../drizzle/schema.ts'
import { maxJobs } from '../../batches/batches.ts'
import { describeKey, idempotencyKey } from '../../http/idempotency-schema.ts'
import { pageFields } from '../../http/page-fields.ts'
import { batchId, codeFilter, count, ErrorCodes, jobId, Status, time } from '../fields.ts'
import { CreateJob } from '../jobs/schema.ts'

const elsewhere = 'The header `Idempotency-Key` may say it instead.'
const OnInvalid = z.enum(invalidPolicies).meta({
  id: 'OnInvalid',
  description:
    'refuse: a call with a job that cannot be made makes none · skip: it makes the others, and says which not',
})

// --- input ---

const { imageUrl: _, idempotencyKey: __, ...inherited } = CreateJob.shape
const maxDefaultsBytes = 16_384

export const BatchDefaults = z
  .strictObject(inherited)
  .partial()
  .superRefine((value, context) => {
    const bytes = Buffer.byteLength(JSON.stringify(value))
    if (bytes <= maxDefaultsBytes) return
    const message = `is ${bytes} bytes of JSON, and at most ${maxDefaultsBytes} are taken`
    context.addIssue({ code: 'custom', params: { code: 'field.too_large' }, message })
  })
  .meta({ id: 'BatchDefaults', description: 'What a job of the batch is made with where it says nothing itself.' })

const name = z.string().trim().min(1).max(100)

export const CreateBatch = z
  .strictObject({
    name: name.optional().meta({ description: 'For people, up to 100 characters.', examples: ['Spring catalogue'] }),
    defaults: BatchDefaults.default({}),
    onInvalid: OnInvalid.default('refuse'),
    idempotencyKey: idempotencyKey.optional().meta({ description: describeKey(elsewhere) }),
  })
  .prefault({})
  .meta({ id: 'CreateBatch' })

export const AddBatchJobs = z
  .strictObject({
    batchId,
    // Each is validated once the defaults of the batch are known.
    jobs: z
      .array(z.record(z.string(), z.unknown()))
      .min(1)
      .max(100)
      .meta({
        description: `Jobs as \`CreateJob\` has them; what the batch has by default may be left out. A batch takes ${maxJobs.toLocaleString('en')} in its life.`,
      }),
    idempotencyKey: idempotencyKey.optional().meta({
      description: describeKey(`It stands for the call, in which no job may then have its own. ${elsewhere}`),
    }),
  })
  .meta({ id: 'AddBatchJobs' })

export const ImportBatchCsv = z
  .strictObject({
    batchId,
    csv: z.string().min(1).meta({
      description:
        'A line of column names, and a line for each job: `imageUrl`, `sku`, the fields of a job, and any others, which are facts. Separated by commas, semicolons or tabs. Over REST it may be the body itself, as text/csv.',
    }),
    idempotencyKey: idempotencyKey.optional().meta({
      description: describeKey(
        `If left out, the same CSV makes the same jobs of this batch all the same. ${elsewhere}`,
      ),
    }),
  })
  .meta({ id: 'ImportBatchCsv' })

export const OneBatch = z.strictObject({ batchId })

export const RetryBatch = z
  .strictObject({
    batchId,
    code: codeFilter.optional().meta({
      description: 'Only jobs that failed with this code, or with one that begins so: `analysis.`',
      examples: ['analysis.timed_out'],
    }),
  })
  .meta({ id: 'RetryBatch' })

export const ListBatches = z
  .strictObject({
    limit: z.int().min(1).max(100).default(20).meta({ description: 'The most batches on a page.' }),
    ...pageFields,
  })
  .prefault({})

export const BatchResults = z.strictObject({
  batchId,
  format: z.enum(['json', 'jsonl', 'csv']).default('json').meta({
    description: 'Over REST: JSON, JSON with one row a line, or CSV. Over tRPC rows are always JSON.',
  }),
  status: z.array(Status).min(1).max(statuses.length).optional().meta({ description: 'Only jobs in these statuses.' }),
  approved: z.boolean().default(false).meta({
    description: 'Only texts that were approved, as they were approved, and only jobs that have one.',
  }),
  limit: z.int().min(1).max(500).default(100).meta({
    description: 'The most rows on a page; fewer if they would exceed 4 MB.',
  }),
  ...pageFields,
})

// --- output ---

const state = {
  jobs: count.meta({ description: 'All jobs that it has.' }),
  ended: z.boolean().meta({ description: 'It has jobs, and every one of them has ended.' }),
  byStatus: z
    .object(
      Object.fromEntries(statuses.map((status) => [status, count])) as Record<(typeof statuses)[number], typeof count>,
    )
    .meta({ id: 'BatchStatuses', description: 'How many jobs are in which status.' }),
  byCode: z.record(z.string(), count).meta({
    description: 'How many jobs have failed, by the code of their error.',
    examples: [{ 'image.not_found': 1 }],
  }),
  costUsd: z.number().nullable().meta({
    description:
      'What its runs have cost so far, as far as prices are known; null if there were calls and none has a known price.',
  }),
  calls: count.meta({ description: 'Calls that were answered.' }),
  unpricedCalls: count.meta({ description: 'Calls whose price is not known.' }),
  possiblyBilled: count.meta({ description: 'Calls that were cut off, so that they may have been paid for.' }),
  estimatedEndAt: time.nullable().meta({
    description:
      'When the jobs that have not ended will have, at the pace of those that have and as many at once as now; null while nothing runs or nothing has ended.',
  }),
}

/** The state of a batch. */
export const BatchState = z.object({ batchId, ...state })

export const Batch = z
  .object({
    batchId,
    name: z.string().nullable(),
    onInvalid: OnInvalid,
    defaults: z.record(z.string(), z.unknown()),
    ...state,
    eventsUrl: z.url().nullable().meta({
      description:
        'Streams what happens to its jobs, as server-sent events. It holds a ticket for this batch alone, so an EventSource can open it as it is; each answer has a fresh one, valid for as long as a job may take. Null where nothing is streamed.',
    }),
    createdAt: time,
    closesAt: time.meta({ description: 'From then on it takes no more jobs.' }),
    cancelledAt: time.nullable(),
  })
  .meta({ id: 'Batch' })

export const BatchPage = z
  .object({
    batches: z.array(Batch),
    nextCursor: z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' }),
  })
  .meta({ id: 'BatchPage' })

const index = count.meta({ description: 'Where in the call, from 0.' })

export const RejectedJob = z
  .object({
    index,
    errors: z
      .array(
        z.object({
          pointer: z.string(),
          code: z.string(),
          detail: z.string(),
          jobId: jobId.optional().meta({ description: 'The job that has the idempotency key.' }),
        }),
      )
      .meta({ description: 'What is wrong with it: all of it for the first jobs, at least one thing for each.' }),
  })
  .meta({ id: 'RejectedJob' })

export const AddedJobs = z
  .object({
    jobs: z.array(
      z
        .object({
          index,
          jobId,
          replayed: z.boolean().meta({ description: 'It was there before, by its idempotency key.' }),
        })
        .meta({ id: 'AddedJob' }),
    ),
    rejected: z.array(RejectedJob).meta({ description: 'Those that cannot be made, of a batch that skips them.' }),
  })
  .meta({ id: 'AddedJobs' })

export const ImportedCsv = z
  .object({
    rows: count.meta({ description: 'How many there are.' }),
    jobs: count.meta({ description: 'How many of them are jobs now.' }),
    replayed: count.meta({ description: 'How many of those were there before.' }),
    rejectedRows: count.meta({ description: 'How many cannot be jobs, of a batch that skips those.' }),
    rejected: z
      .array(
        z
          .object({
            line: count.meta({ description: 'Where the row begins, from 1.' }),
            errors: z.array(z.object({ column: z.string(), code: z.string(), detail: z.string() })),
          })
          .meta({ id: 'RejectedRow' }),
      )
      .meta({ description: 'What is wrong with the first 1,000 of them.' }),
    more: z.boolean().meta({ description: 'There was no time for all of them: send the same again.' }),
  })
  .meta({ id: 'ImportedCsv' })

export const BatchChange = z
  .object({
    batchId,
    jobs: count.meta({ description: 'How many jobs this call has changed.' }),
    more: z.boolean().meta({ description: 'Not all of it is done: call again.' }),
  })
  .meta({ id: 'BatchChange' })

export const ResultsPage = z
  .object({
    rows: z.array(
      z
        .object({
          jobId,
          imageUrl: z.string(),
          file: z.string().nullable().meta({
            description: 'The `file` of its metadata: the name of the file, where the console or the client sent it.',
          }),
          sku: z.string().nullable().meta({ description: 'The `sku` of its metadata.' }),
          status: Status,
          errorCode: ErrorCodes.nullable(),
          errorMessage: z.string().nullable(),
          finishedAt: time.nullable(),
        })
        .catchall(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable())
        .meta({
          id: 'ResultRow',
          description:
            'A job, and each field of each text as `<format>.<language>.<field>`; before the field come the network of a post, `brand-<id>` where it is not the job’s, and the variant from the second on.',
        }),
    ),
    nextCursor: z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' }),
  })
  .meta({ id: 'ResultsPage' })

/** A job as a row. */
export type ResultRow = Record<string, string | number | boolean | readonly string[] | null>
export type ResultsPageView = { readonly rows: readonly ResultRow[]; readonly nextCursor: string | null }
export type BatchView = z.infer<typeof Batch>
export type BatchStateView = Omit<z.infer<typeof BatchState>, 'batchId'>
export type BatchPageView = z.infer<typeof BatchPage>
export type AddedJobsView = z.infer<typeof AddedJobs>
export type ImportedCsvView = z.infer<typeof ImportedCsv>
export type BatchChangeView = z.infer<typeof BatchChange>
