import { sql } from 'drizzle-orm'
import { check, index, int, mysqlTable, primaryKey, tinyint, uniqueIndex } from 'drizzle-orm/mysql-core'
import {
  amount,
  count,
  id,
  json,
  key,
  oneOf,
  stored,
  text,
  time,
  tokenCount,
  whereOneOf,
  word,
  wordOf,
} from './columns.ts'
import {
  type Author,
  authors,
  endedStatuses,
  type Facts,
  type Outcome,
  outcomes,
  type Step,
  statuses,
  steps,
  type TextStatus,
  textStatuses,
  waitingStatuses,
} from './values.ts'

/** The queue and the history: one row for each job. */
export const visionJobs = mysqlTable(
  'vision_jobs',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    status: wordOf('status', statuses).notNull(),
    /** The step that a claim would run next, and so the lane in which the job waits. */
    nextStep: wordOf('next_step', steps).notNull().default('analysis'),
    /** The job's place in its lane's fair queue; meaningful while pending. */
    startTag: id('start_tag').notNull().default(0),
    /** Grows with every change that a client can see. */
    version: count('version'),
    /** Grows with every claim, through every retry and redrive: the fencing token. */
    attempt: count('attempt'),
    /** Runs that failed through the job's own fault, since creation or redrive. */
    failures: count('failures'),
    /** Runs whose worker died, since creation or redrive. */
    crashes: count('crashes'),
    maxRetries: tinyint('max_retries', { unsigned: true }).notNull(),
    /** The client's URL, serialised in ASCII; of a data URL only its type and hash. */
    imageUrl: key('image_url', { length: 8192 }).notNull(),
    /** The snapshot of the image, from the first run on; every later run reads it. */
    imageId: id('image_id'),
    analysisPurpose: text('analysis_purpose', { length: 2000 }).notNull(),
    /** The number of requested texts, 1 to 24, and how many of them are completed. */
    texts: tinyint('texts', { unsigned: true }).notNull().default(1),
    textsCompleted: tinyint('texts_completed', { unsigned: true }).notNull().default(0),
    /** Of the first text, as are the language, the platform and the brand. */
    outputFormat: key('output_format', { length: 40 }).notNull(),
    language: key('language', { length: 35 }).notNull(),
    /** The network of a post; null for a post for any network, and for every other format. */
    platform: key('platform', { length: 20 }),
    /** Facts that the client gives the writer beyond the image, such as a price or a material. */
    facts: json<Facts>('facts'),
    /** The brand that the texts are written for, and the version of it that was current at the creation; null for none. */
    brandId: id('brand_id'),
    brandVersion: int('brand_version', { unsigned: true }),
    metadata: json<Record<string, unknown>>('metadata'),
    /** The batch that the job belongs to; null for none. */
    batchId: id('batch_id'),
    idempotencyKey: key('idempotency_key', { length: 255 }),
    /** SHA-256 of the request that the idempotency key came with, in hex. */
    requestHash: key('request_hash', { length: 64 }),
    /** The W3C trace id of the call that created the job, in hex: what every run of it and its provider calls carry on. */
    traceId: key('trace_id', { length: 32 }),
    /** The worker that holds the lease; meaningful while processing. */
    workerId: key('worker_id', { length: 64 }),
    /** When a scheduled job is due. */
    availableAt: time('available_at'),
    leaseExpiresAt: time('lease_expires_at'),
    errorCode: key('error_code', { length: 64 }),
    errorMessage: text('error_message', { length: 500 }),
    /** What was invalid in the paid answer of the analysis; the provider is then asked once more, not a third time. */
    answerIssue: text('answer_issue', { length: 1000 }),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** The first claim. */
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    expiresAt: time('expires_at').notNull(),
    // Each is null for all jobs but those that its indexes are for: a job moves their entries when it enters and leaves, not
    // with every other change.
    /** The status of a job that waits. */
    waitingAs: wordOf('waiting_as', waitingStatuses).generatedAlwaysAs(
      whereOneOf('status', waitingStatuses, 'status'),
      stored,
    ),
    /** The lane that it waits in. */
    lane: wordOf('lane', steps).generatedAlwaysAs(whereOneOf('status', waitingStatuses, 'next_step'), stored),
    /** The status of a job that has ended. */
    endedAs: wordOf('ended_as', endedStatuses).generatedAlwaysAs(whereOneOf('status', endedStatuses, 'status'), stored),
    /** The status of a job that belongs to a batch. */
    batchStatus: wordOf('batch_status', statuses).generatedAlwaysAs(sql`if(batch_id is null, null, status)`, stored),
  },
  (job) => [
    index('claim').on(job.waitingAs, job.lane, job.startTag, job.id),
    index('due').on(job.status, job.availableAt, job.id),
    index('lease').on(job.status, job.leaseExpiresAt),
    index('expiry').on(job.waitingAs, job.lane, job.expiresAt, job.id),
    index('owner').on(job.userId, job.waitingAs, job.lane, job.startTag),
    index('history').on(job.userId, job.id),
    // Changes since a moment, with all that shows whether a watcher knows them.
    index('changes').on(job.userId, job.updatedAt, job.id, job.version),
    // With the format behind the id: a page that is filtered by both finds it without the row.
    index('status_history').on(job.userId, job.status, job.id, job.outputFormat),
    index('format_history').on(job.userId, job.outputFormat, job.id),
    index('ended').on(job.endedAs, job.finishedAt, job.id),
    index('image').on(job.imageId),
    index('batch').on(job.batchId, job.batchStatus, job.id),
    // The operator's most frequent search: the jobs with this last error, newest first.
    index('error').on(job.errorCode, job.id),
    uniqueIndex('idempotency').on(job.userId, job.idempotencyKey),
  ],
)

