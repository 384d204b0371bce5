import * as z from 'zod'
import { outcomes, statuses } from '../../../drizzle/schema.ts'
import { platformConflict } from '../../brands/resolve.ts'
import { describeKey, idempotencyKey } from '../../http/idempotency-schema.ts'
import { pageFields } from '../../http/page-fields.ts'
import { isMissing } from '../../http/validation.ts'
import { BrandAnalysis } from '../../pipeline/analysis.ts'
import { Facts } from '../../pipeline/brand.ts'
import { outputFormats } from '../../pipeline/formats.ts'
import { languageTag } from '../../pipeline/language-tag.ts'
import { maxTexts } from '../../queue/rows/texts.ts'
import {
  batchId,
  brandId,
  codeFilter,
  count,
  ErrorCodes,
  jobId,
  milliseconds,
  OutputFormat,
  Platform,
  Status,
  Step,
  time,
} from '../fields.ts'
import { costUsd, tokens, Usage } from '../usage/schema.ts'
import { Content, output, Text } from './outputs.ts'

// --- input ---

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

export const WantedText = z
  .strictObject({
    outputFormat: OutputFormat,
    language: languageTag.optional().meta({
      description: 'A BCP 47 tag: `en` if left out, or what the brand has by default.',
      examples: ['en', 'de-CH'],
    }),
    platform: Platform.nullish().meta({ description: 'The network that a post is for, with `social_post` only.' }),
    brandId: brandId
      .optional()
      .meta({ description: 'The brand that this text is written for: the job’s if left out.' }),
    variants: z.int().min(1).max(maxTexts).optional().meta({ description: 'How many of them: 1 if left out.' }),
  })
  .refine(({ outputFormat, platform }) => !platform || outputFormat === 'social_post', {
    path: ['platform'],
    params: { code: 'field.conflict' },
    message: platformConflict,
  })
  .meta({ id: 'WantedText' })

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
    outputFormat: OutputFormat.optional().meta({
      description: 'What to write, for one text. May be left out where the brand has one by default.',
    }),
    outputs: z
      .array(WantedText)
      .min(1)
      .max(maxTexts)
      .optional()
      .meta({
        description: `The texts to write, all from one analysis: up to ${maxTexts} with their variants. Instead of \`outputFormat\`, \`language\` and \`platform\`.`,
      }),
    language: languageTag.optional().meta({
      description: 'The language of the text, a BCP 47 tag: `en` if left out, or what the brand has by default.',
      examples: ['en', 'de-CH'],
    }),
    platform: Platform.nullish().meta({
      description:
        'The network that the post is for, with `social_post` only. The brand’s first by default if left out; null, and without one, a post for any.',
    }),
    brandId: brandId.optional().meta({
      description: 'The brand that the text is written for: what it says now is kept with the job. No brand, no voice.',
    }),
    // Null as an answer says that there are none; so is the metadata.
    facts: Facts.nullish()
      .transform((value) => value ?? undefined)
      .meta({
        description:
          'What is known beside the image, by name, up to 4,096 bytes of JSON: the writer uses it, and the text is checked against it.',
        examples: [{ name: 'Trail 7', price: '129.00 €', material: ['recycled nylon'] }],
      }),
    metadata: metadata.nullish().transform((value) => value ?? undefined),
    idempotencyKey: idempotencyKey.optional().meta({
      description: describeKey('Of a job that is not in a batch, the header `Idempotency-Key` may say it instead.'),
    }),
  })
  // The defaults of a brand are looked up when the job is created.
  .refine(({ outputFormat, outputs, brandId }) => [outputFormat, outputs, brandId].some((one) => one !== undefined), {
    path: ['outputFormat'],
    params: { code: 'field.missing' },
    message: isMissing,
    // Told along with what else is wrong.
    when: ({ value }) => typeof value === 'object' && value !== null,
  })
  .refine(({ outputFormat, platform }) => !platform || outputFormat === undefined || outputFormat === 'social_post', {
    path: ['platform'],
    params: { code: 'field.conflict' },
    message: platformConflict,
  })
  .superRefine(({ outputs, ...job }, context) => {
    if (outputs === undefined) return
    for (const field of ['outputFormat', 'language', 'platform'] as const) {
      if (job[field] === undefined || job[field] === null) continue
      const message = 'is said of each text in outputs: send one or the other'
      context.addIssue({ code: 'custom', path: [field], params: { code: 'field.conflict' }, message })
    }
    const texts = outputs.reduce((sum, { variants = 1 }) => sum + variants, 0)
    if (texts <= maxTexts) return
    const message = `are ${texts} texts with their variants, and a job has at most ${maxTexts}`
    context.addIssue({ code: 'custom', path: ['outputs'], params: { code: 'field.too_large' }, message })
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

/** What a job of the caller is found by: all that is named must fit. */
export const filterFields = {
  status: z.array(Status).min(1).max(statuses.length).optional().meta({ description: 'Only jobs in these statuses.' }),
  outputFormat: z
    .array(OutputFormat)
    .min(1)
    .max(outputFormats.length)
    .optional()
    .meta({ description: 'Only jobs with these output formats: those of their first texts.' }),
  batchId: batchId.optional().meta({ description: 'Only jobs of this batch.' }),
  code: codeFilter.optional().meta({
    description: 'Only jobs whose last error has this code, or one that begins so: `analysis.`',
    examples: ['analysis.timed_out'],
  }),
  createdFrom: time.optional().meta({ description: 'Only jobs that were created then or later: ISO 8601, UTC.' }),
  createdTo: time.optional().meta({ description: 'Only jobs that were created before: ISO 8601, UTC.' }),
  metadataKey: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^"\\\p{Cc}]+$/u, 'must be a name without quotation marks, backslashes and control characters')
    .optional()
    .meta({
      description: 'Only jobs whose metadata have `metadataValue` under this name, at their top.',
      examples: ['sku'],
    }),
  metadataValue: z
    .string()
    .max(1_000)
    .optional()
    .meta({
      description: 'A text, or a number or boolean as JSON writes it, exactly as it was given.',
      examples: ['TR-7'],
    }),
  ids: z.array(jobId).min(1).max(100).optional().meta({
    description: 'Only these jobs, up to 100. Those that are not there, or not the caller’s, are left out.',
  }),
}

type FilterInput = z.output<z.ZodObject<typeof filterFields>>

/** Holds the fields of a filter against each other. */
export function checkFilter(
  { metadataKey, metadataValue, createdFrom, createdTo }: FilterInput,
  context: z.core.$RefinementCtx,
): void {
  const missing = metadataKey === undefined ? 'metadataKey' : 'metadataValue'
  if ((metadataKey === undefined) !== (metadataValue === undefined)) {
    context.addIssue({ code: 'custom', path: [missing], params: { code: 'field.missing' }, message: isMissing })
  }
  if (createdFrom === undefined || createdTo === undefined || createdFrom <= createdTo) return
  const message = 'must not be before createdFrom'
  context.addIssue({ code: 'custom', path: ['createdTo'], params: { code: 'field.conflict' }, message })
}

export const History = z
  .strictObject({
    limit: z.int().min(1).max(100).default(20).meta({ description: 'The most jobs in one page.' }),
    ...pageFields,
    ...filterFields,
    include: z
      .array(z.enum(['outputs']))
      .min(1)
      .max(1)
      .optional()
      .meta({
        description: 'outputs: each job with what it has made. A page then has up to 4 MB.',
      }),
  })
  .superRefine(checkFilter)
  .prefault({})

// --- output ---

export const JobError = z
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
    analysisPurpose: z.string().meta({ description: 'As given.' }),
    texts: z
      .object({ wanted: count, completed: count })
      .meta({ description: 'How many texts were asked for, and how many are there.' }),
    outputFormat: OutputFormat.meta({ description: 'Of the first text, as are language, platform and brand.' }),
    language: z.string().meta({ description: 'Of the first text, a BCP 47 tag.' }),
    platform: Platform.nullable().meta({ description: 'The network that a post is for; null if none was named.' }),
    facts: Facts.nullable().meta({ description: 'The facts that the writer was given.' }),
    brandId: brandId.nullable().meta({ description: 'The brand that the text is written for; null for none.' }),
    brandVersion: count.nullable().meta({ description: 'The version of the brand that the job began with.' }),
    metadata: z.record(z.string(), z.unknown()).nullable().meta({ description: 'As given; null if none was.' }),
    batchId: batchId.nullable().meta({ description: 'The batch that it belongs to; null for none.' }),
    createdAt: time.meta({ description: 'When it was created.' }),
    updatedAt: time.meta({ description: 'When it last changed.' }),
    startedAt: time.nullable().meta({ description: 'When the first run began.' }),
    finishedAt: time.nullable().meta({ description: 'When it ended; null until then.' }),
    expiresAt: time.meta({ description: 'If it has not ended by then, it fails.' }),
    timings: z
      .object({
        waitingMs: milliseconds.meta({ description: 'What of the total was no run: in the queue, and between runs.' }),
        runningMs: milliseconds.meta({
          description: 'All runs together. A run whose worker died counts until that was noticed.',
        }),
        totalMs: milliseconds.meta({ description: 'From creation to the end or now.' }),
      })
      .meta({ description: 'How long it has waited and run, in milliseconds.' }),
    version: count.meta({ description: 'Grows with every change.' }),
  })
  .meta({ id: 'JobSummary' })

