import * as z from 'zod'
import { type CountedStatus, countedStatuses, outcomes, statuses, steps } from '../../../drizzle/schema.ts'
import { describeCode, type ErrorCode, errorCodes } from '../../domain/errors.ts'
import { decodeCursor } from '../../http/cursor.ts'
import { fieldCodes, maxFieldProblems } from '../../http/problem.ts'
import { imageTypes } from '../../images/detect.ts'
import { maxImageBytes } from '../../images/limits.ts'
import { BrandAnalysis } from '../../pipeline/analysis.ts'
import { formats, outputFormats } from '../../pipeline/formats.ts'
import { platformNames } from '../../pipeline/platforms.ts'

// --- words ---

const Status = z.enum(statuses).meta({
  id: 'Status',
  description:
    'scheduled: waits for its time · blocked: waits until fewer jobs of its owner are pending or processing · pending: waits for a worker · processing: a worker has it · completed: both outputs are there · failed: ended by an error, may be retried · cancelled: withdrawn by its owner',
})
const Step = z
  .enum(steps)
  .meta({ id: 'Step', description: 'analysis: what is in the image · content: the text made from it' })
const OutputFormat = z.enum(outputFormats).meta({ id: 'OutputFormat', description: 'What the second step writes.' })
const Platform = z
  .enum(platformNames)
  .meta({ id: 'Platform', description: 'The network that a post is for: its limits and habits are kept.' })
const jobId = z
  .int()
  .min(1)
  .meta({ description: 'The id of a job.', examples: [1] })
const time = z.iso.datetime().meta({ description: 'ISO 8601, UTC.', examples: ['2026-11-23T12:00:00.000Z'] })
const count = z.int().min(0)
const milliseconds = z.int().min(0)

// --- what goes in ---

/** What may be an idempotency key. Their column takes 'a' and 'a ' for the same, hence no space at either end. */
export const idempotencyKey = z
  .string()
  .regex(
    /^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/,
    'must be 1 to 200 characters of printable ASCII, with no space at either end',
  )

/** What an idempotency key is for, and where else it may be said. */
export function describeKey(elsewhere: string): string {
  return `The same key with the same request is the same job, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. ${elsewhere}`
}

// A primary language of four letters is reserved, and none of five to eight was ever registered (RFC 5646, section
// 2.2.1): what comes so long is a name like "german".
const notLanguage = 'must be a BCP 47 language tag like en or de-CH'
const language = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/, notLanguage)
  .meta({ description: 'The language of the text, a BCP 47 tag.', examples: ['en', 'de-CH'] })
  .transform((tag, context) => {
    const canonical = canonicalLanguage(tag)
    if (canonical !== undefined && canonical.length <= 35) return canonical
    context.issues.push({ code: 'custom', input: tag, message: notLanguage })
    return z.NEVER
  })

function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0]
  } catch {
    return undefined
  }
}

const maxMetadataBytes = 4096
const metadata = z
  .record(z.string(), z.unknown())
  .superRefine((value, context) => {
    const bytes = Buffer.byteLength(JSON.stringify(value))
    if (bytes <= maxMetadataBytes) return
    context.addIssue({
      code: 'custom',
      params: { code: 'field.too_large' },
      message: `is ${bytes} bytes of JSON, and at most ${maxMetadataBytes} are taken`,
    })
  })
  .meta({ description: `Whatever the client wants to keep with the job, up to ${maxMetadataBytes} bytes of JSON.` })

