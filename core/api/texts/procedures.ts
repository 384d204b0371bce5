import type * as z from 'zod'
import { VisionError } from '../../domain/errors.ts'
import { matchesETag } from '../../http/etag.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { textState } from '../../live/events.ts'
import type { OutputFormat } from '../../pipeline/formats.ts'
import { addTexts, editText, getRevisions, type MoreOptions, regenerateText } from '../../queue/change/change-texts.ts'
import { getVisionJob } from '../../queue/read/read.ts'
import type { TextRow } from '../../queue/rows/texts.ts'
import type { QuotaState } from '../../usage/quotas.ts'
import { logJob } from '../jobs/after-change.ts'
import { exampleJob } from '../jobs/examples.ts'
import { asInvalidInput } from '../jobs/invalid-jobs.ts'
import { owned } from '../jobs/owned.ts'
import { replyWithJob } from '../jobs/reply.ts'
import type { JobView } from '../jobs/schema.ts'
import { type Caller, procedure } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import type { JobWithText } from './check-content.ts'
import { exampleRevisions, exampleText } from './examples.ts'
import type { OneText, OneTextView, RevisionsView } from './schema.ts'

const jobSchema = deferred(() => import('../jobs/schema.ts'))
const schema = deferred(() => import('./schema.ts'))

const moreErrors = ['limit.jobs_per_day', 'limit.jobs_waiting', 'limit.spend_per_day'] as const