const Outputs = z
  .object({
    analysis: output(BrandAnalysis).nullable(),
    content: Content.nullable().meta({ description: 'The first text, once it is there.' }),
    texts: z.array(Text).meta({ description: 'Every text that was asked for, by its number.' }),
  })
  .meta({
    description:
      'What the steps made: `analysis`, null until it is there; `texts`, each that was asked for; and `content`, the first of them, null until it is there.',
  })

export const Job = JobSummary.extend({
  usage: Usage.meta({ description: 'What all runs of the job have taken so far.' }),
  eventsUrl: z.url().nullable().meta({
    description:
      'Streams what happens to the job, as server-sent events. It holds a ticket that is valid until `expiresAt` and for this job alone, so an EventSource can open it as it is. Null where nothing is streamed, and once the job’s time is over.',
  }),
  outputs: Outputs,
}).meta({ id: 'Job' })

export const Jobs = z
  .object({
    batchId: batchId.nullable().meta({
      description:
        'The batch that was made of those that are new; of a repetition that of the first call, null if there were several.',
    }),
    jobs: z.array(JobSummary),
  })
  .meta({ id: 'Jobs' })
export type JobsView = z.infer<typeof Jobs>

const ListedJob = JobSummary.extend({
  outputs: Outputs.optional().meta({ description: 'What the job has made, where that is asked for.' }),
}).meta({ id: 'ListedJob' })

export const JobPage = z
  .object({
    jobs: z.array(ListedJob),
    nextCursor: z.string().nullable().meta({ description: 'Asks for the next page; null on the last.' }),
  })
  .meta({ id: 'JobPage' })

/** The usage of one call, as far as the provider reports it. */
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

export const Attempt = z
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
    possiblyBilledCalls: count.meta({
      description: 'How many calls were cut off: where the worker died, as many as can have been out.',
    }),
    waitingMs: milliseconds.meta({ description: 'How long the job was pending before this run.' }),
    imageMs: milliseconds.meta({ description: 'How long bringing the image took.' }),
    usage: z.object({ analysis: StepUsage.nullable(), content: StepUsage.nullable() }),
  })
  .meta({ id: 'Attempt' })

export const Attempts = z.object({ attempts: z.array(Attempt) }).meta({ id: 'Attempts' })

export type ImageView = z.infer<typeof Image>
export type JobView = z.infer<typeof Job>
export type JobSummaryView = z.infer<typeof JobSummary>
export type JobPageView = z.infer<typeof JobPage>
export type AttemptsView = z.infer<typeof Attempts>