export const CreateJob = z
  .strictObject({
    imageUrl: z
      .string()
      .min(1)
      .meta({
        description:
          'Where the image is: an https URL of up to 8,192 characters once it is percent-encoded, the `imageUrl` of an upload, or the image itself as a base64 data: URL. A data: URL may hold 4 MB, as far as the body with all its jobs stays within 5.5 MiB; by the other ways an image may have 20 MB. PNG, JPEG, WebP, HEIC or HEIF.',
        examples: ['https://example.com/poster.jpg'],
      }),
    analysisPurpose: z
      .string()
      .trim()
      .min(1)
      .max(2000)
      .meta({ description: 'What the analysis is for.', examples: ['Improve the hero image of our shop'] }),
    outputFormat: OutputFormat,
    language: language.prefault('en'),
    // Null as an answer says that there is none; so is the metadata.
    platform: Platform.nullish()
      .transform((value) => value ?? undefined)
      .meta({
        description: 'The network that the post is for, with `social_post` only; a post for any if left out.',
      }),
    metadata: metadata.nullish().transform((value) => value ?? undefined),
    idempotencyKey: idempotencyKey.optional().meta({
      description: describeKey('Of a job that is not in a batch, the header `Idempotency-Key` may say it instead.'),
    }),
  })
  .refine(({ outputFormat, platform }) => platform === undefined || outputFormat === 'social_post', {
    path: ['platform'],
    params: { code: 'field.conflict' },
    message: 'goes with the output format social_post only: leave it out, or ask for a social_post',
  })
  .meta({ id: 'CreateJob' })

export const CreateJobs = z
  .strictObject({
    jobs: z.array(CreateJob).min(1).max(100),
    idempotencyKey: idempotencyKey.optional().meta({
      description: describeKey(
        'It stands for the batch as a whole, in which no job may then have its own. The header `Idempotency-Key` may say it instead.',
      ),
    }),
  })
  .meta({ id: 'CreateJobs' })

export const CreateUpload = z
  .strictObject({
    contentType: z
      .enum([...imageTypes, 'image/jpg'])
      .transform((type) => (type === 'image/jpg' ? 'image/jpeg' : type))
      .meta({ description: 'What the file is; nothing else will be taken. image/jpg is image/jpeg.' }),
    bytes: z
      .int()
      .min(1)
      .max(maxImageBytes)
      .meta({ description: 'How large the file is; nothing larger will be taken.' }),
  })
  .meta({ id: 'CreateUpload' })

export const OneJob = z.strictObject({ jobId })

export const WatchJob = z.strictObject({
  jobId,
  lastEventId: z
    .string()
    .regex(/^\d{1,10}$/, 'must be the id of an event')
    .optional()
    .meta({
      description:
        'The id of the last event that arrived: only later ones are sent. May be sent as the header Last-Event-ID instead, which counts if both are there.',
    }),
})

export const cursor = z
  .string()
  .max(100)
  .meta({ description: 'The `nextCursor` of the page before.' })
  .transform((text, context) => {
    const before = decodeCursor(text)
    if (before !== undefined) return before
    context.issues.push({ code: 'custom', input: text, message: 'is no cursor that this API gave out' })
    return z.NEVER
  })

export const History = z
  .strictObject({
    limit: z.int().min(1).max(100).default(20).meta({ description: 'At most so many jobs.' }),
    cursor: cursor.optional(),
    status: z
      .array(Status)
      .min(1)
      .max(statuses.length)
      .optional()
      .meta({ description: 'Only jobs in these statuses.' }),
    outputFormat: z
      .array(OutputFormat)
      .min(1)
      .max(outputFormats.length)
      .optional()
      .meta({ description: 'Only jobs with these output formats.' }),
  })
  .prefault({})

// --- what comes out ---

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]
const ErrorCodes = z
  .enum(codes)
  .meta({ id: 'ErrorCode', description: 'Stable: docs/errors.md says what follows from each.' })

const JobError = z
  .object({ code: ErrorCodes, message: z.string() })
  .meta({ id: 'JobError', description: 'What went wrong last: a stable code, and a sentence for people.' })