/** The texts of a job: adding and regenerating them, editing and approval. */
export const texts = {
  name: 'texts',
  description: 'The texts of a job: more of them, other revisions, and what their owner makes of them.',
  procedures: {
    addTexts: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/texts',
        status: 200,
        scope: 'write',
        summary: 'Ask for more texts',
        description:
          'Has a job that has completed or failed write more texts from its saved analysis. It counts as a job of the day, and nothing that the job has is made again.',
        errors: ['job.not_found', 'brand.not_found', 'text.not_ready', 'text.too_many', ...moreErrors],
        versioned: true,
        limited: true,
        output: jobSchema('Job'),
        example: { request: { outputs: [{ outputFormat: 'alt_text', language: 'de' }] }, reply: exampleJob },
      })
      .input(validated(schema('AddTexts')))
      .mutation(async ({ ctx, input: { jobId, outputs } }): Promise<JobView> => {
        await addTexts(ctx.services.database, owned(ctx, jobId), outputs, optionsOf(ctx)).catch((error: unknown) => {
          throw asInvalidInput(error, () => [])
        })
        logJob(ctx, 'texts added', jobId)
        ctx.services.wakeWorker()
        return replyWithJob(ctx, jobId)
      }),

    getText: procedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}/texts/{textId}',
        status: 200,
        scope: 'read',
        summary: 'Look at a text',
        description: 'One text of a job, with its current revision.',
        errors: ['job.not_found', 'text.not_found'],
        versioned: true,
        output: schema('OneTextReply'),
        example: { reply: exampleText },
      })
      .input(validated(schema('OneText')))
      .query(({ ctx, input }): Promise<OneTextView> => replyWithText(ctx, input)),

    regenerateText: procedure
      .meta({
        rest: 'POST /v1/jobs/{jobId}/texts/{textId}/regenerate',
        status: 200,
        scope: 'write',
        summary: 'Have a text made anew',
        description:
          'Has the next revision of a text made, of a job that has completed or failed; the current one stays readable until then, and among the revisions for good. It counts as a job of the day.',
        errors: ['job.not_found', 'text.not_found', 'text.not_ready', 'text.too_many_revisions', ...moreErrors],
        versioned: true,
        limited: true,
        output: schema('OneTextReply'),
        example: { request: { instruction: 'Shorter, and begin with the price.' }, reply: exampleText },
      })
      .input(validated(schema('RegenerateText')))
      .mutation(async ({ ctx, input: { jobId, textId, instruction } }): Promise<OneTextView> => {
        const text = { ...owned(ctx, jobId), text: textId }
        await regenerateText(ctx.services.database, text, instruction, optionsOf(ctx))
        logJob(ctx, 'text regenerated', jobId)
        ctx.services.wakeWorker()
        return replyWithText(ctx, { jobId, textId })
      }),

    editText: procedure
      .meta({
        rest: 'PATCH /v1/jobs/{jobId}/texts/{textId}',
        status: 200,
        scope: 'write',
        summary: 'Edit or approve a text',
        description:
          'Makes a revision of the caller’s own words, which must have the fields of the text’s format, or approves the current one. `If-Match` must have the ETag of the text as the caller read it.',
        errors: ['job.not_found', 'text.not_found', 'text.not_ready', 'text.too_many_revisions'],
        versioned: true,
        conditional: true,
        output: schema('OneTextReply'),
        example: { request: { approved: true }, reply: exampleText },
      })
      .input(validated(schema('EditText')))
      .mutation(async ({ ctx, input: { jobId, textId, content, approved, revision } }): Promise<OneTextView> => {
        const { ifMatch } = ctx.preferences
        if (ifMatch === undefined && revision === undefined) throw new VisionError('request.precondition_required')
        const isExpected = (row: TextRow) =>
          (ifMatch === undefined || matchesETag(ifMatch, etagOf(row))) &&
          (revision === undefined || revision === row.revision)
        const written = content && (await checked(ctx, { jobId, textId }, content))
        const text = { ...owned(ctx, jobId), text: textId }
        await editText(ctx.services.database, text, isExpected, { content: written, approved })
        logJob(ctx, 'text edited', jobId)
        return replyWithText(ctx, { jobId, textId })
      }),

    listTextRevisions: procedure
      .meta({
        rest: 'GET /v1/jobs/{jobId}/texts/{textId}/revisions',
        status: 200,
        scope: 'read',
        summary: 'List the revisions of a text',
        description: 'Every revision of a text, newest first: by whom, when, and what was asked for.',
        errors: ['job.not_found', 'text.not_found'],
        output: schema('Revisions'),
        example: { reply: exampleRevisions },
      })
      .input(validated(schema('OneText')))
      .query(async ({ ctx, input: { jobId, textId } }): Promise<RevisionsView> => {
        const { text, revisions } = await getRevisions(ctx.services.database, { ...owned(ctx, jobId), text: textId })
        return {
          jobId,
          textId,
          outputFormat: text.outputFormat as OutputFormat,
          revisions: revisions.map((row) => ({
            revision: row.revision,
            author: row.author,
            requestedBy: row.requestedBy,
            instruction: row.instruction,
            approved: row.revision === text.approvedRevision,
            model: row.model || null,
            prompt: row.prompt,
            createdAt: row.createdAt.toISOString(),
            // Both were validated when they were saved.
            result: row.body as Record<string, unknown>,
            findings: (row.findings ?? []) as RevisionsView['revisions'][number]['findings'],
          })),
        }
      }),
  },
} satisfies Resource

type TextKey = z.output<typeof OneText>

/** Changes with every change of the text. */
function etagOf({ jobId, text, version }: Pick<TextRow, 'jobId' | 'text' | 'version'>): string {
  return `"${jobId}-${text}-${version}"`
}

function optionsOf({ services, reply }: Caller): MoreOptions {
  const onQuotas = (left: QuotaState) => {
    reply.limits = rateLimitHeaders(left)
  }
  return { lifeMs: services.lifeMs, limits: services.limits, onQuotas }
}

async function find(caller: Caller, { jobId, textId }: TextKey): Promise<JobWithText> {
  const found = await getVisionJob(caller.services.database, owned(caller, jobId))
  const text = found.texts.find((row) => row.text === textId)
  if (text === undefined) throw new VisionError('text.not_found')
  return { ...found, text }
}

async function replyWithText(caller: Caller, key: TextKey): Promise<OneTextView> {
  const { job, text, outputs } = await find(caller, key)
  caller.reply.etag = etagOf(text)
  return { jobId: job.id, text: textState(job, text, outputs) as OneTextView['text'] }
}

/** See `checkContent`, which is loaded when the first text is edited. */
async function checked(caller: Caller, key: TextKey, content: Record<string, unknown>) {
  const { checkContent } = await import('./check-content.ts')
  return checkContent(caller.services.database, await find(caller, key), content)
}
