import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  customType,
  date,
  datetime,
  index,
  int,
  mysqlTable,
  primaryKey,
  tinyint,
  uniqueIndex,
} from 'drizzle-orm/mysql-core'

/** Every status of a job, in the order of a job's life. docs/job-lifecycle.md has the table of what leads where. */
export const statuses = ['scheduled', 'blocked', 'pending', 'processing', 'completed', 'failed', 'cancelled'] as const
export type Status = (typeof statuses)[number]

/** Those in which nothing happens to a job by itself any more. */
export const endedStatuses = ['completed', 'failed', 'cancelled'] as const satisfies Status[]

/** The two paid steps, in the order in which they run; also the two kinds of output and the two lanes of the queue. */
export const steps = ['analysis', 'content'] as const
export type Step = (typeof steps)[number]

/** The status of a text: it is to be made, or made anew; it is completed; or it failed for good, until the job is retried. */
export const textStatuses = ['waiting', 'completed', 'failed'] as const
export type TextStatus = (typeof textStatuses)[number]

/** Whose words an output is. */
export const authors = ['model', 'user'] as const
export type Author = (typeof authors)[number]

/** How a job began or ended, as it is counted. */
export const countedStatuses = ['created', 'completed', 'failed', 'cancelled', 'deleted'] as const
export type CountedStatus = (typeof countedStatuses)[number]

/** How to treat a call with invalid jobs: refuse it as a whole, or create the others. */
export const invalidPolicies = ['refuse', 'skip'] as const
export type OnInvalid = (typeof invalidPolicies)[number]

/**
 * Where an image's bytes are: on their way to the bucket, there, or on their way out of it.
 */
export const imageStates = ['arriving', 'stored', 'deleting'] as const
export type ImageState = (typeof imageStates)[number]

/**
 * How a stored picture is turned to be shown, as Exif numbers it (CIPA DC-008, tag 0x0112): 1 as it is stored, 3 by half a
 * turn, 6 by a quarter turn clockwise, 8 by one anticlockwise; 2, 4, 5 and 7 are their mirror images.
 */
export type ImageOrientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** Facts about a product or a brand, by name. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** How a run ended; `running` until it has. */
export const outcomes = ['running', 'completed', 'retried', 'failed', 'released', 'lost', 'cancelled'] as const
export type Outcome = (typeof outcomes)[number]

/**
 * How a connection reaches its client: as plain server-sent events, as a subscription of tRPC, or as a call that waits for
 * its answer.
 */
export const transports = ['sse', 'trpc', 'wait'] as const
export type Transport = (typeof transports)[number]

/**
 * Why a watcher's connection was closed: its job ended or was deleted, its time was up and it was to come back, its client
 * went away, a younger one of the same user took its place, its process died, or something failed.
 */
export const closeReasons = ['ended', 'deleted', 'reconnect', 'left', 'replaced', 'expired', 'failed'] as const
export type CloseReason = (typeof closeReasons)[number]

/**
 * What is called for money, and so has limits and outages of its own: its name in core/providers/registry.ts. The columns have
 * no closed list, so that another provider needs no migration.
 */
export type Provider = string

/** The scopes that a claim depends on: its lane's provider, and `all`, claiming as a whole. */
export type ProviderScope = string

// Keys and tokens compare byte by byte: the default collations ignore case and think two emoji equal.
const key = customType<{ data: string; config: { length: number } }>({
  dataType: (config) => `varchar(${config?.length}) character set ascii collate ascii_bin`,
})
const word = <T extends string>(name: string) =>
  customType<{ data: T }>({ dataType: () => 'varchar(20) character set ascii collate ascii_bin' })(name)
const text = customType<{ data: string; config: { length: number } }>({
  dataType: (config) => `varchar(${config?.length}) character set utf8mb4 collate utf8mb4_bin`,
})
// The server's text type and this codec, so that JSON is the same, byte for byte, on MariaDB and on MySQL.
const json = <T>(name: string) =>
  customType<{ data: T; driverData: string }>({
    dataType: () => 'mediumtext character set utf8mb4 collate utf8mb4_bin',
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value) => JSON.parse(value) as T,
  })(name)