const Image = z
  .object({
    url: z.url().meta({ description: 'Shows the image, until `expiresAt`; read the job again for a fresh link.' }),
    expiresAt: time,
    type: z.string().meta({ description: 'Its media type, by its content.' }),
    bytes: count,
    width: count.meta({
      description: 'In pixels, as stored in the file; exchange the two to show it if `orientation` is above 4.',
    }),
    height: count,
    orientation: z.int().min(1).max(8).nullable().meta({
      description:
        'How the file asks to be turned when it is shown, as Exif numbers it: 1 as stored, 3 by half a turn, 6 by a quarter turn clockwise, 8 by one anticlockwise; 2, 4, 5 and 7 are mirrored. Browsers do so by themselves, and the analysis goes by the image as shown. Null for images that were taken in before it was read.',
    }),
    sha256: z.string().meta({ description: 'Of its bytes, in hex.' }),
  })
  .meta({ id: 'Image', description: 'The copy of the image that every run of the job reads.' })

export const JobSummary = z
  .object({
    jobId,
    status: Status,
    step: Step.nullable().meta({ description: 'The step that runs or is next; null once the job has ended.' }),
    progress: z.int().min(0).max(100).meta({ description: 'In per cent.' }),
    attempt: count.meta({ description: 'How many runs there have been; it only ever grows.' }),
    failures: count.meta({ description: 'Runs that failed since creation or the last retry by hand.' }),
    crashes: count.meta({ description: 'Runs whose worker died since creation or the last retry by hand.' }),
    maxRetries: count.meta({ description: 'How often a failed run is tried again.' }),
    nextTryAt: time.nullable().meta({ description: 'When a scheduled job is due; null in every other status.' }),
    blockedBy: z.enum(['jobs_in_flight', 'spend_per_day']).nullable().meta({
      description:
        'What a blocked job waits for: fewer jobs of its owner in flight, or the next day (UTC), its owner having spent what a day may cost; null in every other status.',
    }),
    error: JobError.nullable(),
    imageUrl: z.string().meta({ description: 'The URL as given; of a data: URL only its type and hash.' }),
    image: Image.nullable().meta({ description: 'Null until the first run has brought it.' }),
    thumbnailUrl: z.url().nullable().meta({ description: 'A link to show the image by; the same as `image.url`.' }),
    analysisPurpose: z.string(),
    outputFormat: OutputFormat,
    language: z.string(),
    platform: Platform.nullable().meta({ description: 'The network that a post is for; null if none was named.' }),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    createdAt: time,
    updatedAt: time,
    startedAt: time.nullable().meta({ description: 'When the first run began.' }),
    finishedAt: time.nullable(),
    expiresAt: time.meta({ description: 'If it has not ended by then, it fails.' }),
    timings: z.object({
      waitingMs: milliseconds.meta({ description: 'What of the total was no run: in the queue, and between runs.' }),
      runningMs: milliseconds.meta({
        description: 'All runs together. A run whose worker died counts until that was noticed.',
      }),
      totalMs: milliseconds.meta({ description: 'From creation to the end or now.' }),
    }),
    version: count.meta({ description: 'Grows with every change.' }),
  })
  .meta({ id: 'JobSummary' })

const made = {
  model: z.string().meta({ description: 'The model that made it.' }),
  prompt: z
    .string()
    .nullable()
    .meta({ description: 'The instructions that it was made by, with their version.', examples: ['summary@2'] }),
  createdAt: time,
}
const output = <Result extends z.ZodType>(result: Result) => z.object({ ...made, result })
const contentOf = <Name extends string, Result extends z.ZodType>(name: Name, result: Result) =>
  z.object({ outputFormat: z.literal(name), ...made, result }).meta({ id: `${result.meta()?.id}Content` })
const Content = z
  .discriminatedUnion('outputFormat', [
    contentOf('detailed_analysis', formats.detailed_analysis.schema),
    contentOf('summary', formats.summary.schema),
    contentOf('social_post', formats.social_post.schema),
    contentOf('product_description', formats.product_description.schema),
    contentOf('alt_text', formats.alt_text.schema),
    contentOf('brand_guidelines', formats.brand_guidelines.schema),
  ])
  .meta({ id: 'Content', description: 'What the second step wrote; `outputFormat` says which fields `result` has.' })