/** Recently deleted jobs, for watchers of all jobs of a user or of a batch: kept for a week. */
export const visionJobDeletions = mysqlTable(
  'vision_job_deletions',
  {
    jobId: id('job_id').primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    batchId: id('batch_id'),
    /** One more than the job's last. */
    version: count('version'),
    deletedAt: time('deleted_at').notNull(),
  },
  (deletion) => [
    index('changes').on(deletion.userId, deletion.deletedAt, deletion.jobId, deletion.version),
    index('batch').on(deletion.batchId, deletion.deletedAt, deletion.jobId, deletion.version),
    index('old').on(deletion.deletedAt),
  ],
)

/** The requested texts of jobs: one row for each. */
export const visionJobTexts = mysqlTable(
  'vision_job_texts',
  {
    jobId: id('job_id').notNull(),
    /** 1, 2, … within the job. */
    text: tinyint('text', { unsigned: true }).notNull(),
    outputFormat: key('output_format', { length: 40 }).notNull(),
    language: key('language', { length: 35 }).notNull(),
    platform: key('platform', { length: 20 }),
    brandId: id('brand_id'),
    brandVersion: int('brand_version', { unsigned: true }),
    /** 1, 2, … among identical requests. */
    variant: tinyint('variant', { unsigned: true }).notNull().default(1),
    status: word<TextStatus>('status').notNull(),
    /** The current one, which stays in use while another is made; 0 for none. */
    revision: count('revision'),
    /** The revision that its owner approved; null for none. */
    approvedRevision: int('approved_revision', { unsigned: true }),
    /** The owner's instruction for the revision to be made. */
    instruction: text('instruction', { length: 2000 }),
    /** The user who asked for it; null for the first revision. */
    requestedBy: key('requested_by', { length: 255 }),
    /** What was invalid in the paid answer for this text: see that of the job. */
    answerIssue: text('answer_issue', { length: 1000 }),
    /** Why the last call for it failed. */
    errorCode: key('error_code', { length: 64 }),
    errorMessage: text('error_message', { length: 500 }),
    /** The version of the job that its last change came with. */
    version: count('version'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (wanted) => [
    primaryKey({ columns: [wanted.jobId, wanted.text] }),
    check('vision_job_texts_status', oneOf('status', textStatuses)),
  ],
)

/**
 * The outputs of the steps: one row for the analysis of each job, and one for each revision of each text. It is the checkpoint: what is
 * saved is never paid for again.
 */
export const visionJobOutputs = mysqlTable(
  'vision_job_outputs',
  {
    id: id('id').autoincrement().primaryKey(),
    jobId: id('job_id').notNull(),
    kind: word<Step>('kind').notNull(),
    /** Which text; 0 for the analysis. */
    text: tinyint('text', { unsigned: true }).notNull().default(1),
    /** 1, 2, … of each text. */
    revision: int('revision', { unsigned: true }).notNull().default(1),
    attempt: count('attempt'),
    /** The job's version that this output came with. */
    version: count('version'),
    author: word<Author>('author').notNull().default('model'),
    /** The user who wrote or requested it; null for the first revision. */
    requestedBy: key('requested_by', { length: 255 }),
    /** The instruction that it was made with. */
    instruction: text('instruction', { length: 2000 }),
    /** The model as the provider names it in its answer; empty for a user's own text. */
    model: text('model', { length: 120 }).notNull(),
    /** The prompt with its version: `summary@2`; null in rows of earlier releases. */
    prompt: key('prompt', { length: 60 }),
    body: json<unknown>('body').notNull(),
    /** The findings in a text; null for an analysis, and for texts from before there were findings. */
    findings: json<unknown>('findings'),
    createdAt: time('created_at').notNull(),
  },
  (output) => [
    uniqueIndex('job_text').on(output.jobId, output.kind, output.text, output.revision),
    check('vision_job_outputs_kind', oneOf('kind', steps)),
    check('vision_job_outputs_author', oneOf('author', authors)),
  ],
)

/** One row for every run of a job: what happened and why. */
export const visionJobAttempts = mysqlTable(
  'vision_job_attempts',
  {
    id: id('id').autoincrement().primaryKey(),
    jobId: id('job_id').notNull(),
    attempt: count('attempt'),
    workerId: key('worker_id', { length: 64 }).notNull(),
    outcome: word<Outcome>('outcome').notNull().default('running'),
    /** The step that the run began with, then the step that it had come to. */
    step: word<Step>('step').notNull(),
    errorCode: key('error_code', { length: 64 }),
    errorMessage: text('error_message', { length: 500 }),
    /** The raw reason, for the operator alone, secrets removed. */
    errorDetail: text('error_detail', { length: 2000 }),
    /** The step in which at least one call was cut off, so that it may have been paid for without an answer. */
    possiblyBilled: word<Step>('possibly_billed'),
    /** How many calls those may be: if the worker died, all that can have been in flight. */
    possiblyBilledCalls: count('possibly_billed_calls'),
    /** The most concurrent calls of the run. */
    callsAtOnce: tinyint('calls_at_once', { unsigned: true }).notNull().default(1),
    /** How long the job was pending before the claim, in milliseconds. */
    waitingMs: count('waiting_ms'),
    /** How long loading the image took. */
    imageMs: count('image_ms'),
    /** The model as the provider names it; null where no call was answered. */
    analysisModel: text('analysis_model', { length: 120 }),
    /** Calls that were answered: two if the first answer was invalid. */
    analysisCalls: count('analysis_calls'),
    analysisInputTokens: tokenCount('analysis_input_tokens'),
    /** A part of the input. */
    analysisCachedTokens: tokenCount('analysis_cached_tokens'),
    /** Thinking included. */
    analysisOutputTokens: tokenCount('analysis_output_tokens'),
    /** A part of the output. */
    analysisThinkingTokens: tokenCount('analysis_thinking_tokens'),
    /** In nano-dollars; null where the price is not known. */
    analysisCost: amount('analysis_cost'),
    analysisMs: count('analysis_ms'),
    contentModel: text('content_model', { length: 120 }),
    contentCalls: count('content_calls'),
    contentInputTokens: tokenCount('content_input_tokens'),
    contentCachedTokens: tokenCount('content_cached_tokens'),
    contentOutputTokens: tokenCount('content_output_tokens'),
    contentThinkingTokens: tokenCount('content_thinking_tokens'),
    contentCost: amount('content_cost'),
    contentMs: count('content_ms'),
    startedAt: time('started_at').notNull(),
    endedAt: time('ended_at'),
  },
  (run) => [
    uniqueIndex('job_attempt').on(run.jobId, run.attempt),
    check('vision_job_attempts_outcome', oneOf('outcome', outcomes)),
  ],
)