// UTC with milliseconds, always written by the database's own UTC_TIMESTAMP(3).
const time = (name: string) => datetime(name, { mode: 'date', fsp: 3 })
const id = (name: string) => bigint(name, { mode: 'number', unsigned: true })
const count = (name: string) => int(name, { unsigned: true }).notNull().default(0)
/** As a provider says; null where it does not. */
const tokenCount = (name: string) => int(name, { unsigned: true })
const amount = (name: string) => bigint(name, { mode: 'number' })
const total = (name: string) => amount(name).notNull().default(0)
/** What runs waited for, took and failed of, as a worker adds it up; null in rows from before it did. */
const runStats = () => ({ stats: json<RunStats>('stats') })
/** The counters of a worker, in jobs and runs. */
const tallies = () => ({
  claimed: count('claimed'),
  completed: count('completed'),
  retried: count('retried'),
  failed: count('failed'),
  released: count('released'),
  lost: count('lost'),
  reclaimed: count('reclaimed'),
  expired: count('expired'),
})
const oneOf = (column: string, values: readonly string[]) =>
  sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`)

/**
 * What ended runs waited for, took and failed of. Durations are counted by `statBounds` of core/domain/run-stats.ts, so that
 * those of many workers add up to percentiles.
 */
export interface RunStats {
  /** In nano-dollars, of the calls whose price is known. */
  readonly cost: number
  /** How many durations were no longer than each bound, and than none. */
  readonly durations: Readonly<Record<'waiting' | 'image' | Step, readonly number[]>>
  /** Jobs that failed, by code. */
  readonly failed: Readonly<Record<string, number>>
}

/** The queue and the history: one row for each job. */
export const visionJobs = mysqlTable(
  'vision_jobs',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    status: word<Status>('status').notNull(),
    /** The step that a claim would run next, and so the lane in which the job waits. */
    nextStep: word<Step>('next_step').notNull().default('analysis'),
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
    /** What the client named, as a URL is serialised: in ASCII; of a data URL only its type and hash. */
    imageUrl: key('image_url', { length: 8192 }).notNull(),
    /** The snapshot of the image, from the first run on: what every later run reads. */
    imageId: id('image_id'),
    analysisPurpose: text('analysis_purpose', { length: 2000 }).notNull(),
    /** How many texts are wanted, 1 to 24, and how many of them are there as they are wanted. */
    texts: tinyint('texts', { unsigned: true }).notNull().default(1),
    textsCompleted: tinyint('texts_completed', { unsigned: true }).notNull().default(0),
    /** Of the first text, as are its language, its platform and its brand. */
    outputFormat: key('output_format', { length: 40 }).notNull(),
    language: key('language', { length: 35 }).notNull(),
    /** The network that a post is for; null for a post for any, and for every other format. */
    platform: key('platform', { length: 20 }),
    /** What the client says of what the image shows, a price or a material, for the writer to use. */
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
    /** The worker that holds the lease; means something while processing. */
    workerId: key('worker_id', { length: 64 }),
    /** When a scheduled job is due. */
    availableAt: time('available_at'),
    leaseExpiresAt: time('lease_expires_at'),
    errorCode: key('error_code', { length: 64 }),
    errorMessage: text('error_message', { length: 500 }),
    /** What did not fit in the paid answer of the analysis, which is then asked for once more and no third time. */
    answerIssue: text('answer_issue', { length: 1000 }),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** The first claim. */
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    expiresAt: time('expires_at').notNull(),
  },
  (job) => [
    index('claim').on(job.status, job.nextStep, job.startTag, job.id),
    index('due').on(job.status, job.availableAt, job.id),
    index('lease').on(job.status, job.leaseExpiresAt),
    index('expiry').on(job.status, job.nextStep, job.expiresAt, job.id),
    index('owner').on(job.userId, job.status, job.nextStep, job.startTag),
    index('history').on(job.userId, job.id),
    // What has changed since when, with all that tells whether a watcher knows of it.
    index('changes').on(job.userId, job.updatedAt, job.id, job.version),
    // With the format behind the id: a page that is filtered by both finds it without the row.
    index('status_history').on(job.userId, job.status, job.id, job.outputFormat),
    index('format_history').on(job.userId, job.outputFormat, job.id),
    index('ended').on(job.status, job.finishedAt, job.id),
    index('image').on(job.imageId),
    index('batch').on(job.batchId, job.status, job.id),
    // What an operator looks for first: the jobs whose last error is this one, newest first.
    index('error').on(job.errorCode, job.id),
    uniqueIndex('idempotency').on(job.userId, job.idempotencyKey),
    check('vision_jobs_status', oneOf('status', statuses)),
    check('vision_jobs_next_step', oneOf('next_step', steps)),
  ],
)

/**
 * One row for each user who has ever had a job: the lock under which the concurrency limit is enforced, whether any are
 * blocked, and how far the user has come in the fair queue.
 */
export const visionUsers = mysqlTable(
  'vision_users',
  {
    userId: key('user_id', { length: 255 }).primaryKey(),
    /** When the user was last seen to have blocked jobs; null once there are none. */
    blockedSeenAt: time('blocked_seen_at'),
    /** The last turns that the user's jobs had in the two lanes: remembered when those jobs have long been claimed. */
    analysisTag: id('analysis_tag').notNull().default(0),
    contentTag: id('content_tag').notNull().default(0),
    /** The most texts that one of those jobs had, since virtual time last passed all of them. */
    analysisWidth: tinyint('analysis_width', { unsigned: true }).notNull().default(1),
    contentWidth: tinyint('content_width', { unsigned: true }).notNull().default(1),
  },
  (user) => [index('blocked').on(user.blockedSeenAt)],
)

/** The jobs that were deleted lately, for those who watch all jobs of a user or of a batch: kept for a week. */
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

/** The two lanes of the queue: how far each has come. */
export const visionLanes = mysqlTable(
  'vision_lanes',
  {
    lane: word<Step>('lane').primaryKey(),
    /** The highest start tag that was ever claimed in it. */
    virtualTime: id('virtual_time').notNull().default(0),
  },
  () => [check('vision_lanes_lane', oneOf('lane', steps))],
)

/** The texts that jobs want: one row for each. */
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
    /** 1, 2, … among those that are wanted alike. */
    variant: tinyint('variant', { unsigned: true }).notNull().default(1),
    status: word<TextStatus>('status').notNull(),
    /** The current one, which stays while another is made; 0 for none. */
    revision: count('revision'),
    /** The revision that its owner approved; null for none. */
    approvedRevision: int('approved_revision', { unsigned: true }),
    /** What its owner asks for of the revision that is to be made. */
    instruction: text('instruction', { length: 2000 }),
    /** The user who asked for it; null for the first revision. */
    requestedBy: key('requested_by', { length: 255 }),
    /** What did not fit in the paid answer for this text: see that of the job. */
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
 * What the steps made: one row for the analysis of each job, and one for each revision of each text. It is the checkpoint: what is
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
    /** The user who wrote it, or asked for it anew; null for the first revision. */
    requestedBy: key('requested_by', { length: 255 }),
    /** The instruction that it was made with. */
    instruction: text('instruction', { length: 2000 }),
    /** The model as the provider names it in its answer; empty for a user's own text. */
    model: text('model', { length: 120 }).notNull(),
    /** The words that asked for it, with their version: `summary@2`; null before there were versions. */
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
    /** The step of whose provider calls one was cut off at least, so that it may have been paid for without an answer. */
    possiblyBilled: word<Step>('possibly_billed'),
    /** How many calls that may be: as many as can have been out, where the worker died. */
    possiblyBilledCalls: count('possibly_billed_calls'),
    /** How many calls of the run are out at once, at most. */
    callsAtOnce: tinyint('calls_at_once', { unsigned: true }).notNull().default(1),
    /** How long the job was pending before the claim, in milliseconds. */
    waitingMs: count('waiting_ms'),
    /** How long bringing the image took. */
    imageMs: count('image_ms'),
    /** The model as the provider names it; null where no call was answered. */
    analysisModel: text('analysis_model', { length: 120 }),
    /** Calls that were answered: two where the first answer did not fit. */
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

/**
 * What each user has used, by day (UTC), model and status. A row with a model has the calls that it answered, in runs of this
 * outcome; the row without one has the runs of this outcome and the jobs that so began or ended. It outlives jobs.
 */
export const visionUsage = mysqlTable(
  'vision_usage',
  {
    userId: key('user_id', { length: 255 }).notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    model: text('model', { length: 120 }).notNull(),
    status: word<CountedStatus | Outcome>('status').notNull(),
    jobs: total('jobs'),
    runs: total('runs'),
    calls: total('calls'),
    /** Calls that were cut off, so that they may have been paid for without an answer; they have no model. */
    possiblyBilled: total('possibly_billed'),
    inputTokens: total('input_tokens'),
    cachedTokens: total('cached_tokens'),
    outputTokens: total('output_tokens'),
    thinkingTokens: total('thinking_tokens'),
    /** In nano-dollars, of the calls whose price is known. */
    cost: total('cost'),
    /** Calls whose price is not known. */
    unpricedCalls: total('unpriced_calls'),
    waitingMs: total('waiting_ms'),
    imageMs: total('image_ms'),
    analysisMs: total('analysis_ms'),
    contentMs: total('content_ms'),
  },
  // The only key, so that adding to a row locks this row and nothing beside it.
  (usage) => [primaryKey({ columns: [usage.userId, usage.day, usage.model, usage.status] })],
)

/**
 * What jobs failed of, by user, day (UTC), code and the step that they had come to. It is counted where the ledger is, and
 * outlives jobs as that does.
 */
export const visionFailures = mysqlTable(
  'vision_failures',
  {
    userId: key('user_id', { length: 255 }).notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    code: key('code', { length: 64 }).notNull(),
    step: word<Step>('step').notNull(),
    jobs: total('jobs'),
    firstAt: time('first_at').notNull(),
    lastAt: time('last_at').notNull(),
    /** One that failed so, the last that was counted. */
    jobId: id('job_id').notNull(),
  },
  (failure) => [
    primaryKey({ columns: [failure.userId, failure.day, failure.code, failure.step] }),
    index('by_day').on(failure.day, failure.code, failure.step),
  ],
)

/** The batches: one row for each. */
export const visionBatches = mysqlTable(
  'vision_batches',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    name: text('name', { length: 100 }),
    /** The defaults of the jobs that are added to it. */
    defaults: json<Record<string, unknown>>('defaults').notNull(),
    onInvalid: word<OnInvalid>('on_invalid').notNull().default('refuse'),
    idempotencyKey: key('idempotency_key', { length: 255 }),
    /** SHA-256 of the request that the idempotency key came with, in hex. */
    requestHash: key('request_hash', { length: 64 }),
    createdAt: time('created_at').notNull(),
    /** From then on it takes no more jobs. */
    closesAt: time('closes_at').notNull(),
    cancelledAt: time('cancelled_at'),
  },
  (batch) => [
    index('owner').on(batch.userId, batch.id),
    index('open').on(batch.userId, batch.closesAt),
    index('closed').on(batch.closesAt),
    uniqueIndex('idempotency').on(batch.userId, batch.idempotencyKey),
  ],
)

/**
 * What has become of each batch, so that nothing is counted by reading its jobs. A row with the status of a job has the jobs
 * that have it now (of `created` and `deleted`: that ever were); one with the outcome of a run has what those runs took. They
 * are changed in the transaction that changes the jobs, as `vision_usage` is.
 */
export const visionBatchCounts = mysqlTable(
  'vision_batch_counts',
  {
    batchId: id('batch_id').notNull(),
    status: word<CountedStatus | Outcome>('status').notNull(),
    /** The error of jobs that failed; empty in every other row. */
    code: key('code', { length: 64 }).notNull(),
    jobs: total('jobs'),
    calls: total('calls'),
    /** Calls that were cut off, so that they may have been paid for without an answer. */
    possiblyBilled: total('possibly_billed'),
    /** In nano-dollars, of the calls whose price is known. */
    cost: total('cost'),
    unpricedCalls: total('unpriced_calls'),
    /** How long the runs worked: the image, and both steps. */
    workMs: total('work_ms'),
  },
  // The only key: see `vision_usage`.
  (one) => [primaryKey({ columns: [one.batchId, one.status, one.code] })],
)

/** The brands: one row for each, with its current version. An archived one stays for the jobs that were made with it. */
export const visionBrands = mysqlTable(
  'vision_brands',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    /** As in the current profile. */
    name: text('name', { length: 100 }).notNull(),
    /** The current version, and so how many there are: none is ever deleted. */
    version: count('version'),
    archivedAt: time('archived_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (brand) => [index('owner').on(brand.userId, brand.archivedAt, brand.id)],
)

/** What each version of a brand says. A row never changes: jobs were made by it. */
export const visionBrandVersions = mysqlTable(
  'vision_brand_versions',
  {
    brandId: id('brand_id').notNull(),
    version: count('version'),
    profile: json<unknown>('profile').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (version) => [primaryKey({ columns: [version.brandId, version.version] })],
)

/** What each user was granted to upload on the last day of any upload, UTC. */
export const visionUploadQuotas = mysqlTable('vision_upload_quotas', {
  userId: key('user_id', { length: 255 }).primaryKey(),
  day: date('day', { mode: 'string' }).notNull(),
  uploads: count('uploads'),
  bytes: total('bytes'),
})

/** How often each user has asked for an estimate in the minute that began last. */
export const visionEstimateQuotas = mysqlTable('vision_estimate_quotas', {
  userId: key('user_id', { length: 255 }).primaryKey(),
  begunAt: time('begun_at').notNull(),
  estimates: count('estimates'),
})

/** The snapshots: one row for each image that a user's jobs use, however many do. */
export const visionImages = mysqlTable(
  'vision_images',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    /** Of the bytes, in hex. */
    sha256: key('sha256', { length: 64 }).notNull(),
    state: word<ImageState>('state').notNull(),
    type: key('type', { length: 20 }).notNull(),
    bytes: int('bytes', { unsigned: true }).notNull(),
    /** In pixels, as stored in the file. */
    width: int('width', { unsigned: true }).notNull(),
    height: int('height', { unsigned: true }).notNull(),
    /** As Exif numbers it, 1 to 8; null in rows from before it was read. */
    orientation: tinyint('orientation', { unsigned: true }).$type<ImageOrientation>(),
    /** When the sweeper may look at it; never while a job uses it. */
    sweepAt: time('sweep_at'),
    createdAt: time('created_at').notNull(),
  },
  (image) => [
    uniqueIndex('user_sha256').on(image.userId, image.sha256),
    index('sweep').on(image.sweepAt),
    check('vision_images_state', oneOf('state', imageStates)),
  ],
)

/**
 * Who watches or waits for which job, one row for each connection, and with the job 0 for a batch or all jobs. That of a stream is kept for a week after its end, that
 * of a wait goes with it.
 */
export const visionJobSessions = mysqlTable(
  'vision_job_sessions',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    jobId: id('job_id').notNull(),
    transport: word<Transport>('transport').notNull(),
    /** Its place among the user's streams or waits, of which there are as many as the user may have: `stream-0`, `wait-3`. */
    slot: word<string>('slot'),
    connectedAt: time('connected_at').notNull(),
    /** The job's version in the last event that was handed over to be sent; where many jobs are watched, how many events. */
    lastEvent: count('last_event'),
    lastSeenAt: time('last_seen_at').notNull(),
    /** Null while it is live. */
    closedAt: time('closed_at'),
    closeReason: word<CloseReason>('close_reason'),
  },
  (session) => [
    index('live').on(session.userId, session.closedAt, session.id),
    uniqueIndex('slot').on(session.userId, session.slot),
    // Live ones by when they were last seen; closed ones by when they were closed.
    index('closing').on(session.closedAt, session.lastSeenAt),
    check('vision_job_sessions_transport', oneOf('transport', transports)),
    check('vision_job_sessions_close_reason', oneOf('close_reason', closeReasons)),
  ],
)

/** Workers, one row for each drain: what each has done and when it was last heard of; kept for a week. */
export const visionWorkers = mysqlTable(
  'vision_workers',
  {
    id: key('id', { length: 64 }).primaryKey(),
    /** Where it runs: the log stream on Lambda, the host's name elsewhere. */
    host: text('host', { length: 255 }).notNull(),
    /** The most jobs in flight. */
    concurrency: count('concurrency'),
    inFlight: count('in_flight'),
    startedAt: time('started_at').notNull(),
    lastHeartbeatAt: time('last_heartbeat_at').notNull(),
    /** When it ended in order; null while it runs, and of one that died. */
    stoppedAt: time('stopped_at'),
    ...tallies(),
    ...runStats(),
  },
  (worker) => [
    index('heartbeat').on(worker.lastHeartbeatAt),
    index('running').on(worker.stoppedAt, worker.lastHeartbeatAt),
  ],
)

/**
 * The workers that were woken and have not reported yet, and a row named `last`: when any was. Who wakes changes that one first, so
 * that many callers at once wake as many as one.
 */
export const visionWakes = mysqlTable(
  'vision_wakes',
  { id: key('id', { length: 64 }).primaryKey(), wokenAt: time('woken_at').notNull() },
  (wake) => [index('woken').on(wake.wokenAt)],
)

/** What each worker did in each minute, so that the last hour is a sum over few rows and no row is everybody's. */
export const visionWorkerMinutes = mysqlTable(
  'vision_worker_minutes',
  {
    /** When the minute began; the counters were reported during it. */
    minute: time('minute').notNull(),
    workerId: key('worker_id', { length: 64 }).notNull(),
    ...tallies(),
    ...runStats(),
  },
  (one) => [primaryKey({ columns: [one.minute, one.workerId] })],
)

/** What operators did, for good: one row for each command, dry runs included. */
export const visionOperatorActions = mysqlTable('vision_operator_actions', {
  id: id('id').autoincrement().primaryKey(),
  at: time('at').notNull(),
  /** A user id, or `cli:` and the name of the account that ran the command. */
  actor: key('actor', { length: 300 }).notNull(),
  action: key('action', { length: 40 }).notNull(),
  parameters: json<Record<string, unknown>>('parameters').notNull(),
  /** Kept up to date with every batch; `done` is false in that of a command that did not come to its end. */
  result: json<Record<string, unknown>>('result').notNull(),
  dryRun: tinyint('dry_run', { unsigned: true }).notNull(),
})

/**
 * What all workers know of a provider, and what an operator has paused: one row for each provider, and `all` for claiming as
 * a whole.
 */
export const visionProviderStates = mysqlTable('vision_provider_states', {
  provider: word<ProviderScope>('provider').primaryKey(),
  /** Paused by an operator, until an operator resumes it. */
  pausedAt: time('paused_at'),
  pausedBy: key('paused_by', { length: 255 }),
  pausedReason: text('paused_reason', { length: 500 }),
  /** No call goes to the provider before. */
  backoffUntil: time('backoff_until'),
  /** The error that caused the last backoff. */
  backoffCode: key('backoff_code', { length: 64 }),
  /** Backoffs since the provider last answered: each is longer. */
  backoffs: count('backoffs'),
  /** Calls that failed or timed out since it last answered. */
  consecutiveFailures: count('consecutive_failures'),
  /** Since when its circuit is open: one call at a time probes it. */
  openedAt: time('opened_at'),
  /** By how much the expiry of jobs that lived through an outage is postponed, in milliseconds, and until when that holds. */
  graceMs: id('grace_ms').notNull().default(0),
  graceUntil: time('grace_until'),
})

/** Permits to call a provider: one row for each call, from its reservation until it counts in no limit any more. */
export const visionPermits = mysqlTable(
  'vision_permits',
  {
    id: key('id', { length: 80 }).primaryKey(),
    provider: word<Provider>('provider').notNull(),
    /** When the call went out, or null. */
    sentAt: time('sent_at'),
    /** When it counts as in flight no longer, unless its worker renews it; null once the call has ended. */
    expiresAt: time('expires_at'),
    /** An estimate, and from the answer on what the provider says. */
    tokens: count('tokens'),
  },
  (permit) => [
    index('sent').on(permit.provider, permit.sentAt, permit.tokens),
    index('expired').on(permit.expiresAt),
    index('ended').on(permit.sentAt),
    index('in_flight').on(permit.provider, permit.expiresAt, permit.sentAt, permit.tokens),
  ],
)

/** The API keys of users: of each only its hash. One that is revoked is deleted. */
export const visionApiKeys = mysqlTable(
  'vision_api_keys',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    name: text('name', { length: 100 }).notNull(),
    /** SHA-256 of the key, in hex. */
    hash: key('hash', { length: 64 }).notNull(),
    /** What the key begins with, so that its owner knows it again. */
    prefix: key('prefix', { length: 20 }).notNull(),
    /** Which of `read`, `write` and `operator`, separated by spaces. */
    scopes: key('scopes', { length: 40 }).notNull(),
    /** The key that it was made with; null: a token or a command. */
    madeByKeyId: id('made_by_key_id'),
    createdAt: time('created_at').notNull(),
    /** Not valid from then on; null: until it is revoked. */
    expiresAt: time('expires_at'),
    /** When it was last seen in use, to ten minutes; null: never. */
    lastUsedAt: time('last_used_at'),
  },
  (one) => [uniqueIndex('hash').on(one.hash), index('owner').on(one.userId, one.id)],
)