const tokens = {
  inputTokens: count,
  cachedTokens: count.meta({ description: 'The part of the input that the provider had cached.' }),
  outputTokens: count.meta({ description: 'Thinking included.' }),
  thinkingTokens: count.meta({ description: 'The part of the output that was thinking.' }),
}
const costUsd = z
  .number()
  .min(0)
  .nullable()
  .meta({ description: 'In US dollars, by the price of that day; null where no price is known.', examples: [0.001313] })
const taken = {
  calls: count.meta({ description: 'Calls of a provider that were answered.' }),
  possiblyBilled: count.meta({
    description: 'Calls that were cut off, so that they may have been paid for without an answer: not in the cost.',
  }),
  ...tokens,
  costUsd,
  unpricedCalls: count.meta({ description: 'Calls whose price is not known, which the cost leaves out.' }),
  waitingMs: milliseconds.meta({ description: 'How long jobs were pending before their runs.' }),
  imageMs: milliseconds.meta({ description: 'How long bringing the images took.' }),
  analysisMs: milliseconds.meta({ description: 'How long the calls for the analysis took.' }),
  contentMs: milliseconds.meta({ description: 'How long the calls for the content took.' }),
}
const Usage = z.object(taken).meta({ id: 'Usage', description: 'What was used.' })

export const Job = JobSummary.extend({
  usage: Usage.meta({ description: 'What all runs of the job have taken so far.' }),
  eventsUrl: z.url().nullable().meta({
    description:
      'Streams what happens to the job, as server-sent events. It holds a ticket that is valid until `expiresAt` and for this job alone, so an EventSource can open it as it is. Null where nothing is streamed, and once the job’s time is over.',
  }),
  outputs: z.object({
    analysis: output(BrandAnalysis).nullable(),
    content: Content.nullable(),
  }),
}).meta({ id: 'Job' })

const state = JobSummary.pick({
  jobId: true,
  version: true,
  status: true,
  step: true,
  progress: true,
  attempt: true,
  failures: true,
  nextTryAt: true,
  error: true,
})

export const JobEvent = z
  .discriminatedUnion('type', [
    state.extend({ type: z.enum(['status', 'failed', 'cancelled']) }).meta({ id: 'JobStateEvent' }),
    state.extend({ type: z.literal('completed'), content: Content.nullable() }).meta({ id: 'JobCompletedEvent' }),
    state
      .omit({ failures: true, nextTryAt: true, error: true })
      .extend({ type: z.literal('analysis'), analysis: output(BrandAnalysis) })
      .meta({ id: 'JobAnalysisEvent' }),
    state
      .pick({ jobId: true, version: true })
      .extend({ type: z.literal('deleted') })
      .meta({ id: 'JobDeletedEvent' }),
  ])
  .meta({ id: 'JobEvent', description: 'One event for each version of a job; the version is its id.' })

export const Jobs = z.object({ jobs: z.array(JobSummary) }).meta({ id: 'Jobs' })

export const JobPage = z
  .object({
    jobs: z.array(JobSummary),
    nextCursor: z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' }),
  })
  .meta({ id: 'JobPage' })

/** What one call took, as far as the provider says. */
const callTokens = {
  inputTokens: tokens.inputTokens
    .nullable()
    .meta({ description: 'Null, like the others, where the provider did not say.' }),
  cachedTokens: tokens.cachedTokens.nullable(),
  outputTokens: tokens.outputTokens.nullable(),
  thinkingTokens: tokens.thinkingTokens.nullable(),
}
const StepUsage = z
  .object({ model: z.string().meta({ description: 'The model that answered.' }), ...callTokens, costUsd, milliseconds })
  .meta({ id: 'StepUsage', description: 'What one step took of its provider.' })

export const Attempts = z
  .object({
    attempts: z.array(
      z
        .object({
          attempt: count,
          outcome: z.enum(outcomes),
          step: Step.meta({ description: 'The step that the run had come to.' }),
          startedAt: time,
          endedAt: time.nullable(),
          error: JobError.nullable(),
          possiblyBilled: Step.nullable().meta({
            description: 'The step whose call was cut off, so that it may have been paid for without an answer.',
          }),
          waitingMs: milliseconds.meta({ description: 'How long the job was pending before this run.' }),
          imageMs: milliseconds.meta({ description: 'How long bringing the image took.' }),
          usage: z.object({ analysis: StepUsage.nullable(), content: StepUsage.nullable() }),
        })
        .meta({ id: 'Attempt' }),
    ),
  })
  .meta({ id: 'Attempts' })

const day = z.iso.date()
export const UsageQuery = z
  .strictObject({
    from: day.optional().meta({ description: 'The first day, UTC; 29 days before the last if not given.' }),
    to: day.optional().meta({ description: 'The last day, at most 366 with the first; today if not given.' }),
  })
  .prefault({})

export const UserUsage = z
  .object({
    from: day,
    to: day,
    usage: z.array(
      z
        .object({
          day: day.meta({ description: 'The day on which the run or job ended or the job was created, UTC.' }),
          status: z.enum([...new Set([...countedStatuses, ...outcomes])]).meta({
            description: 'How the run ended. Without a model also: how the job ended, or that it was created.',
          }),
          model: z.string().nullable().meta({
            description: 'The model of the calls. The row without one counts the jobs, the runs and what was cut off.',
          }),
          jobs: count,
          runs: count,
          ...taken,
        })
        .meta({ id: 'UsageRow' }),
    ),
    totals: z.object({
      jobs: z
        .object(
          Object.fromEntries(countedStatuses.map((status) => [status, count])) as Record<CountedStatus, typeof count>,
        )
        .meta({ description: 'A job that was retried by hand ends once more.' }),
      runs: count,
      ...taken,
    }),
  })
  .meta({ id: 'UserUsage' })

export const Upload = z
  .object({
    url: z.url().meta({ description: 'POST the file here, as multipart/form-data.' }),
    fields: z.record(z.string(), z.string()).meta({
      description: 'The fields of the form, to be sent as they are and before the file, which is the field `file`.',
    }),
    imageUrl: z.string().meta({ description: 'What a job is created with.', examples: ['upload:uploads/…'] }),
    expiresAt: time,
  })
  .meta({ id: 'Upload' })

export const Health = z.object({ status: z.enum(['ok', 'unavailable']) }).meta({ id: 'Health' })

/** The codes that a call can be refused with. */
const refusals = codes.filter((code) => describeCode(code).status !== undefined || code === 'internal.error') as [
  ErrorCode,
  ...ErrorCode[],
]

/** An error in REST (RFC 9457). */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'A sentence for people.' }),
    code: z.enum(refusals).meta({ description: 'A stable code for programs.', examples: ['job.not_found'] }),
    requestId: z.string().meta({ description: 'Name it when you report the problem.' }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'Where in the input: a JSON pointer.', examples: ['#/metadata'] }),
          code: z.enum([...fieldCodes, ...refusals]).meta({ description: 'What is wrong with it; stable.' }),
          detail: z.string(),
        }),
      )
      .max(maxFieldProblems)
      .optional(),
  })
  .meta({ id: 'Problem' })

export type ImageView = z.infer<typeof Image>
export type HealthView = z.infer<typeof Health>
export type UserUsageView = z.infer<typeof UserUsage>
export type UsageView = z.infer<typeof Usage>
export type UploadView = z.infer<typeof Upload>
export type JobView = z.infer<typeof Job>
export type JobSummaryView = z.infer<typeof JobSummary>
export type JobEventView = z.infer<typeof JobEvent>
export type AttemptsView = z.infer<typeof Attempts>
export type ProblemView = z.infer<typeof Problem>
